/** What policies and mappings see of the question, of the browser's request and of visitors. */
import type { RequestInfo } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { raise } from '../errors.ts'
import { ArrayIterator } from '../iterate.ts'
import { dictOf } from '../keys.ts'
import { native, nativeClass } from '../module.ts'
import type { Runtime } from '../module.ts'
import {
  BoundMethod,
  HostObject,
  PyList,
  PyTuple,
  type NativeFunction,
  type PyClass,
  type PyIterator,
  type Result,
  type Value,
  type PyDict,
} from '../values.ts'
import { QueryDict } from './querydict.ts'
import { QuerySet, startQuery } from './queryset.ts'
import type { Scope } from './scope.ts'

/** Attributes by name, each made when it is looked at, and kept. */
export class Facts extends HostObject {
  private made: Map<string, Value> | undefined
  private readonly makers: Readonly<Record<string, (rt: Runtime) => Result>>
  private readonly shown: string
  constructor(className: string, module: string, makers: Readonly<Record<string, (rt: Runtime) => Result>>, shown = `<${className}>`) {
    super(classNamed(className, module))
    this.makers = makers
    this.shown = shown
  }
  override getAttribute(name: string, rt: Runtime): Result | undefined {
    const known = this.made?.get(name)
    if (known !== undefined) return known
    const maker = Object.hasOwn(this.makers, name) ? this.makers[name] : undefined
    if (!maker) return undefined
    const made = maker(rt)
    if (made !== null && typeof made === 'object' && 'continuations' in made) {
      return made.then((value: Value) => this.keep(name, value))
    }
    return this.keep(name, made)
  }
  private keep(name: string, value: Value): Value {
    ;(this.made ??= new Map()).set(name, value)
    return value
  }
  override attributeNames(): string[] {
    return Object.keys(this.makers)
  }
  override str(): string {
    return this.shown
  }
  override repr(): string {
    return this.shown
  }
}

const classes = new Map<string, Map<string, PyClass>>()
export function classNamed(name: string, module: string): PyClass {
  let inModule = classes.get(module)
  if (!inModule) classes.set(module, (inModule = new Map()))
  let found = inModule.get(name)
  if (!found) inModule.set(name, (found = nativeClass({ name, module })))
  return found
}

const constant = (value: Value) => () => value
const method = (fn: NativeFunction) => () => fn

/** A visitor: nobody who could have attributes or an address; reading those raises. */
export class Anonymous extends HostObject {
  private readonly scope: Scope
  constructor(scope: Scope) {
    super(classNamed('AnonymousUser', 'django.contrib.auth.models'))
    this.scope = scope
  }
  override getAttribute(name: string): Value | undefined {
    switch (name) {
      case 'pk':
      case 'id':
        return null
      case 'username':
        return ''
      case 'is_anonymous':
        return true
      case 'is_authenticated':
      case 'is_active':
      case 'is_superuser':
      case 'is_staff':
        return false
      case 'groups':
      case 'ak_groups':
        return new QuerySet(startQuery(this.scope.classes.byLabel.get('authentik_core.group')!, { kind: 'nothing' }))
      case 'get_username':
        return native('get_username', '', () => '')
      default:
        return undefined
    }
  }
  override hashKey(): string {
    return 'anonymous'
  }
  override str(): string {
    return 'AnonymousUser'
  }
  override repr(): string {
    return 'AnonymousUser'
  }
  override toJson(): unknown {
    return null
  }
}

/** The account of a row, or a visitor. */
export const userObject = (scope: Scope, row: Row | null): Value =>
  row === null ? new Anonymous(scope) : scope.conversion.object('authentik_core.user', row)

/** Fields that carry what signs somebody in. */
const SECRET_HEADERS = new Set(['cookie', 'authorization', 'proxy-authorization', 'x-authentik-csrf', 'x-csrftoken'])
const SECRET_COOKIES = /^(?:authentik_(?:session|csrf|device)|sessionid|csrftoken)$/

const visibleHeaders = (request: RequestInfo): [string, string][] =>
  Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined || SECRET_HEADERS.has(name) ? [] : [[name, [value].flat().join(', ')] as [string, string]],
  )

/** Names are looked up in any case. */
class Headers extends HostObject {
  private readonly fields: ReadonlyMap<string, string>
  constructor(fields: readonly (readonly [string, string])[]) {
    super(classNamed('HttpHeaders', 'django.http.request'))
    this.fields = new Map(fields.map(([name, value]) => [name.toLowerCase(), value]))
  }
  find(name: Value): string | undefined {
    return typeof name === 'string' ? this.fields.get(name.toLowerCase()) : undefined
  }
  all(): [string, string][] {
    return [...this.fields].map(([name, value]) => [name.replaceAll(/(^|-)[a-z]/g, letter => letter.toUpperCase()), value])
  }
  override getAttribute(name: string): Value | undefined {
    const found = Object.hasOwn(headerMethods, name) ? headerMethods[name] : undefined
    return found && new BoundMethod(this, found)
  }
  override getItem(name: Value): Value {
    return this.find(name) ?? raise('KeyError', name)
  }
  override contains(name: Value): boolean {
    return this.find(name) !== undefined
  }
  override iterate(): PyIterator {
    return new ArrayIterator(this.all().map(([name]) => name))
  }
  override length(): number {
    return this.fields.size
  }
  override toJson(): unknown {
    return Object.fromEntries(this.all())
  }
}
const headers = (value: Value): Headers => (value instanceof Headers ? value : raise('TypeError', 'expected headers'))
const headerMethods: Record<string, NativeFunction> = {
  get: native('get', 'self, name, default=None', ([self, name, otherwise]) => headers(self).find(name) ?? otherwise),
  items: native(
    'items',
    'self',
    ([self]) =>
      new PyList(
        headers(self)
          .all()
          .map(pair => new PyTuple(pair)),
      ),
  ),
  keys: native(
    'keys',
    'self',
    ([self]) =>
      new PyList(
        headers(self)
          .all()
          .map(([name]) => name),
      ),
  ),
  values: native(
    'values',
    'self',
    ([self]) =>
      new PyList(
        headers(self)
          .all()
          .map(([, value]) => value),
      ),
  ),
}
export const headersOf = (fields: Readonly<Record<string, string>>): HostObject => new Headers(Object.entries(fields))

