import type { FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { RequestInfo } from '../context.ts'
import { certificateInHeader, certificateOfSocket } from './client-certificate.ts'
import { clientAddress } from '../lib/client-address.ts'

/** What the rest of the program may know of an HTTP request. */
export function describeRequest(config: Config, request: FastifyRequest): RequestInfo {
  const { socket } = request.raw
  const {
    ip,
    scheme,
    host = 'localhost',
    viaTrustedProxy,
  } = clientAddress(
    { remoteAddress: socket.remoteAddress, encrypted: 'encrypted' in socket, headers: request.headers },
    config.listen.trusted_proxy_cidrs,
  )
  const [path, query = ''] = splitOnce(request.url, '?')
  return {
    id: request.id,
    method: request.method,
    path,
    query,
    clientIp: ip,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 512),
    origin: `${scheme}://${host}`,
    host,
    headers: request.headers,
    certificate: () => {
      const header = config.web.client_certificate_header
      if (header !== '' && viaTrustedProxy) return certificateInHeader(request.headers[header.toLowerCase()])
      return certificateOfSocket(socket)
    },
  }
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
