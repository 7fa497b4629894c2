import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { insertion } from '../../../db/statement.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { accessTokenClaims, idTokenClaims } from '../claims/claims.ts'
import { sealedIdToken } from '../client/encryption.ts'
import type { Client } from '../client/client.ts'
import { newSecret } from './handle.ts'
import { givesIdToken, idTokenUnderProfile } from '../fapi.ts'
import { namedClaims, type RequestedClaims } from '../claims/requested.ts'
import type { SignInFacts } from '../claims/sign-in-facts.ts'

/** What a grant proved: who gets tokens, for what, and what has to happen in the transaction that stores them. */
export type Authorization = {
  user: Row
  scopes: readonly string[]
  /** What the application's policies are told when they are asked now, theirs to write into; null: they were asked when the code was made, a moment ago. */
  asking: Row | null
  facts: SignInFacts
  /** Of the ID token in the answer. */
  nonce: string | null
  /** The browser session that the access token ends with; null when there is none (any more). */
  session_hash: string | null
  /** All that one code bought. */
  family: string
  /** The key that this grant is bound to already (RFC 9449 §5, §10); null: to none. */
  jkt?: string | null
  /** Claims that the request asked for by name (OIDC Core §5.5); null: none. */
  requested?: RequestedClaims | null
  /** The certificate that it is bound to already, RFC 8705 §4. */
  x5t?: string | null
  idToken: boolean
  /** Whom the tokens are for, where that is not the client that asks (RFC 8693). */
  target?: Client
  /** When they end at the latest. */
  notAfter?: Date
  /** Claims beyond the usual, which no mapping changes. */
  claims?: Row
  /** Members of the answer beyond the usual. */
  answer?: Row
  /** undefined: no refresh token in the answer. */
  refresh: { scopes: readonly string[]; nonce: string | null; consented: boolean; consent_until: Date | null } | undefined
  /** The first write: `required` to take what only one can have. Nothing is stored for whoever comes too late. */
  claim?: PlannedWrite
  /** Prepares what else belongs into the same transaction. */
  settle?: (ctx: Ctx) => Promise<PlannedWrite>
}

/** An access token: signed, and encrypted where the provider has a key for that. */
function sealed({ signer, encrypter }: Client, claims: Row): string | Promise<string> {
  const jws = signer.sign(claims)
  return encrypter ? Promise.resolve(jws).then(signed => encrypter.encrypt(signed, { uid: claims.uid })) : jws
}

/** What tokens are bound to, so that they are of no use to whoever else has them: a key (RFC 9449 §6) or a certificate (RFC 8705 §3). */
export type Binding = { jkt?: string; x5t?: string }

/** RFC 7800 §3.1: how a token tells what it is bound to; undefined: to nothing. */
export const confirmation = ({ jkt, x5t }: { jkt?: string | null; x5t?: string | null }): { cnf?: Row } => {
  if (!jkt && !x5t) return {}
  return { cnf: { ...(jkt && { jkt }), ...(x5t && { 'x5t#S256': x5t }) } }
}

/** Signed and ready, but not yet good for anything: signing takes time, and the transaction must not. */
export async function prepareTokens(ctx: Ctx, client: Client, authorization: Authorization, bound: Binding = {}) {
  const now = ctx.now()
  const { user, scopes, facts, nonce } = authorization
  const { notAfter } = authorization
  const usual = new Date(now.getTime() + client.lifetimes.access)
  const expires = notAfter !== undefined && notAfter < usual ? notAfter : usual
  const { claims: more, requested } = authorization
  const told = await idTokenClaims(ctx, client, { user, scopes, facts, nonce, expires })
  const claims = more ? { ...told, ...more } : told
  const access = await sealed(
    client,
    Object.assign(accessTokenClaims(ctx, client, claims, scopes, authorization.family), more, confirmation(bound)),
  )
  const named = requested ? await namedClaims(ctx, client, user, requested.id_token) : undefined
  const due = idTokenUnderProfile(client, claims)
  const idClaims = named ? { ...named, ...due } : due
  const wanted = authorization.idToken && givesIdToken(client, scopes)
  const id = wanted ? await sealedIdToken(ctx, client, { ...idClaims, at_hash: client.signer.leftHash(access) }) : undefined
  const refresh = authorization.refresh && newSecret(authorization.family, ctx.randomBytes)
  return {
    bound,
    lifetime: expires.getTime() - now.getTime(),
    claims,
    idClaims,
    access,
    id,
    refresh,
    expires,
    refreshExpires: new Date(now.getTime() + client.lifetimes.refresh),
  }
}

/** `lifetime`: ms. */
type Prepared = Awaited<ReturnType<typeof prepareTokens>>

const COMMON = [
  'provider',
  'user',
  'family',
  'scope',
  'claims',
  'requested_claims',
  'revoked_at',
  'token_hash',
  'session_hash',
  'expires',
  'jkt',
  'x5t',
] as const
const insertAccessToken = insertion('oauth2_access_token', COMMON)
const insertRefreshToken = insertion('oauth2_refresh_token', [
  ...COMMON,
  ...(['nonce', 'consented', 'consent_until', 'sid', 'auth_time', 'amr', 'acr', 'used_at'] as const),
])

/** What makes prepared tokens good: goes into the transaction that claims the grant. */
export function tokenWrites(client: Client, authorization: Authorization, tokens: Omit<Prepared, 'idClaims'>): PlannedWrite[] {
  const common = {
    provider: client.id,
    user: authorization.user.id as number,
    family: authorization.family,
    scope: JSON.stringify(authorization.scopes),
    claims: JSON.stringify(tokens.claims),
    requested_claims: authorization.requested ? JSON.stringify(authorization.requested) : null,
    revoked_at: null,
  }
  const { jkt = null, x5t = null } = tokens.bound
  const access = insertAccessToken.planned({
    ...common,
    token_hash: hashToken(tokens.access),
    session_hash: authorization.session_hash,
    expires: tokens.expires,
    jkt,
    x5t,
  })
  if (!authorization.refresh || tokens.refresh === undefined) return [access]
  const { facts } = authorization
  const { scopes, ...refresh } = authorization.refresh
  const refreshed = insertRefreshToken.planned({
    ...common,
    ...refresh,
    scope: JSON.stringify(scopes),
    token_hash: hashToken(tokens.refresh),
    session_hash: authorization.session_hash,
    sid: facts.sid,
    auth_time: facts.auth_time,
    amr: JSON.stringify(facts.amr),
    acr: facts.acr ?? null,
    expires: tokens.refreshExpires,
    used_at: null,
    jkt: client.public ? jkt : null, // RFC 9449 §5: a confidential client proves itself anyway
    x5t: client.public ? x5t : null, // RFC 8705 §4
  })
  return [access, refreshed]
}

/** The successful answer, RFC 6749 §5.1. */
export const tokenResponse = ({ scopes, answer }: Authorization, tokens: Prepared): Row => ({
  access_token: tokens.access,
  token_type: tokens.bound.jkt === undefined ? 'Bearer' : 'DPoP',
  scope: scopes.join(' '),
  expires_in: Math.floor(tokens.lifetime / 1000),
  ...(tokens.id !== undefined && { id_token: tokens.id }),
  ...(tokens.refresh !== undefined && { refresh_token: tokens.refresh }),
  ...answer,
})
