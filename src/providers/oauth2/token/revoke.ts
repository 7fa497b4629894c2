import type { Ctx } from '../../../context.ts'
import { json, type Answer } from '../answer.ts'
import { namedClient, readCredentials, requireProof, type Headers } from '../client/authentication.ts'
import { invalidClient, invalidRequest, OAuthError } from '../errors.ts'
import { corsHeaders } from '../cors.ts'
import { findAccessToken, findRefreshToken, revokeFamily } from './grants.sql.ts'
import { requireSound, type Parameters } from '../parameters.ts'

async function revokingClient(ctx: Ctx, headers: Headers, form: Parameters) {
  try {
    const credentials = readCredentials(headers, form)
    const client = await namedClient(ctx, credentials)
    await requireProof(ctx, client, credentials)
    return client
  } catch (error) {
    if (error instanceof OAuthError && error.code === 'invalid_client') throw invalidClient(false, { challenged: true })
    throw error
  }
}

/**
 * Token revocation, RFC 7009. A client can revoke its own tokens alone; unknown ones are as good as revoked (§2.2). A refresh token
 * takes with it everything of the same grant (§2.1). What cannot be stored is a 500, never a success.
 */
export async function revoke(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  requireSound(form)
  const client = await revokingClient(ctx, headers, form)
  const presented = form.get('token')
  if (presented === undefined) throw invalidRequest('The parameter token is missing')
  const now = ctx.now()
  const access = await findAccessToken(ctx.db, presented, now)
  if (access?.provider === client.id) {
    await ctx.db
      .updateTable('oauth2_access_token')
      .set({ revoked_at: now })
      .where('id', '=', access.id)
      .where('revoked_at', 'is', null)
      .execute()
  }
  const refresh = access ? undefined : await findRefreshToken(ctx.db, presented, now)
  if (refresh?.provider === client.id) await revokeFamily(ctx.db, refresh.family, now)
  return json(200, {}, corsHeaders(headers, client.origins))
}
