import type { JWTPayload } from 'jose'
import type { Row } from '../../api/model.ts'
import type { ClientMetadataRow } from './client/metadata.ts'

/** FAPI 2.0 Security Profile and Message Signing: what a client of that profile must keep, and what it gets. */

/** Security Profile §5.4.1: no other algorithm signs anything. */
export const PROFILE_ALGORITHMS: readonly string[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519']

/** §5.3.2.1: how long a code lives at most: ms. */
export const CODE_LIFE = 60_000

/** Message Signing §5.3.1: how old and how lasting a request object may be: s. */
const WINDOW = 3_600

/** §5.4.1: how far ahead another's clock may be: s. */
const AHEAD = 60

type Kept = { metadata: Pick<ClientMetadataRow, 'security_profile'> }

export const isFapi = ({ metadata }: Kept): boolean => metadata.security_profile === 'fapi2'

/** Of some algorithms, those that a client may sign with. */
export const signable = (client: Kept, algorithms: readonly string[]): string[] =>
  algorithms.filter(alg => !isFapi(client) || PROFILE_ALGORITHMS.includes(alg))

/** What the profile makes of a client's own wishes: requests are pushed, with a challenge, and ID tokens signed as it allows (§5.3.2). */
export const underProfile = <T extends ClientMetadataRow>(metadata: T): T =>
  isFapi({ metadata })
    ? {
        ...metadata,
        require_pkce: true,
        require_pushed_authorization_requests: true,
        id_token_signed_response_alg: metadata.id_token_signed_response_alg ?? 'PS256',
      }
    : metadata

/** §5.3.2.1: tokens come by the token endpoint alone, and nobody's password is asked for. */
export const grantsUnderProfile = (client: Kept, grants: readonly string[]): string[] =>
  grants.filter(grant => !isFapi(client) || !['implicit', 'hybrid', 'password'].includes(grant))

/** Whether an ID token goes with an access token: under the profile only where OpenID Connect was asked for, OIDC Core §3.1.2.1. */
export const givesIdToken = (client: Kept, scopes: readonly string[]): boolean => !isFapi(client) || scopes.includes('openid')

/** The claims of an ID token: under the profile it tells nothing that nobody asked for, and of the session only who is told when that ends. */
export function idTokenUnderProfile(client: Kept & { provider: Row }, claims: Row): Row {
  if (!isFapi(client)) return claims
  const { jti: _jti, sid, ...asked } = claims
  return sid === undefined || client.provider.logout_uri === '' ? asked : { ...asked, sid }
}

/** Whether a JWT of another says that it was made in the future: by no clock that is only wrong. */
export const isOfTheFuture = ({ iat, nbf }: JWTPayload, now: Date): boolean =>
  [iat, nbf].some(at => at !== undefined && at > now.getTime() / 1000 + AHEAD)

/** Message Signing §5.3.1: a request object has a beginning and an end, not long ago and not far off. Why it is refused; undefined: it is not. */
export function windowFault({ nbf, exp }: JWTPayload, now: Date): string | undefined {
  const seconds = now.getTime() / 1000
  if (nbf === undefined || exp === undefined) return 'The Request Object has no nbf or no exp'
  if (nbf < seconds - WINDOW || exp > nbf + WINDOW) return 'The Request Object is good for too long'
  return undefined
}

/** Why a key or an algorithm is refused. */
export const WEAK = 'This profile wants signatures by PS256, ES256 or EdDSA (Ed25519).'

/** What of a client's metadata the profile does not allow, by the field; undefined: it keeps the profile. */
export function profileFault(metadata: Partial<ClientMetadataRow>, provider: Row): Record<string, string[]> | undefined {
  if (metadata.security_profile !== 'fapi2') return undefined
  const { token_endpoint_auth_method: method = null } = metadata
  if (provider.client_type === 'public') return { security_profile: ['A public client cannot keep this profile.'] }
  if (method !== 'private_key_jwt' && method !== 'tls_client_auth' && method !== 'self_signed_tls_client_auth')
    return { token_endpoint_auth_method: ['This profile wants a key or a certificate of the client.'] }
  if (!metadata.dpop_bound_access_tokens && !metadata.tls_client_certificate_bound_access_tokens)
    return { dpop_bound_access_tokens: ['This profile wants tokens that are bound to a key or to a certificate.'] }
  if (typeof provider.signing_key !== 'string') return { id_token_signed_response_alg: [WEAK] }
  for (const name of ['id_token_signed_response_alg', 'userinfo_signed_response_alg', 'authorization_signed_response_alg'] as const) {
    const alg = metadata[name] ?? null
    if (alg !== null && !PROFILE_ALGORITHMS.includes(alg)) return { [name]: [WEAK] }
  }
  return undefined
}
