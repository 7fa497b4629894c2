import type { Row } from '../../../../api/model.ts'
import type { Ctx } from '../../../../context.ts'
import { required } from '../../../../db/planned-write.ts'
import { recordEvent } from '../../../../events/record.ts'
import type { Client } from '../../client/client.ts'
import { invalidGrant, Replayed } from '../../errors.ts'
import { findCode, revokeFamily, spendCode, type CodeRow } from '../grants.sql.ts'
import type { Authorization } from '../issue.ts'
import { verifierMatches, type ChallengeMethod } from '../../authorize/pkce.ts'
import type { Grant, TokenRequest } from '../token.ts'
import { activeUser } from '../../users.ts'

/** RFC 7636 §4.6: a challenge demands its verifier, and a verifier demands that there was a challenge (RFC 9700 §4.8.2). */
function requireVerifier(code: CodeRow, verifier: string | undefined): void {
  if (code.code_challenge === null ? verifier !== undefined : verifier === undefined) throw invalidGrant()
  if (code.code_challenge === null || verifier === undefined) return
  if (!verifierMatches(verifier, code.code_challenge, code.code_challenge_method as ChallengeMethod)) throw invalidGrant()
}

/** A code came a second time: somebody else has seen it, so what it bought is worth nothing any more (RFC 6749 §4.1.2). */
const replayed = (ctx: Ctx, client: Client, user: Row | undefined, code: CodeRow): Replayed =>
  new Replayed(invalidGrant(), async () => {
    const ended = await revokeFamily(ctx.db, code.family, ctx.now())
    if (ended > 0)
      await recordEvent(
        ctx,
        'suspicious_request',
        { message: 'An authorization code was used twice; what it bought was revoked.', provider: { pk: client.id, name: client.name } },
        { user: user ?? null },
      )
  })

async function authorize(ctx: Ctx, { form }: TokenRequest, client: Client): Promise<Authorization> {
  const presented = form.get('code')
  if (presented === undefined) throw invalidGrant()
  const now = ctx.now()
  const code = await findCode(ctx.db, presented, now)
  if (!code || code.provider !== client.id) throw invalidGrant() // §4.1.3: issued to this client
  const user = await activeUser(ctx, code.user)
  if (code.used_at !== null) throw replayed(ctx, client, user, code)
  if (code.expires <= now) throw invalidGrant()
  if (form.get('redirect_uri') !== code.redirect_uri) throw invalidGrant() // §4.1.3: identical to that of the authorization request
  requireVerifier(code, form.get('code_verifier'))
  if (!user || code.living_session === null) throw invalidGrant()
  const refreshable = code.scope.includes('offline_access') && client.grantTypes.has('refresh_token') // OIDC Core §11
  return {
    user,
    scopes: code.scope,
    asking: null,
    facts: { sid: code.sid, auth_time: code.auth_time, amr: code.amr, acr: code.acr },
    requested: code.requested_claims,
    nonce: code.nonce,
    session_hash: code.session_hash,
    family: code.family,
    jkt: code.jkt,
    idToken: true,
    refresh: refreshable
      ? { scopes: code.scope, nonce: code.nonce, consented: code.consented, consent_until: code.consent_until }
      : undefined,
    claim: required(spendCode(code, now), () => replayed(ctx, client, user, code)),
  }
}

/** RFC 6749 §4.1.3, RFC 7636, OIDC Core §3.1.3. */
export const authorizationCode: Grant = { type: 'authorization_code', provesItself: false, authorize }
