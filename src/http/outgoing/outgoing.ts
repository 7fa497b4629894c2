/**
 * The one way out: every request to an address that an administrator, a client or another server named goes through here
 * (expressions, sources, webhooks, key sets). Addresses are checked after the name is resolved and the connection is made to what was
 * checked; redirects are followed by hand, each with the same check. No proxies, no cookies, no connection is used twice.
 */
import { lookup as resolveName } from 'node:dns/promises'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as requestTls } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { request as requestPlain } from '../node-http.ts'
import { normalHost, refusal, type Allowed } from './addresses.ts'

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

export type OutgoingCode = 'url' | 'refused' | 'dns' | 'connect' | 'tls' | 'timeout' | 'too_large' | 'redirects' | 'protocol'

/** A request that got no answer. The message names the host and what went wrong, and nothing that was sent. */
export class OutgoingError extends Error {
  readonly code: OutgoingCode
  constructor(code: OutgoingCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'OutgoingError'
    this.code = code
  }
}

/** How names become addresses; replaced in tests. */
export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>

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

const resolveAll: Resolve = host => resolveName(host, { all: true, verbatim: true })

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
      const answer = await send(target, method, headers, body, addresses, {
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

type Address = { address: string; family: number }

/** An IPv6 address without its brackets. */
const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/**
 * The addresses of a host (a name, or an address without brackets), all of them checked: one bad one among them is enough to refuse, since
 * nobody knows which will be taken.
 * @throws OutgoingError
 */
export async function checkedAddresses(host: string, allow: readonly Allowed[], resolve: Resolve = resolveAll): Promise<Address[]> {
  const literal = isIP(host)
  let found: readonly Address[]
  try {
    found = literal ? [{ address: host, family: literal }] : isLocalhost(host) ? loopback(host, allow) : await resolve(host)
  } catch (error) {
    throw new OutgoingError('dns', `${host} cannot be resolved`, error)
  }
  if (found.length === 0) throw new OutgoingError('dns', `${host} has no address`)
  for (const { address } of found) {
    const why = refusal(address, host, allow)
    if (why !== undefined) throw new OutgoingError('refused', `${host} is not reachable from here: ${why}`)
  }
  return [...found]
}

/** A look-up for sockets that answers with addresses that were checked, whatever a resolver would say by now. */
export const pinnedLookup =
  (addresses: readonly Address[]): LookupFunction =>
  (_, options, done) => {
    const usable = options.family === 4 || options.family === 6 ? addresses.filter(one => one.family === options.family) : addresses
    if (options.all) done(null, [...usable])
    else done(usable.length ? null : new Error('no address of this family'), usable[0]?.address ?? '', usable[0]?.family)
  }

/** RFC 6761 §6.3: these names are loopback, whatever a resolver says. */
const isLocalhost = (host: string): boolean => /^(?:.*\.)?localhost$/.test(normalHost(host))

/** Both loopback addresses, or the one that is open. */
function loopback(host: string, allow: readonly Allowed[]): Address[] {
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  const open = both.filter(({ address }) => refusal(address, host, allow) === undefined)
  return open.length ? open : both
}

type Limits = { signal: AbortSignal; late: () => OutgoingError; connect: number; maxBytes: number; ca: string | undefined }

/** One request to addresses that were checked, and its whole answer. */
function send(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: string | Uint8Array | undefined,
  addresses: Address[],
  limits: Limits,
): Promise<Omit<OutgoingResponse, 'url' | 'history' | 'elapsed'>> {
  const { signal, late, connect, maxBytes, ca } = limits
  const host = bareHost(url)
  const payload = body === undefined ? undefined : Buffer.from(body as Uint8Array)
  const options: RequestOptions & { ca?: string; rejectUnauthorized: boolean; servername?: string } = {
    host,
    port: url.port || (url.protocol === 'https:' ? 443 : 80),
    path: url.pathname + url.search,
    method,
    headers: { ...headers, host: url.host, connection: 'close', ...(payload && { 'content-length': String(payload.length) }) },
    agent: false,
    lookup: pinnedLookup(addresses),
    setHost: false,
    maxHeaderSize: 32 * 1024,
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(isIP(host) === 0 && { servername: host.replace(/\.$/, '') }),
  }
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      reject(error instanceof OutgoingError ? error : translate(error, host))
      sent?.destroy()
    }
    const onAbort = () => fail(late())
    let sent: ReturnType<typeof requestPlain> | undefined
    const timer = setTimeout(() => fail(new OutgoingError('timeout', `no connection to ${host} within ${connect} ms`)), connect)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    try {
      sent = (url.protocol === 'https:' ? requestTls : requestPlain)(options)
    } catch (error) {
      return fail(new OutgoingError('protocol', 'the request cannot be sent as it is written', error))
    }
    sent.on('error', fail)
    sent.on('socket', socket => {
      const connected = () => {
        // The last word, whatever the runtime did with the name.
        const remote = socket.remoteAddress
        if (remote !== undefined && !addresses.some(one => sameAddress(one.address, remote)))
          fail(new OutgoingError('refused', `${host} is not reachable from here`))
      }
      socket.once('connect', connected)
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(timer))
    })
    sent.on('response', response => {
      clearTimeout(timer)
      readBody(response, maxBytes, host).then(data => {
        signal.removeEventListener('abort', onAbort)
        resolve({ status: response.statusCode ?? 0, reason: response.statusMessage ?? '', headers: plainHeaders(response), body: data })
      }, fail)
    })
    sent.end(payload)
  })
}

const plain = (address: string): string =>
  address
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .replace(/%.*$/, '')
    .toLowerCase()
const sameAddress = (a: string, b: string): boolean =>
  plain(a) === plain(b) || URL.parse(`http://[${plain(a)}]`)?.host === URL.parse(`http://[${plain(b)}]`)?.host

const plainHeaders = (response: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )

const UNPACK = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const

async function readBody(response: IncomingMessage, maxBytes: number, host: string): Promise<Uint8Array> {
  const tooLarge = () => new OutgoingError('too_large', `the answer of ${host} is longer than ${maxBytes} bytes`)
  if (Number(response.headers['content-length']) > maxBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  const data = Buffer.concat(chunks)
  const encoding = response.headers['content-encoding']?.trim().toLowerCase()
  if (encoding === undefined || encoding === '' || encoding === 'identity' || data.length === 0) return data
  const unpack = Object.hasOwn(UNPACK, encoding) ? UNPACK[encoding as keyof typeof UNPACK] : undefined
  if (!unpack) throw new OutgoingError('protocol', `the answer of ${host} is packed in a way that nobody asked for`)
  try {
    return await unpack(data, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw new OutgoingError('protocol', `the answer of ${host} cannot be unpacked`, error)
  }
}

const CONNECT_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'EADDRNOTAVAIL', 'ETIMEDOUT'])

function translate(error: unknown, host: string): OutgoingError {
  const code = (error as { code?: string }).code ?? ''
  const nested = error instanceof AggregateError ? ((error.errors[0] as { code?: string } | undefined)?.code ?? '') : code
  if (CONNECT_CODES.has(code) || CONNECT_CODES.has(nested))
    return new OutgoingError('connect', `no connection to ${host}: ${nested || code}`, error)
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code))
    return new OutgoingError('tls', `the certificate of ${host} is not trusted: ${code}`, error)
  return new OutgoingError('protocol', `the exchange with ${host} failed${code ? `: ${code}` : ''}`, error)
}

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
