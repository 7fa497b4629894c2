import { errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Ctx } from '../../context.ts'
import { localKeySet, remoteKeySet } from '../../http/key-set.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import { SourceError } from './error.ts'
import type { Upstream } from './upstream.ts'

/** By a key of the source, RFC 7518 §3.1. Which of them is the key's to say, never the token's alone. */
const BY_KEY = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** Under our own secret there, OIDC Core §10.1; only where the source shows no keys at all, so that no key is taken for a secret. */
const BY_SECRET = ['HS256', 'HS384', 'HS512']

const TOLERANCE = 60 // s
const MAX_LENGTH = 100_000
/** What Microsoft writes where the tenant's own id is to stand. */
const TENANT = '{tenantid}'

const hasKeys = (jwks: unknown): jwks is JSONWebKeySet =>
  Array.isArray((jwks as { keys?: unknown } | null)?.keys) && (jwks as { keys: unknown[] }).keys.length > 0

/** Whether tokens of the source can be checked by its own keys. */
export const showsKeys = ({ jwksUrl, jwks }: Upstream): boolean => jwksUrl !== '' || hasKeys(jwks)

const keysOf = (ctx: Ctx, { jwksUrl, jwks }: Upstream): JWTVerifyGetKey =>
  jwksUrl !== '' ? remoteKeySet(ctx, jwksUrl) : localKeySet((jwks as JSONWebKeySet).keys)

/** A token without a `kid` may be signed by any of several keys of its kind. */
async function verified(token: string, keys: JWTVerifyGetKey, options: Parameters<typeof jwtVerify>[2]): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (inner) {
        if (!(inner instanceof errors.JWSSignatureVerificationFailed)) throw inner
      }
    }
    throw error
  }
}

/**
 * The claims of a token that the source signed for us and that counts now: signature, issuer, audience, times (OIDC Core §3.1.3.7,
 * Back-Channel Logout §2.6). @throws SourceError
 */
export async function signedClaims(ctx: Ctx, upstream: Upstream, token: string, required: string[]): Promise<JWTPayload> {
  if (token.length > MAX_LENGTH) throw new SourceError('The token of the source is too long.')
  const byKey = showsKeys(upstream)
  const keys: JWTVerifyGetKey = byKey ? keysOf(ctx, upstream) : async () => new TextEncoder().encode(upstream.clientSecret)
  let claims: JWTPayload
  try {
    claims = await verified(token, keys, {
      algorithms: byKey ? BY_KEY : BY_SECRET,
      audience: upstream.clientId,
      requiredClaims: ['iss', 'aud', 'iat', ...required],
      clockTolerance: TOLERANCE,
      currentDate: ctx.now(),
    })
  } catch (error) {
    throw new SourceError('The token of the source could not be verified.', error)
  }
  const issuer = upstream.issuer?.replace(TENANT, typeof claims.tid === 'string' ? claims.tid : '')
  if (issuer !== undefined && claims.iss !== issuer) throw new SourceError('The token is from somebody else than the source.')
  // Several audiences: the one that asked is named (§3.1.3.7, 4 and 5).
  const foreign = claims.azp !== undefined && claims.azp !== upstream.clientId
  if (foreign || (Array.isArray(claims.aud) && claims.aud.length > 1 && claims.azp === undefined))
    throw new SourceError('The token was made for somebody else.')
  if (claims.iat! > ctx.now().getTime() / 1000 + TOLERANCE) throw new SourceError('The token is from the future.')
  return claims
}

/** The claims of an ID token that answers this very sign-in. @throws SourceError */
export async function idTokenClaims(ctx: Ctx, upstream: Upstream, token: string, nonce: string): Promise<JWTPayload & { sub: string }> {
  const claims = await signedClaims(ctx, upstream, token, ['exp', 'sub'])
  if (typeof claims.nonce !== 'string' || !secretsEqual(claims.nonce, nonce))
    throw new SourceError('The token does not belong to this sign-in.')
  if (typeof claims.sub !== 'string' || claims.sub === '' || claims.sub.length > 255) throw new SourceError('The token names nobody.')
  return claims as JWTPayload & { sub: string }
}