function meta(request: RequestInfo): PyDict {
  const [host = '', port] = request.host.startsWith('[') ? [request.host] : request.host.split(':')
  return dictOf([
    ...visibleHeaders(request).map(([name, value]): [string, Value] => [
      name === 'content-type' || name === 'content-length'
        ? name.toUpperCase().replace('-', '_')
        : `HTTP_${name.toUpperCase().replaceAll('-', '_')}`,
      value,
    ]),
    ['REMOTE_ADDR', request.clientIp],
    ['REQUEST_METHOD', request.method],
    ['PATH_INFO', request.path],
    ['QUERY_STRING', request.query],
    ['SERVER_NAME', host],
    ['SERVER_PORT', port ?? (request.origin.startsWith('https:') ? '443' : '80')],
  ])
}

function cookies(request: RequestInfo): PyDict {
  const header = request.headers.cookie
  const pairs = typeof header === 'string' ? header.split(';').map(pair => pair.trim().split('=')) : []
  return dictOf(
    pairs.flatMap(([name = '', ...rest]): [string, Value][] => (name === '' || SECRET_COOKIES.test(name) ? [] : [[name, rest.join('=')]])),
  )
}

/**
 * What of a session policies look at: the query of the page that the flow began with. Flow pages hand it on as `query`; everything else
 * that a session holds stays out of reach.
 */
function session(request: RequestInfo): PyDict {
  const query = new URLSearchParams(request.query)
  const page = query.has('query') ? new URLSearchParams(query.get('query')!) : query
  return dictOf([['authentik/flows/get', new QueryDict(page)]])
}

/** `request.http_request`; null where no browser is involved. */
export function httpRequest(scope: Scope): Value {
  const { request, caller } = scope.asked
  if (request === null) return null
  const absolute = (location: Value): string => {
    if (location === null) return `${request.origin}${request.path}${request.query && `?${request.query}`}`
    return typeof location === 'string'
      ? (URL.parse(location, `${request.origin}${request.path}`)?.href ?? location)
      : raise('TypeError', 'a location is a str')
  }
  return new Facts(
    'WSGIRequest',
    'django.core.handlers.wsgi',
    {
      method: constant(request.method),
      path: constant(request.path),
      path_info: constant(request.path),
      scheme: constant(request.origin.split(':')[0]!),
      GET: () => new QueryDict(new URLSearchParams(request.query)),
      // Bodies of flows and of the API are JSON, and those are not in POST.
      POST: () => new QueryDict(),
      META: () => meta(request),
      headers: () => new Headers(visibleHeaders(request)),
      COOKIES: () => cookies(request),
      session: () => session(request),
      user: () => userObject(scope, caller.user),
      request_id: constant(request.id),
      brand: rt => rt.hostCall('request.brand', {}),
      tenant: rt => rt.hostCall('request.tenant', {}),
      get_host: method(native('get_host', '', () => request.host)),
      get_port: method(
        native('get_port', '', () => URL.parse(request.origin)?.port || (request.origin.startsWith('https:') ? '443' : '80')),
      ),
      is_secure: method(native('is_secure', '', () => request.origin.startsWith('https:'))),
      get_full_path: method(native('get_full_path', '', () => `${request.path}${request.query && `?${request.query}`}`)),
      build_absolute_uri: method(native('build_absolute_uri', 'location=None', ([location]) => absolute(location))),
    },
    `<WSGIRequest: ${request.method} '${request.path}'>`,
  )
}

/** What the question is; each answers the same thing every time, and is only asked when the text looks. */
export type Question = {
  user: () => Value
  http: () => Value
  context: () => PyDict
  object: () => Value
  debug: boolean
}

/** `request`: who is asked about, where and with what. */
class PolicyRequestObject extends HostObject {
  private readonly question: Question
  constructor(question: Question) {
    super(classNamed('PolicyRequest', 'authentik.policies.types'))
    this.question = question
  }
  override getAttribute(name: string): Value | undefined {
    switch (name) {
      case 'user':
        return this.question.user()
      case 'http_request':
        return this.question.http()
      case 'obj':
        return this.question.object()
      case 'context':
        return this.question.context()
      case 'debug':
        return this.question.debug
      default:
        return undefined
    }
  }
  override attributeNames(): string[] {
    return ['user', 'http_request', 'obj', 'context', 'debug']
  }
  override str(): string {
    return '<PolicyRequest>'
  }
  override repr(): string {
    return '<PolicyRequest>'
  }
}

export const policyRequest = (question: Question): HostObject => new PolicyRequestObject(question)
