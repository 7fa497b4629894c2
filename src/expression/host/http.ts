/** `requests`: calls to other servers, each through the one guarded way out. */
import { Buffer } from 'node:buffer'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import type { OutgoingResponse } from '../../http/outgoing/outgoing.ts'
import { decode } from '../builtins/codecs.ts'
import { exception, exceptionClass, raise } from '../errors.ts'
import { toJsonText } from '../json.ts'
import { json } from '../modules/json.ts'
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import type { Runtime } from '../module.ts'
import { timedeltaClass, PyTimedelta } from '../modules/datetime/timedelta.ts'
import {
  BoundMethod,
  HostObject,
  PyBytes,
  PyDict,
  PyFloat,
  PyList,
  PyTuple,
  typeOf,
  type NativeFunction,
  type PyModule,
  type Kwargs,
  type Result,
  type Value,
} from '../values.ts'
import { headersOf } from './request.ts'
import type { Operation } from './scope.ts'

const failure = (name: string, base: Parameters<typeof exceptionClass>[1] = requestException) =>
  exceptionClass(name, base, 'requests.exceptions')
const requestException = exceptionClass('RequestException', 'OSError', 'requests.exceptions')
const httpError = failure('HTTPError')
const connectionError = failure('ConnectionError')
const sslError = failure('SSLError', connectionError)
const timeout = failure('Timeout')
const connectTimeout = failure('ConnectTimeout', timeout)
const readTimeout = failure('ReadTimeout', timeout)
const tooManyRedirects = failure('TooManyRedirects')
const invalidUrl = failure('InvalidURL')
const jsonDecodeError = failure('JSONDecodeError')

/** What goes wrong outside, as `requests` names it. */
function ofOutgoing(error: OutgoingError) {
  const cls = {
    url: invalidUrl,
    refused: connectionError,
    dns: connectionError,
    connect: connectionError,
    tls: sslError,
    timeout: readTimeout,
    too_large: requestException,
    redirects: tooManyRedirects,
    protocol: connectionError,
  }[error.code]
  return exception(cls, error.message)
}

const MOST_REQUESTS = 10
const METHODS = /^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/

type Sent = {
  method: string
  url: string
  headers: Record<string, string>
  body: string | Uint8Array | undefined
  redirects: number
  timeout: number | undefined
}

const text = (value: Value, rt: Runtime): string => (value instanceof PyBytes ? decode(value.data, 'utf-8', 'replace', rt) : rt.str(value))

/** Pairs of a dict or of a list of pairs; a list as value repeats the name, None leaves it out. */
function pairs(value: Value, rt: Runtime): [string, string][] {
  if (value === null || value === undefined) return []
  const entries: [Value, Value][] =
    value instanceof PyDict
      ? [...value.entries.values()].map(({ key, value: item }) => [key, item])
      : value instanceof PyList || value instanceof PyTuple
        ? value.items.map(item =>
            item instanceof PyTuple && item.items.length === 2
              ? [item.items[0]!, item.items[1]!]
              : raise('ValueError', 'pairs are tuples of two'),
          )
        : raise('TypeError', `a dict is needed, not '${typeOf(value).name}'`)
  return entries.flatMap(([name, item]): [string, string][] => {
    if (item === null) return []
    const items = item instanceof PyList || item instanceof PyTuple ? item.items : [item]
    return items.map(one => {
      const pair: [string, string] = [text(name, rt), text(one, rt)]
      // Encoding and joining them follows.
      rt.charge(5 + 2 * (pair[0].length + pair[1].length))
      rt.alloc(64 + 4 * (pair[0].length + pair[1].length))
      return pair
    })
  })
}

function seconds(value: Value): number | undefined {
  if (value === null || value === undefined) return undefined
  if (value instanceof PyTuple) return value.items.reduce<number>((sum, part) => sum + (seconds(part) ?? 0), 0) || undefined
  const number =
    value instanceof PyFloat ? value.value : typeof value === 'number' ? value : raise('ValueError', 'a timeout is a number of seconds')
  return number > 0 ? number : raise('ValueError', 'a timeout is greater than zero')
}

const OPTIONS = new Set([
  'params',
  'data',
  'json',
  'headers',
  'auth',
  'timeout',
  'allow_redirects',
  'cookies',
  'verify',
  'stream',
  'files',
  'proxies',
  'cert',
])

const LONGEST_ADDRESS = 16 * 1024 // characters

