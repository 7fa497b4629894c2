/**
 * The one way out: every request to an address that an administrator, a client or another server named goes through here
 * (expressions, sources, webhooks, key sets). Addresses are checked after the name is resolved and the connection is made to what was
 * checked; redirects are followed by hand, each with the same check. No proxies, no cookies, no connection is used twice.
 */
import type { Allowed } from './addresses.ts'
import { OutgoingError } from './error.ts'
import { checkedAddresses, type Resolve } from './resolve.ts'
import { bareHost, send } from './send.ts'

export type OutgoingRequest = {
  method?: string
  /** Names in any case; those that belong to the connection are not taken. */
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  /** Milliseconds for everything: names, connections, redirects, the body. */
  timeout?: number
  /** Milliseconds until a connection stands, TLS included. */
  connectTimeout?: number
  /** How many redirects are followed; 0: a redirect is an answer like any other. */
  redirects?: number
  /** Bytes of the answer's body at most, also when unpacked. */
  maxBytes?: number
}

export type OutgoingResponse = {
  status: number
  reason: string
  /** Lower-case names; several fields of a name are joined with commas. */
  headers: Record<string, string>
  body: Uint8Array
  /** Where the answer came from, after redirects. */
  url: string
  /** Addresses that redirected, first to last. */
  history: { status: number; url: string }[]
  /** Milliseconds. */
  elapsed: number
}

export type Outgoing = (url: string, request?: OutgoingRequest) => Promise<OutgoingResponse>

const MAX_BYTES = 1024 * 1024
const CONNECT = 10_000
const REDIRECTS = 5
// oxlint-disable-next-line signet/ambient -- how long an answer takes, by the clock that nobody sets
const milliseconds = (): number => performance.now()

const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308])

/** Fields of the connection, which is ours. */
const OURS = new Set([
  'host',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'proxy-authorization',
  'proxy-connection',
  'expect',
])
/** All that another origin is told after a redirect: whatever else was sent may be a credential, whatever its name. */
const HARMLESS = new Set(['accept', 'accept-language', 'accept-encoding', 'content-type', 'user-agent'])

/**
 * A client whose requests reach loopback, link-local, metadata, multicast and unspecified addresses only where `allow` says so.
 * @param defaults.timeout milliseconds for a request that names no time
 */
export function makeOutgoing(allow: readonly Allowed[], defaults: { timeout?: number; resolve?: Resolve; ca?: string } = {}): Outgoing {
  return async (url, request = {}) => {
    const started = milliseconds()
    const limit = request.timeout ?? defaults.timeout ?? 30_000
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(limit)))
    const late = (): OutgoingError => new OutgoingError('timeout', `${hostOf(url)} did not answer within ${limit} ms`)
    let target = readUrl(url)
    let method = (request.method ?? 'GET').toUpperCase()
    let { body } = request
    let headers = startHeaders(request.headers ?? {}, target)
    const history: OutgoingResponse['history'] = []
    for (;;) {
      const addresses = await within(signal, checkedAddresses(bareHost(target), allow, defaults.resolve), late)
      const answer = await send({ url: target, method, headers, body }, addresses, {
        signal,
        late,
        connect: request.connectTimeout ?? CONNECT,
        maxBytes: request.maxBytes ?? MAX_BYTES,
        ca: defaults.ca,
      })
      const next = answer.headers.location
      const most = request.redirects ?? REDIRECTS
      if (!REDIRECT_STATUS.has(answer.status) || next === undefined || most === 0) {
        return { ...answer, url: target.href, history, elapsed: milliseconds() - started }
      }
      if (history.length >= most) throw new OutgoingError('redirects', `${hostOf(url)} redirects more than ${most} times`)
      history.push({ status: answer.status, url: target.href })
      const from = target
      target = readUrl(next, from)
      if (target.hash === '') target.hash = from.hash
      // RFC 9110 §15.4: 303 always asks with GET; for 301 and 302 that is what every client does after a POST.
      if ((answer.status === 303 && method !== 'HEAD') || (method === 'POST' && answer.status < 303)) {
        method = 'GET'
        body = undefined
        headers = without(headers, name => name !== 'content-type')
      }
      if (target.origin !== from.origin) {
        headers = without(headers, name => HARMLESS.has(name))
        headers = { ...headers, ...credentials(target) }
      }
    }
  }
}

function readUrl(text: string, base?: URL): URL {
  if (text.length > 8192) throw new OutgoingError('url', 'the address is too long')
  const url = URL.parse(text, base)
  if (!url) throw new OutgoingError('url', 'not a valid address')
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new OutgoingError('url', `${url.protocol.slice(0, -1)} is not a scheme that requests may use`)
  return url
}

const hostOf = (url: string): string => URL.parse(url)?.host ?? 'the host'

/** `user:password@` of an address, as the field that it stands for. */
function credentials(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {}
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

function startHeaders(given: Readonly<Record<string, string>>, url: URL): Record<string, string> {
  const headers: Record<string, string> = {
    accept: '*/*',
    'accept-encoding': 'gzip, deflate, br',
    'user-agent': 'signet',
    ...credentials(url),
  }
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase()
    if (!OURS.has(lower) && lower !== 'cookie') headers[lower] = value
  }
  return headers
}

const without = (headers: Record<string, string>, keep: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => keep(name)))

/** The result of `work`, or an error when the time is over first. */
async function within<T>(signal: AbortSignal, work: Promise<T>, late: () => OutgoingError): Promise<T> {
  if (signal.aborted) throw late()
  let stop = () => {}
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(late())
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, ended])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
