import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Config, Listener } from '../config.ts'
import { createServer } from '../http/node-http.ts'
import type { Certificates } from './certificates.ts'
import { MAX_HEADERS } from './hardening.ts'
import { TLS } from './tls.ts'

/** A port cannot be had; the message tells the operator what to do. */
export class ListenError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause })
    this.name = 'ListenError'
  }
}

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export type Sockets = {
  /** Where the program can be reached, in the order of the configuration. */
  readonly addresses: readonly { scheme: 'http' | 'https'; host: string; port: number }[]
  /** Gives further TLS connections other certificates. */
  setCertificates: (certificates: Certificates) => void
  /** Takes WebSockets from now on. Until then a request to upgrade is answered like any other. */
  onUpgrade: (listener: UpgradeListener) => void
  /** Takes no further connections; resolves when the last request was answered, at the latest after `within` ms. */
  close: (within: number) => Promise<void>
}

/** Bytes of the request line and all headers. */
const MAX_HEADER_SIZE = 16_384
/** Behind a reverse proxy connections live long; a bound lets them spread over processes again. */
const MAX_REQUESTS_PER_SOCKET = 10_000

/** Bounds on time and size for a server that talks to anybody. */
function serverOptions({ web }: Pick<Config, 'web'>): ServerOptions {
  const wholeRequest = web.timeout_http_read
  const headers = web.timeout_http_read_header
  return {
    maxHeaderSize: MAX_HEADER_SIZE,
    requestTimeout: wholeRequest,
    // Node refuses a limit for the headers beyond that of the whole.
    headersTimeout: wholeRequest === 0 ? headers : Math.min(headers, wholeRequest),
    keepAliveTimeout: web.timeout_http_idle,
    // How often the two limits above are looked at.
    connectionsCheckingInterval: 5_000,
    insecureHTTPParser: false,
    requireHostHeader: true,
  }
}

/**
 * Opens the configured HTTP and HTTPS addresses; all of them or none.
 * @throws ListenError
 */
export async function openSockets(
  config: Pick<Config, 'web' | 'listen'>,
  pair: { cert: string; key: string } | undefined,
  handler: RequestListener,
): Promise<Sockets> {
  let named: Certificates['named'] = () => undefined
  const plain = config.listen.http.map(listener => ({
    listener,
    server: createServer(serverOptions(config), handler),
    setting: 'LISTEN__HTTP',
  }))
  const tls = pair
    ? config.listen.https.map(listener => ({
        listener,
        // Whoever issued a certificate, the application judges what it proves.
        server: createTlsServer(
          {
            ...serverOptions(config),
            ...TLS,
            ...pair,
            SNICallback: (host, done) => done(null, named(host)),
            requestCert: config.web.client_certificates,
            rejectUnauthorized: false,
          },
          handler,
        ),
        setting: 'LISTEN__HTTPS',
      }))
    : []
  const all = [...plain, ...tls]
  try {
    for (const { listener, server, setting } of all) {
      server.timeout = config.web.timeout_http_write
      server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET
      // One more than is allowed, so that too many can be told and refused; Node itself would drop the rest in silence.
      server.maxHeadersCount = MAX_HEADERS + 1
      server.on('clientError', refuse)
      await listen(server, listener, setting)
    }
  } catch (error) {
    for (const { server } of all) server.close()
    throw error
  }
  return {
    addresses: all.map(({ server, setting }) => {
      const { address: host, port } = server.address() as AddressInfo
      return { scheme: setting === 'LISTEN__HTTPS' ? 'https' : 'http', host, port }
    }),
    setCertificates: fresh => {
      named = fresh.named
      if (fresh.usual) for (const { server } of tls) server.setSecureContext({ ...TLS, ...fresh.usual })
    },
    onUpgrade: listener => {
      for (const { server } of all) server.on('upgrade', listener)
    },
    close: within =>
      closeAll(
        all.map(({ server }) => server),
        within,
      ),
  }
}

/** Listens; where the system has no IPv6, `::` means all of IPv4. */
export async function listen(server: Server, { host, port }: Listener, setting: string): Promise<void> {
  const attempt = (on: string) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: on, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  try {
    try {
      await attempt(host)
    } catch (error) {
      if (host !== '::' || !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error))) throw error
      server.removeAllListeners('error')
      await attempt('0.0.0.0')
    }
  } catch (error) {
    throw new ListenError(explain(codeOf(error), host, port, setting), error)
  }
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code)

function explain(code: string, host: string, port: number, setting: string): string {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use: another program, or another Signet, listens there. Stop it, or choose another address with SIGNET_${setting}.`
    case 'EACCES':
      return `${where} may not be used by this user: ports below 1024 need a privilege. Choose another address with SIGNET_${setting}.`
    case 'EADDRNOTAVAIL':
      return `${where} is no address of this machine. Choose another with SIGNET_${setting}.`
    default:
      return `${where} cannot be listened on (${code}). Choose another address with SIGNET_${setting}.`
  }
}

/** What is no HTTP, too large or too slow gets a bare answer, and its connection ends: where the next request would begin is unknown. */
function refuse(error: Error, socket: Duplex): void {
  if (codeOf(error) === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status = { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large', ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout' }[
    codeOf(error)
  ]
  // Flushed, then gone: half of a connection is not left to those who would keep it.
  socket.end(`HTTP/1.1 ${status ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

async function closeAll(servers: readonly Server[], within: number): Promise<void> {
  const closed = Promise.all(servers.map(server => new Promise<void>(resolve => void server.close(() => resolve()))))
  // Connections that are kept alive become idle one by one as their last answers leave.
  const sweep = setInterval(() => servers.forEach(server => server.closeIdleConnections()), 50)
  const end = setTimeout(() => servers.forEach(server => server.closeAllConnections()), within)
  await closed
  clearInterval(sweep)
  clearTimeout(end)
}