/** What the arguments of `requests.request` amount to. */
function sentOf(method: string, url: Value, options: Kwargs, defaults: SessionDefaults, rt: Runtime): Sent {
  if (!METHODS.test(method)) raise(requestException, `unknown method ${method}`)
  const target = text(url, rt)
  if (target.length > LONGEST_ADDRESS) raise(requestException, `an address of ${target.length} characters`)
  for (const name of options.keys()) if (!OPTIONS.has(name)) raise('TypeError', `request() got an unexpected keyword argument '${name}'`)
  for (const name of ['files', 'proxies', 'cert', 'cookies'])
    if (options.get(name) !== undefined && options.get(name) !== null) raise('NotImplementedError', `${name}= is not available here`)
  if (options.get('verify') === false) raise('NotImplementedError', 'certificates are always verified here')
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of [...pairs(defaults.headers, rt), ...pairs(options.get('headers') ?? null, rt)])
    headers[name.toLowerCase()] = value
  const auth = options.get('auth') ?? defaults.auth
  if (auth instanceof PyTuple && auth.items.length === 2)
    headers.authorization = `Basic ${Buffer.from(auth.items.map(item => text(item, rt)).join(':')).toString('base64')}`
  else if (auth !== null && auth !== undefined) raise('TypeError', 'auth is a pair of name and password')
  const data = options.get('data') ?? null
  const given = options.get('json')
  let body: string | Uint8Array | undefined
  if (data !== null && data !== undefined) {
    if (typeof data === 'string') body = data
    else if (data instanceof PyBytes) body = data.data
    else {
      body = new URLSearchParams(pairs(data, rt)).toString()
      headers['content-type'] ??= 'application/x-www-form-urlencoded'
    }
  } else if (given !== undefined && given !== null) {
    body = toJsonText(given)
    headers['content-type'] ??= 'application/json'
  }
  const query = options.get('params')
  const added =
    typeof query === 'string' ? query : query === undefined || query === null ? '' : new URLSearchParams(pairs(query, rt)).toString()
  const [base = '', fragment] = target.split('#')
  const whole = added === '' ? target : `${base}${base.includes('?') ? '&' : '?'}${added}${fragment === undefined ? '' : `#${fragment}`}`
  if (whole.length > LONGEST_ADDRESS) raise(requestException, `an address of ${whole.length} characters`)
  const wait = seconds(options.get('timeout') ?? null)
  return {
    method,
    url: whole,
    headers,
    body,
    redirects: options.get('allow_redirects') === false ? 0 : 5,
    timeout: wait === undefined ? undefined : wait * 1000,
  }
}

type SessionDefaults = { headers: Value; auth: Value }
const nothing: SessionDefaults = { headers: null, auth: null }

const request = (method: string, url: Value, options: Kwargs | null, defaults: SessionDefaults, rt: Runtime): Result => {
  rt.charge(20)
  return rt.hostCall('http.request', sentOf(method.toUpperCase(), url, options ?? new Map(), defaults, rt))
}

/** A request with headers of the host's own beside those that the text asks for. */
export const requestAs = (method: string, url: Value, options: Kwargs, headers: Value, rt: Runtime): Result =>
  request(method, url, options, { headers, auth: null }, rt)

/** `get(url, **options)` and the like; the second argument by position is `params`, `data` or `json` as in requests. */
const verb = (name: string, second: string | null, defaults: (self: Value) => SessionDefaults, hasSelf: boolean): NativeFunction =>
  nativeRaw(name, (args, kwargs, rt) => {
    const [self, ...rest] = hasSelf ? args : [null, ...args]
    const options: Kwargs = new Map(kwargs)
    let [method, url] = [name, rest[0] ?? options.get('url')]
    let extra = rest.slice(1)
    if (name === 'request') {
      method = String(rest[0] ?? options.get('method'))
      url = rest[1] ?? options.get('url')
      options.delete('method')
      extra = rest.slice(2)
    }
    options.delete('url')
    if (url === undefined) raise('TypeError', `${name}() missing 1 required positional argument: 'url'`)
    if (extra.length > (second === null ? 0 : 1)) raise('TypeError', `${name}() takes fewer positional arguments`)
    if (second !== null && extra[0] !== undefined) options.set(second, extra[0])
    return request(method, url, options, defaults(self ?? null), rt)
  })

const verbs = (defaults: (self: Value) => SessionDefaults, hasSelf: boolean): Record<string, NativeFunction> => ({
  get: verb('get', 'params', defaults, hasSelf),
  options: verb('options', null, defaults, hasSelf),
  head: verb('head', null, defaults, hasSelf),
  post: verb('post', 'data', defaults, hasSelf),
  put: verb('put', 'data', defaults, hasSelf),
  patch: verb('patch', 'data', defaults, hasSelf),
  delete: verb('delete', null, defaults, hasSelf),
  request: verb('request', null, defaults, hasSelf),
})

class Session extends HostObject {
  readonly headers = new PyDict()
  auth: Value = null
  constructor() {
    super(sessionClass)
  }
  override getAttribute(name: string): Value | undefined {
    if (name === 'headers') return this.headers
    if (name === 'auth') return this.auth
    const method = Object.hasOwn(sessionMethods, name) ? sessionMethods[name] : undefined
    return method && new BoundMethod(this, method)
  }
  override setAttribute(name: string, value: Value): boolean {
    if (name === 'auth') this.auth = value
    return name === 'auth'
  }
}

