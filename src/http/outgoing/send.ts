import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as requestTls } from 'node:https'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { request as requestPlain } from '../node-http.ts'
import { OutgoingError } from './error.ts'
import { pinnedLookup, type Address } from './resolve.ts'

/** One request as it is sent, after redirects perhaps. */
export type Message = { url: URL; method: string; headers: Record<string, string>; body: string | Uint8Array | undefined }

/** One answer as it came. */
export type Received = { status: number; reason: string; headers: Record<string, string>; body: Uint8Array }

type Limits = { signal: AbortSignal; late: () => OutgoingError; connect: number; maxBytes: number; ca: string | undefined }

/** An IPv6 address without its brackets. */
export const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

type TlsOptions = RequestOptions & { ca?: string; rejectUnauthorized: boolean; servername?: string }

function optionsOf(
  { url, method, headers }: Message,
  payload: Buffer | undefined,
  addresses: Address[],
  ca: string | undefined,
): TlsOptions {
  const host = bareHost(url)
  return {
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
}

/** One request to addresses that were checked, and its whole answer. */
export function send(message: Message, addresses: Address[], limits: Limits): Promise<Received> {
  const { url } = message
  const { signal, late, connect, maxBytes, ca } = limits
  const host = bareHost(url)
  const payload = message.body === undefined ? undefined : Buffer.from(message.body as Uint8Array)
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
      sent = (url.protocol === 'https:' ? requestTls : requestPlain)(optionsOf(message, payload, addresses, ca))
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
