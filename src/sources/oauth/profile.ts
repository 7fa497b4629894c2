import type { JWTPayload } from 'jose'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { askAsPerson, type Tokens } from './client.ts'
import { NO_ID, NO_PROFILE, SourceError } from './error.ts'
import { idTokenClaims, showsKeys } from './id-token.ts'
import type { Profile } from './types/type.ts'
import type { Upstream } from './upstream.ts'

/** Longer names of people at sources are none. */
const MAX_ID = 255

export type Told = { raw: Row; profile: Profile & { identifier: string }; claims: JWTPayload | undefined }

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The claims of the ID token. One that must come has to: a source that shows keys and was asked for `openid` answers with a token, and
 * leaving it out would leave out that it belongs to this sign-in (OIDC Core §3.1.3.3).
 */
async function claimsOf(ctx: Ctx, upstream: Upstream, tokens: Tokens, nonce: string): Promise<JWTPayload | undefined> {
  const { type, scopes } = upstream
  if (!type.idToken) return undefined
  const checkable = showsKeys(upstream) || type.profileFrom === 'id_token'
  if (tokens.id_token !== null && (checkable || upstream.issuer !== undefined)) return idTokenClaims(ctx, upstream, tokens.id_token, nonce)
  if (checkable && (type.profileFrom === 'id_token' || scopes.includes('openid'))) throw new SourceError('The source sent no ID token.')
  return undefined
}

async function askForProfile(ctx: Ctx, upstream: Upstream, tokens: Tokens): Promise<Row> {
  const { type, profileUrl, scopes } = upstream
  const ask = (url: string) => askAsPerson(ctx, upstream, tokens, url)
  const answer = await ask(profileUrl)
  if (!isObject(answer)) throw new SourceError(NO_PROFILE)
  try {
    return (await type.complete?.(answer, { ask, profileUrl, scopes })) ?? answer
  } catch (error) {
    throw error instanceof SourceError ? error : new SourceError(NO_PROFILE, error)
  }
}

/** Claims of a token that are about the token. */
const ABOUT_TOKEN = new Set('iss aud exp iat nbf jti nonce azp sid auth_time acr amr at_hash c_hash s_hash'.split(' '))

/** Some sources tell in the token what they leave out of the answer. An address comes with the word on it from one place. */
function completed(answer: Row, claims: JWTPayload | undefined): Row {
  const email = answer.email !== undefined || answer.email_verified !== undefined
  const more = Object.entries(claims ?? {}).filter(([name]) => !ABOUT_TOKEN.has(name) && !(email && name.startsWith('email')))
  return { ...Object.fromEntries(more), ...answer }
}

/** Who it is, as the source tells. @throws SourceError */
export async function profileOf(ctx: Ctx, upstream: Upstream, tokens: Tokens, nonce: string): Promise<Told> {
  const claims = await claimsOf(ctx, upstream, tokens, nonce)
  const fromToken = upstream.type.profileFrom === 'id_token' || (claims !== undefined && upstream.profileUrl === '')
  const answer: Row = fromToken ? { ...claims } : await askForProfile(ctx, upstream, tokens)
  // OIDC Core §5.3.2: or the answer may be about somebody else.
  if (claims !== undefined && answer.sub !== claims.sub) throw new SourceError('The profile belongs to somebody else.')
  const raw = fromToken ? answer : completed(answer, claims)
  const profile = upstream.type.read(raw)
  const { identifier } = profile
  if (identifier === undefined || identifier === '' || identifier.length > MAX_ID) throw new SourceError(NO_ID)
  return { raw, profile: { ...profile, identifier }, claims }
}
