import type { Row } from '../../../../api/model.ts'
import type { Ctx } from '../../../../context.ts'
import { required } from '../../../../db/planned-write.ts'
import type { Client } from '../../client/client.ts'
import { consentStands, type ConsentFacts } from '../../consent/consent.ts'
import { invalidGrant, invalidScope, Replayed } from '../../errors.ts'
import { findRefreshToken, holdRefreshToken, revokeFamily, spendRefreshToken, type PresentedRefreshToken } from '../grants.sql.ts'
import type { Authorization } from '../issue.ts'
import { isGithubScope } from '../../github/scopes.ts'
import { parseScope } from '../../parameters.ts'
import { reportReuse } from '../reuse.ts'
import type { Grant, TokenRequest } from '../token.ts'
import { activeUser } from '../../users.ts'

/** A token that was replaced or revoked came again: client or thief, one of them holds a copy, so the family ends (RFC 9700 §4.14.2). */
const replayed = (ctx: Ctx, client: Client, token: PresentedRefreshToken): Replayed =>
  new Replayed(invalidGrant(), async () => {
    await revokeFamily(ctx.db, token.family, ctx.now())
    await reportReuse(ctx, token, { message: 'Revoked refresh token was used', provider: { pk: client.id, name: client.name } })
  })

/** RFC 6749 §6: at most what the token was made for; names that are not configured were never there. */
function narrowed(requested: string | undefined, granted: readonly string[], client: Client): readonly string[] {
  if (requested === undefined) return granted
  const names = parseScope(requested)
  if (!names) throw invalidScope()
  const known = names.filter(name => client.scopes.includes(name))
  if (known.length === 0 || known.some(name => !granted.includes(name))) throw invalidScope()
  return known
}

/** Whether what the grant stands on is still there, asked anew every time. */
export async function stillStands(
  ctx: Ctx,
  client: Client,
  token: ConsentFacts,
  user: Row,
  granted: readonly string[],
  sessionLive: boolean,
): Promise<boolean> {
  if (!client.application) return false
  // OIDC Core §11: offline access outlives the browser's session; everything else ends with it.
  if (!granted.includes('offline_access') && !sessionLive) return false
  return consentStands(ctx, client.application, user, token)
}

/** A token that is of use to whoever has it: no secret goes with it, no key and no certificate. It is replaced with every use (RFC 9700 §4.14.2). */
const isAnybodys = (client: Client, { jkt, x5t }: PresentedRefreshToken): boolean => client.public && jkt === null && x5t === null

async function authorize(ctx: Ctx, { form }: TokenRequest, client: Client): Promise<Authorization> {
  const presented = form.get('refresh_token')
  if (presented === undefined) throw invalidGrant()
  const now = ctx.now()
  const token = await findRefreshToken(ctx.db, presented, now)
  if (!token || token.provider !== client.id) throw invalidGrant() // §6: bound to the client it was issued to
  if (token.used_at !== null || token.revoked_at !== null) throw replayed(ctx, client, token)
  if (token.expires <= now) throw invalidGrant()
  const granted = token.scope.filter(name => client.scopes.includes(name) || isGithubScope(name)) // what was taken from the provider since is gone
  const scopes = narrowed(form.get('scope'), granted, client)
  const user = await activeUser(ctx, token.user)
  const sessionLive = token.living_session !== null
  if (!user || !(await stillStands(ctx, client, token, user, granted, sessionLive))) throw invalidGrant()
  const { refreshThreshold } = client.lifetimes
  const rotate = isAnybodys(client, token) || refreshThreshold === 0 || token.expires.getTime() - now.getTime() < refreshThreshold
  return {
    user,
    scopes,
    asking: { oauth_scopes: [...granted], oauth_grant_type: 'refresh_token' },
    facts: { sid: token.sid, auth_time: token.auth_time, amr: token.amr, acr: token.acr },
    requested: token.requested_claims,
    nonce: null, // OIDC Core §12.2: SHOULD NOT have one
    session_hash: token.living_session,
    family: token.family,
    jkt: token.jkt,
    x5t: token.x5t,
    idToken: true,
    refresh: rotate ? { scopes: granted, nonce: token.nonce, consented: token.consented, consent_until: token.consent_until } : undefined,
    claim: required(rotate ? spendRefreshToken(token, now) : holdRefreshToken(token, now), () => replayed(ctx, client, token)),
  }
}

/** RFC 6749 §6, OIDC Core §12. */
export const refreshToken: Grant = { type: 'refresh_token', provesItself: false, authorize }
