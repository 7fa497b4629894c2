import type { Ctx } from '../../../context.ts'
import { scopeClaims } from '../../../mappings/evaluate.ts'
import { issuerOf } from '../addresses.ts'
import { userinfoJwt } from '../client/encryption.ts'
import { json, type Answer } from '../answer.ts'
import { valued } from '../claims/claims.ts'
import { presentedToken, proofChallenge } from './bound-token.ts'
import type { Headers } from '../client/authentication.ts'
import { corsHeaders } from '../cors.ts'
import { isFapi } from '../fapi.ts'
import { findAccessToken } from '../token/grants.sql.ts'
import { reportReuse } from '../token/reuse.ts'
import type { Parameters } from '../parameters.ts'
import { namedClaims } from '../claims/requested.ts'
import { subjectOf } from '../claims/subject.ts'

/** RFC 6750 §3.1. The body stays empty; without a token the challenge names no error. */
const refused = (status: number, error?: string, description?: string): Answer => ({
  status,
  headers: {
    'www-authenticate': error === undefined ? 'Bearer' : `Bearer error="${error}", error_description="${description}"`,
    'cache-control': 'no-store',
    pragma: 'no-cache',
    vary: 'Origin',
  },
  body: '',
})

const INVALID_TOKEN = 'The access token provided is expired, revoked, malformed, or invalid for other reasons'

/** The token of a request, RFC 6750 §2.1 and §2.2. In a URL (§2.3) it would end in logs, so there it is not looked for. */
function presented(headers: Headers, form: Parameters): { token: string | undefined; twice: boolean; scheme: string } {
  const header = headers.authorization
  const [, scheme = 'bearer', bearer] = (typeof header === 'string' ? /^(bearer|dpop) +(\S+)$/i.exec(header) : null) ?? []
  const posted = form.get('access_token')
  return { token: bearer ?? posted, twice: bearer !== undefined && posted !== undefined, scheme: scheme.toLowerCase() }
}

async function reportRevoked(ctx: Ctx, credential: string): Promise<void> {
  const token = await findAccessToken(ctx.db, credential, ctx.now())
  if (!token || token.revoked_at === null) return
  await reportReuse(ctx, token, { message: 'Revoked access token was used' })
}

/** UserInfo endpoint, OIDC Core §5.3. */
export async function userinfo(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  const { token: credential, twice, scheme } = presented(headers, form)
  if (twice || form.fault) return refused(400, 'invalid_request', 'The token is to be sent once and in one way') // RFC 6750 §2
  if (credential === undefined) return refused(401)
  const { living, badProof } = await presentedToken(ctx, headers, credential, scheme)
  if (badProof !== undefined) return { ...refused(401), headers: { ...refused(401).headers, ...proofChallenge(ctx, badProof) } }
  if (!living) {
    await reportRevoked(ctx, credential)
    return refused(401, 'invalid_token', INVALID_TOKEN)
  }
  const { token, user, client } = living
  if (!token.scope.includes('openid'))
    return refused(403, 'insufficient_scope', 'The request requires higher privileges than provided by the access token')
  const claims = await scopeClaims(ctx, { provider: client.provider, user, scopes: token.scope, mappings: client.mappings })
  const wishes = token.requested_claims?.userinfo // OIDC Core §5.5
  const told = wishes ? { ...(await namedClaims(ctx, client, user, wishes)), ...claims } : claims
  // §5.3.2: sub is always there and the same as in the ID token
  const answer = { ...valued(told), sub: token.claims.sub ?? subjectOf(ctx, client, user) }
  const cors = corsHeaders(headers, client.origins)
  const jwt = await userinfoJwt(ctx, client, answer, issuerOf(ctx, client))
  if (jwt !== undefined) return { ...json(200, {}, { ...cors, 'content-type': 'application/jwt' }), body: jwt }
  const { nonce } = token.claims
  // Applications of our peers may look for it; the standard knows none here, and where it is kept to the letter there is none.
  return json(200, nonce === undefined || isFapi(client) ? answer : { ...answer, nonce }, cors)
}
