/** What one evaluation of a mapping can name. Values are made when the text looks: most mappings want the account and nothing else. */
import type { Row } from '../api/model.ts'
import { skipObject } from '../expression/host/exceptions.ts'
import { ModelObject } from '../expression/host/object.ts'
import { Facts, httpRequest, policyRequest, userObject } from '../expression/host/request.ts'
import { namesOf, type Variables } from '../expression/host/run.ts'
import type { Scope } from '../expression/host/scope.ts'
import { PyList, type Value } from '../expression/values.ts'
import type { ClaimsRequest, MappingRequest, MappingRow } from './evaluate.ts'

const slug = (name: string): string => name.replaceAll(/[:.\- ]/g, '_')

/** An account that could be anybody's, for questions about nobody. */
function somebody(scope: Scope): Value {
  const object = scope.conversion.object('authentik_core.user', {
    username: '',
    name: '',
    email: '',
    attributes: {},
    is_active: true,
    type: 'internal',
    path: 'users',
  })
  if (object instanceof ModelObject) object.hypothetical = true
  return object
}

const ALWAYS = ['SkipObject', 'http_request', 'request', 'user']

/** One question to a mapping, to be asked once: `open` says of which evaluation what it hands out is. */
export abstract class Asked implements Variables {
  abstract readonly names: readonly string[]
  readonly mapping: MappingRow
  /** null: nobody in particular. */
  readonly subject: Row | null
  protected scope!: Scope
  #context: Row | undefined
  #user: Value | undefined
  #http: Value | undefined
  #request: Value | undefined

  constructor(mapping: MappingRow, subject: Row | null) {
    this.mapping = mapping
    this.subject = subject
  }

  open(scope: Scope): this {
    this.scope = scope
    return this
  }

  /** What this kind of mapping sees beside what all do. */
  protected abstract own(name: string): Value | undefined
  protected abstract contextOf(): Row

  /** `request.context`. */
  get context(): Row {
    return (this.#context ??= this.contextOf())
  }

  value(name: string): Value | undefined {
    const own = this.own(name)
    if (own !== undefined) return own
    switch (name) {
      case 'user':
        return this.user
      case 'http_request':
        return this.http
      case 'request':
        return this.request
      case 'SkipObject':
        return skipObject
      default:
        return undefined
    }
  }

  protected get user(): Value {
    return (this.#user ??= this.subject === null ? somebody(this.scope) : userObject(this.scope, this.subject))
  }

  private get http(): Value {
    return (this.#http ??= httpRequest(this.scope))
  }

  private get request(): Value {
    const { conversion } = this.scope
    const { pm_uuid: pk, name } = this.mapping
    let object: Value | undefined
    return (this.#request ??= policyRequest({
      user: () => this.user,
      http: () => this.http,
      context: () => conversion.dict(this.context),
      object: () => (object ??= conversion.enter({ pk, name })),
      debug: false,
    }))
  }
}

/** A question with whatever the caller gives. */
export class AskedFreely extends Asked {
  names: readonly string[] = []
  readonly #question: MappingRequest
  readonly #given = new Map<string, unknown>()

  constructor(mapping: MappingRow, question: MappingRequest) {
    super(mapping, question.user)
    this.#question = question
  }

  override open(scope: Scope): this {
    super.open(scope)
    const { variables } = this.#question
    const given = typeof variables === 'function' ? variables(scope, this.user) : variables
    for (const [name, value] of Object.entries(given ?? {})) this.#given.set(slug(name), value)
    this.names = namesOf([...ALWAYS, ...this.#given.keys()])
    return this
  }

  protected contextOf(): Row {
    return this.#question.context ?? {}
  }

  protected own(name: string): Value | undefined {
    return this.#given.has(name) ? this.scope.conversion.enter(this.#given.get(name)) : undefined
  }
}

const OF_CLAIMS = namesOf([...ALWAYS, 'provider', 'token'])

/** The question of which claims there are. */
export class AskedForClaims extends Asked {
  readonly names = OF_CLAIMS
  readonly #question: ClaimsRequest
  #token: Value | undefined

  constructor(mapping: MappingRow, question: ClaimsRequest) {
    super(mapping, question.user)
    this.#question = question
  }

  protected contextOf(): Row {
    return { oauth_scopes: new Set(this.#question.scopes) }
  }

  protected own(name: string): Value | undefined {
    switch (name) {
      case 'provider':
        return this.provider
      case 'token':
        return (this.#token ??= new Facts('AccessToken', 'authentik.providers.oauth2.models', {
          scope: () => new PyList([...this.#question.scopes]),
          user: () => this.user,
          provider: () => this.provider,
        }))
      default:
        return undefined
    }
  }

  private get provider(): Value {
    return this.scope.conversion.object('authentik_providers_oauth2.oauth2provider', this.#question.provider)
  }
}
