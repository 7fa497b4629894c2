import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { randomString } from '../../../lib/random.ts'
import { scopeClaims } from '../../../mappings/evaluate.ts'
import { issuerOf } from '../addresses.ts'
import type { Client } from '../client/client.ts'
import { newUid } from '../token/handle.ts'
import type { SignInFacts } from './sign-in-facts.ts'
import { subjectOf } from './subject.ts'

export const ACR = 'goauthentik.io/providers/oauth2/default'

const ID_LENGTH = 40

/** Seconds since 1970, RFC 7519 §2 NumericDate. */
export const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)

/** 40 random letters and digits. */
export const randomId = (ctx: Ctx): string => randomString(ID_LENGTH, undefined, ctx.randomBytes)

/** Of claims, those that there is something to tell of: what has no value is left out, not told as null (OIDC Core §5.3.2). */
export const valued = (claims: Row): Row =>
  Object.values(claims).includes(null) ? Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null)) : claims

export type ClaimsOf = { user: Row; scopes: readonly string[]; facts: SignInFacts; nonce: string | null; expires: Date }

/**
 * The claims of an ID token (OIDC Core §2). Those of the scope mappings come last and may override what stands before them:
 * operators rely on it. Base claims without a value are left out.
 */
export async function idTokenClaims(ctx: Ctx, client: Client, { user, scopes, facts, nonce, expires }: ClaimsOf): Promise<Row> {
  const now = ctx.now()
  const claims: Row = {
    iss: issuerOf(ctx, client),
    sub: subjectOf(ctx, client, user),
    aud: client.client_id,
    exp: seconds(expires),
    iat: seconds(now),
    auth_time: seconds(facts.auth_time ?? now),
    acr: facts.acr ?? ACR,
  }
  if (facts.amr.length > 0) claims.amr = facts.amr
  if (nonce !== null) claims.nonce = nonce
  if (facts.sid !== null) claims.sid = facts.sid
  claims.jti = randomId(ctx)
  if (!client.claimsInIdToken) return claims
  return { ...claims, ...valued(await scopeClaims(ctx, { provider: client.provider, user, scopes, mappings: client.mappings })) }
}

/** The claims of an access token: those of the ID token, and for whom and for what it is good. */
export function accessTokenClaims(ctx: Ctx, client: Client, claims: Row, scopes: readonly string[], family: string): Row {
  const told: Row = { ...claims, azp: client.client_id, uid: newUid(family, ctx.randomBytes) }
  if (told.scope === undefined) told.scope = scopes.join(' ')
  return told
}
