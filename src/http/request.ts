import type { IncomingMessage } from 'node:http'
import type { Config } from '../config.ts'
import type { RequestInfo } from '../context.ts'
import { certificateInHeader, certificateOfSocket } from './client-certificate.ts'
import { clientAddress } from './client-address.ts'

/** What the rest of the program may know of an HTTP request; `id` finds it in the log. */
export function describeRequest(config: Config, id: string, { headers, method = 'GET', socket, url = '/' }: IncomingMessage): RequestInfo {
  const {
    ip,
    scheme,
    host = 'localhost',
    viaTrustedProxy,
  } = clientAddress({ remoteAddress: socket.remoteAddress, encrypted: 'encrypted' in socket, headers }, config.listen.trusted_proxy_cidrs)
  const [path, query = ''] = splitOnce(url, '?')
  return {
    id,
    method,
    path,
    query,
    clientIp: ip,
    userAgent: (headers['user-agent'] ?? '').slice(0, 512),
    origin: `${scheme}://${host}`,
    host,
    headers,
    certificate: () => {
      const header = config.web.client_certificate_header
      if (header !== '' && viaTrustedProxy) return certificateInHeader(headers[header.toLowerCase()])
      return certificateOfSocket(socket)
    },
  }
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