const session = (value: Value): Session => (value instanceof Session ? value : raise('TypeError', 'expected a Session'))
const sessionMethods: Record<string, NativeFunction> = {
  ...verbs(self => ({ headers: session(self).headers, auth: session(self).auth }), true),
  close: native('close', 'self', () => null),
  __enter__: native('__enter__', 'self', ([self]) => self),
  __exit__: native('__exit__', 'self, *rest', () => null),
}
const sessionClass = nativeClass({ name: 'Session', module: 'requests', construct: () => new Session() })

/** What a server answered. */
class Response extends HostObject {
  readonly answer: OutgoingResponse
  constructor(answer: OutgoingResponse) {
    super(responseClass)
    this.answer = answer
  }
  get text(): string {
    const charset = /charset=["']?([\w-]+)/i.exec(this.answer.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
    try {
      return new TextDecoder(charset).decode(this.answer.body)
    } catch {
      // A name that nobody knows.
      return new TextDecoder().decode(this.answer.body)
    }
  }
  get ok(): boolean {
    return this.answer.status < 400
  }
  override getAttribute(name: string, rt: Runtime): Value | undefined {
    const { answer } = this
    const method = Object.hasOwn(responseMethods, name) ? responseMethods[name] : undefined
    if (method) return new BoundMethod(this, method)
    switch (name) {
      case 'status_code':
        return answer.status
      case 'reason':
        return answer.reason
      case 'ok':
        return this.ok
      case 'url':
        return answer.url
      case 'text':
        rt.alloc(answer.body.length)
        return this.text
      case 'content':
        return new PyBytes(answer.body)
      case 'headers':
        return headersOf(answer.headers)
      case 'history':
        return new PyList(
          answer.history.map(step => new Response({ ...answer, ...step, body: new Uint8Array(), headers: {}, history: [], reason: '' })),
        )
      case 'elapsed':
        return new PyTimedelta(BigInt(Math.round(answer.elapsed * 1000)), timedeltaClass)
      case 'is_redirect':
        return [301, 302, 303, 307, 308].includes(answer.status) && answer.headers.location !== undefined
      case 'encoding':
        return /charset=["']?([\w-]+)/i.exec(answer.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
      default:
        return undefined
    }
  }
  override truth(): boolean {
    return this.ok
  }
  override repr(): string {
    return `<Response [${this.answer.status}]>`
  }
}
const responseClass = nativeClass({ name: 'Response', module: 'requests' })
const response = (value: Value): Response => (value instanceof Response ? value : raise('TypeError', 'expected a Response'))
const loads = json.members.get('loads') as NativeFunction
const responseMethods: Record<string, NativeFunction> = {
  json: nativeRaw('json', ([self], _, rt) => {
    const { text } = response(self!)
    try {
      return loads.code([text], null, rt)
    } catch (error) {
      if (!(typeof error === 'object' && error !== null && 'cls' in error)) throw error
      throw exception(jsonDecodeError, rt.str(error as Value))
    }
  }),
  raise_for_status: native('raise_for_status', 'self', ([self]) => {
    const { status, reason, url } = response(self).answer
    if (status < 400) return null
    return raise(httpError, `${status} ${status < 500 ? 'Client' : 'Server'} Error: ${reason} for url: ${url}`)
  }),
}

const exceptionsModule: Record<string, Value> = {
  RequestException: requestException,
  HTTPError: httpError,
  ConnectionError: connectionError,
  SSLError: sslError,
  Timeout: timeout,
  ConnectTimeout: connectTimeout,
  ReadTimeout: readTimeout,
  TooManyRedirects: tooManyRedirects,
  InvalidURL: invalidUrl,
  JSONDecodeError: jsonDecodeError,
}
export const requestsExceptions: PyModule = defineModule('requests.exceptions', exceptionsModule)
export const requests: PyModule = defineModule('requests', {
  ...verbs(() => nothing, false),
  Session: sessionClass,
  session: native('session', '', () => new Session()),
  Response: responseClass,
  exceptions: requestsExceptions,
  ...exceptionsModule,
})

export const newSession = (): Value => new Session()

export const httpOperations: Readonly<Record<string, Operation>> = {
  'http.request': async (scope, sent: Sent) => {
    if (scope.question?.dry) raise(requestException, 'no requests are sent in a dry run')
    if (++scope.requests > MOST_REQUESTS) raise(requestException, `more than ${MOST_REQUESTS} requests in one evaluation`)
    const { url, ...rest } = sent
    const most = scope.ctx.config.http_timeout * 1000
    try {
      return new Response(await outgoingOf(scope.ctx.config)(url, { ...rest, timeout: Math.min(rest.timeout ?? most, most) }))
    } catch (error) {
      throw error instanceof OutgoingError ? ofOutgoing(error) : error
    }
  },
}
