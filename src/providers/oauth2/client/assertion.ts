import { decodeJwt, jwtVerify } from 'jose'
import type { Ctx } from '../../../context.ts'
import { ASYMMETRIC, SYMMETRIC } from '../keys/algorithms.ts'
import { atOwnAddress, endpoints, issuerOf } from '../addresses.ts'
import { clientKeys } from './keys.ts'
import type { Client } from './client.ts'
import { isFapi, isOfTheFuture, signable } from '../fapi.ts'
import { firstTime } from '../seen.sql.ts'

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Clocks differ: s. */
const TOLERANCE = 10
/** An assertion that lives longer need not be remembered for as long as it says: it is refused. */
const LONGEST = 3600 // s

/** Who an assertion says it comes from, before anything of it is proven; undefined when it is none. */
export function claimedClient(assertion: string): string | undefined {
  try {
    const { iss, sub } = decodeJwt(assertion)
    return iss !== undefined && iss === sub ? iss : undefined
  } catch {
    return undefined // no JWT
  }
}

/**
 * Whether an assertion proves the client (RFC 7523 §3, OIDC Core §9): signed with its key or its secret, for us, not over, and for the first time.
 * `path` is the endpoint that it was sent to.
 */
export async function assertionProves(ctx: Ctx, client: Client, assertion: string, path: string): Promise<boolean> {
  const method = client.metadata.token_endpoint_auth_method
  if (method !== 'private_key_jwt' && method !== 'client_secret_jwt') return false
  const bySecret = method === 'client_secret_jwt'
  if (bySecret && client.secret === '') return false
  const key = bySecret ? async () => new TextEncoder().encode(client.secret) : clientKeys(ctx, client)
  if (!key) return false
  const here = await atOwnAddress(ctx)
  const { token } = endpoints(here, client)
  const issuer = issuerOf(here, client)
  const audience = [issuer, token, `${here.request?.origin ?? ''}${path}`].filter(address => address !== null)
  const now = ctx.now()
  let claims
  try {
    claims = await jwtVerify(assertion, key, {
      algorithms: signable(client, bySecret ? SYMMETRIC : ASYMMETRIC),
      issuer: client.client_id,
      subject: client.client_id,
      audience,
      requiredClaims: ['exp', 'jti'],
      clockTolerance: TOLERANCE,
      currentDate: now,
    })
  } catch (error) {
    ctx.log.info({ client_id: client.client_id, reason: (error as Error).message }, 'client assertion refused')
    return false
  }
  const { exp, jti } = claims.payload as { exp: number; jti: unknown }
  if (isOfTheFuture(claims.payload, now)) return false
  if (isFapi(client) && claims.payload.aud !== issuer) return false // FAPI 2.0 Security Profile §5.3.2.1: the issuer, as a text
  if (typeof jti !== 'string' || jti === '' || exp - now.getTime() / 1000 > LONGEST) return false
  return firstTime(ctx.db, `client assertion ${client.id} ${jti}`, new Date((exp + TOLERANCE) * 1000))
}
