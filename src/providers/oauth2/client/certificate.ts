import { createHash, createPublicKey, type X509Certificate } from 'node:crypto'
import type { JWK } from 'jose'
import { rfc4514 } from '../../../crypto/distinguished-name.ts'
import { formatIp, parseIp } from '../../../lib/ip.ts'
import type { Ctx } from '../../../context.ts'
import { clientKeyList } from './keys.ts'
import type { Client } from './client.ts'

/** RFC 5280 §4.2.1.12: for clients. */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** `x5t#S256` of the certificate of a request, RFC 8705 §3.1; undefined when it came without one. */
export function presentedThumbprint(ctx: Ctx): string | undefined {
  const certificate = ctx.request?.certificate?.()
  return certificate && createHash('sha256').update(certificate.raw).digest('base64url')
}

const isLive = (certificate: X509Certificate, now: Date): boolean => certificate.validFromDate <= now && now <= certificate.validToDate

/** Whether an authority issued this certificate, and both are good right now and for this. */
function issuedBy(certificate: X509Certificate, authority: X509Certificate, now: Date): boolean {
  if (!authority.ca || !isLive(authority, now) || !isLive(certificate, now)) return false
  const uses = certificate.keyUsage as string[] | undefined // of the extended ones, whatever the name says
  if (uses !== undefined && !uses.includes(CLIENT_AUTH)) return false
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

/** The alternative names of one kind, as Node writes them: `DNS:a, URI:b`. Names that need quotes are not matched. */
function alternativeNames(certificate: X509Certificate, kind: 'DNS' | 'URI' | 'IP Address' | 'email'): string[] {
  const names = certificate.subjectAltName?.split(', ') ?? []
  return names.filter(name => name.startsWith(`${kind}:`)).map(name => name.slice(kind.length + 1))
}

/** RFC 4514, without what may be written in several ways. */
const plainName = (name: string): string =>
  name
    .split(/(?<!\\),/)
    .map(part => part.trim().replace(/\s*=\s*/, '='))
    .map(part => part.replace(/^[^=]+/, type => type.toUpperCase()))
    .join(',')

/** Whether the certificate names the client in the one way that it is registered for, RFC 8705 §2.1.2. */
function isNamed(certificate: X509Certificate, { metadata }: Client): boolean {
  const { tls_client_auth_subject_dn: subject, tls_client_auth_san_dns: dns, tls_client_auth_san_uri: uri } = metadata
  const { tls_client_auth_san_ip: ip, tls_client_auth_san_email: email } = metadata
  if (subject !== '') return plainName(rfc4514(certificate.subject ?? '')) === plainName(subject)
  if (dns !== '') return alternativeNames(certificate, 'DNS').some(name => name.toLowerCase() === dns.toLowerCase())
  if (uri !== '') return alternativeNames(certificate, 'URI').includes(uri)
  if (email !== '') return alternativeNames(certificate, 'email').includes(email)
  const wanted = parseIp(ip)
  if (!wanted) return false
  return alternativeNames(certificate, 'IP Address').some(name => {
    const found = parseIp(name)
    return found !== undefined && formatIp(found) === formatIp(wanted)
  })
}

/** The same public key, whatever else a key set says of it. */
function sameKey(certificate: X509Certificate, jwk: JWK): boolean {
  try {
    const own = (key: X509Certificate['publicKey']) => key.export({ type: 'spki', format: 'der' })
    return own(certificate.publicKey).equals(own(createPublicKey({ key: { ...jwk }, format: 'jwk' })))
  } catch {
    return false // a key of another kind
  }
}

/**
 * Whether the certificate that came with a request proves the client: issued by its authority in its name (RFC 8705 §2.1), or with a key of
 * its own key set, whoever signed it (§2.2).
 */
export async function certificateProves(ctx: Ctx, client: Client): Promise<boolean> {
  const certificate = ctx.request?.certificate?.()
  if (!certificate) return false
  if (client.metadata.token_endpoint_auth_method === 'tls_client_auth')
    return client.authority !== undefined && issuedBy(certificate, client.authority, ctx.now()) && isNamed(certificate, client)
  return isLive(certificate, ctx.now()) && (await clientKeyList(ctx, client)).some(jwk => sameKey(certificate, jwk))
}

/** Whether a client proves itself by its certificate. */
export const byCertificate = ({ metadata }: Client): boolean =>
  metadata.token_endpoint_auth_method === 'tls_client_auth' || metadata.token_endpoint_auth_method === 'self_signed_tls_client_auth'
