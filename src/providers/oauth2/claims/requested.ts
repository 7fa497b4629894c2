import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { scopeClaims } from '../../../mappings/evaluate.ts'
import type { Client } from '../client/client.ts'
import { authorizationError } from '../errors.ts'

/** How one claim is asked for, OIDC Core §5.5.1. `values`: the only ones that are of use; null: any. */
export type ClaimWish = { essential: boolean; values: unknown[] | null }

/** The `claims` parameter, OIDC Core §5.5, by where the claims are to be told. JSON, since plans and grants keep it. */
export type RequestedClaims = Record<'id_token' | 'userinfo', Record<string, ClaimWish>>

const MAX_CLAIMS = 100

/** What only the provider says of itself, of the token and of the sign-in: no mapping is asked for it. */
const OURS = new Set('iss sub aud exp iat nbf auth_time nonce acr amr azp jti sid at_hash c_hash s_hash cnf'.split(' '))

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

const malformed = () => authorizationError('invalid_request', 'The parameter claims is malformed')

function wishOf(sent: unknown): ClaimWish {
  if (sent === null) return { essential: false, values: null }
  if (!isObject(sent)) throw malformed()
  const { essential = false, value, values } = sent
  if (typeof essential !== 'boolean' || (values !== undefined && !Array.isArray(values))) throw malformed()
  return { essential, values: values ?? (value === undefined ? null : [value]) }
}

function wishesOf(sent: unknown): Record<string, ClaimWish> {
  if (sent === undefined) return {}
  if (!isObject(sent) || Object.keys(sent).length > MAX_CLAIMS) throw malformed()
  return Object.fromEntries(Object.entries(sent).map(([name, wish]) => [name, wishOf(wish)]))
}

/** Reads the parameter; null when there is none. Members that nobody knows are passed over. @throws invalid_request */
export function readClaims(text: string | undefined): RequestedClaims | null {
  if (text === undefined) return null
  let sent: unknown
  try {
    sent = JSON.parse(text)
  } catch {
    throw malformed()
  }
  if (!isObject(sent)) throw malformed()
  return { id_token: wishesOf(sent.id_token), userinfo: wishesOf(sent.userinfo) }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * The claims that are asked for by name, out of all that the provider's mappings say of the person; those with another value than the
 * wanted one are left out.
 */
export async function namedClaims(ctx: Ctx, client: Client, user: Row, wishes: Record<string, ClaimWish> | undefined): Promise<Row> {
  const wanted = Object.entries(wishes ?? {}).filter(([name]) => !OURS.has(name))
  if (wanted.length === 0) return {}
  const known = await scopeClaims(ctx, { provider: client.provider, user, scopes: client.scopes, mappings: client.mappings })
  const told = wanted.filter(
    ([name, { values }]) => Object.hasOwn(known, name) && (values === null || values.some(value => same(value, known[name]))),
  )
  return Object.fromEntries(told.map(([name]) => [name, known[name]]))
}

/** The scopes beyond those that were asked for whose claims are asked for by name: the person is told of them before they agree. */
export async function scopesOfClaims(
  ctx: Ctx,
  client: Client,
  user: Row,
  claims: RequestedClaims,
  scopes: readonly string[],
): Promise<string[]> {
  const names = new Set([...Object.keys(claims.id_token), ...Object.keys(claims.userinfo)].filter(name => !OURS.has(name)))
  if (names.size === 0) return []
  const found: string[] = []
  for (const scope of client.scopes) {
    if (scopes.includes(scope)) continue
    const told = await scopeClaims(ctx, { provider: client.provider, user, scopes: [scope], mappings: client.mappings })
    if (Object.keys(told).some(name => names.has(name))) found.push(scope)
  }
  return found
}

/** The only people that a request is about: what it says of `sub` (OIDC Core §3.1.2.2, §5.5.1); null: anybody. */
export function wantedSubjects(claims: RequestedClaims | null): unknown[] | null {
  return claims?.id_token.sub?.values ?? claims?.userinfo.sub?.values ?? null
}
