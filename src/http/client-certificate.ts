import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Socket } from 'node:net'

const MAX_LENGTH = 16 * 1024

/** What stands in a header of a proxy: PEM or DER in base64, percent-encoded or not; undefined for what is none. */
function textOf(value: string): string | undefined {
  // Envoy and others write `By=…;Hash=…;Cert="…"`, one element for each hop; the last is of the hop next to us.
  const elements = [...value.matchAll(/(?:^|[;,])\s*Cert="([^"]{0,16384})"/gi)]
  const written = elements.at(-1)?.[1] ?? value
  try {
    return decodeURIComponent(written).trim()
  } catch {
    return undefined
  }
}

/**
 * The certificate that a proxy tells of in a header: as nginx (`$ssl_client_escaped_cert`), Envoy, Traefik (base64 alone, the client's first) and
 * RFC 9440 (`:base64:`) write it. undefined when there is none that can be read.
 */
export function certificateInHeader(value: string | string[] | undefined): X509Certificate | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MAX_LENGTH) return undefined
  const text = textOf(value)
  if (text === undefined) return undefined
  try {
    if (text.includes('-----BEGIN ')) return new X509Certificate(text)
    const [base64] = text.replaceAll(/^:|:$/g, '').split(',')
    return new X509Certificate(Buffer.from(base64!, 'base64'))
  } catch {
    return undefined
  }
}

/** The certificate that the other end of a socket proved to hold; undefined without TLS, or when it showed none. Nobody has looked at its issuer. */
export const certificateOfSocket = (socket: Socket): X509Certificate | undefined =>
  'getPeerX509Certificate' in socket ? (socket as TLSSocket).getPeerX509Certificate() : undefined
