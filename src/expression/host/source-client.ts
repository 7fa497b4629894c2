/** `client` of the mappings of login sources: asks the source's own API in the name of whoever signs in. */
import { raise } from '../errors.ts'
import { dictOf } from '../keys.ts'
import { nativeClass, nativeRaw } from '../module.ts'
import { BoundMethod, HostObject, PyDict, type Kwargs, type NativeFunction, type Value } from '../values.ts'
import { requestAs } from './http.ts'

class SourceClient extends HostObject {
  readonly #token: string
  constructor(token: string) {
    super(clientClass)
    this.#token = token
  }
  override getAttribute(name: string): Value | undefined {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    return method && new BoundMethod(this, method)
  }
  /** What the request proves itself with: of the token that is handed in, else of this sign-in. */
  bearer(token: Value | undefined): Value {
    const given = token instanceof PyDict ? [...token.entries.values()].find(({ key }) => key === 'access_token')?.value : undefined
    return dictOf([['authorization', `Bearer ${typeof given === 'string' ? given : this.#token}`]])
  }
}

const clientClass = nativeClass({ name: 'OAuth2Client', module: 'authentik.sources.oauth.clients.oauth2' })

const methods: Record<string, NativeFunction> = {
  /** `client.do_request("get", url, token=token, …)`: a response of `requests`; what else it takes is what `requests.request` takes. */
  do_request: nativeRaw('do_request', ([self, method, url], kwargs, rt) => {
    if (!(self instanceof SourceClient)) return raise('TypeError', 'expected a client')
    if (typeof method !== 'string' || url === undefined) return raise('TypeError', 'do_request() takes a method and an address')
    const options: Kwargs = new Map(kwargs ?? [])
    const token = options.get('token')
    options.delete('token')
    return requestAs(method.toUpperCase(), url, options, self.bearer(token), rt)
  }),
}

export const sourceClient = (token: string): Value => new SourceClient(token)
