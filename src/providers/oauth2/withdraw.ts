import type { Withdrawal } from '../../core/withdrawal.ts'

/**
 * Ends what was given out when a session or an account is taken away: refresh tokens with offline access outlive a sign-out (OIDC Core §11), but
 * not that. Access tokens of sessions go with the session's row. Asks again until nothing is left, since a rotation that commits while one
 * statement waits for it adds a token which only the next statement sees.
 */
export const withdrawGrants: Withdrawal = async (ctx, of) => {
  if ('sessions' in of && of.sessions.length === 0) return
  const ended = { revoked_at: ctx.now() }
  for (let left = true; left;) {
    const { numUpdatedRows } = await ctx.db
      .updateTable('oauth2_refresh_token')
      .set(ended)
      .where('revoked_at', 'is', null)
      .where(row => ('sessions' in of ? row('session_hash', 'in', [...of.sessions]) : row('user', '=', of.user)))
      .executeTakeFirstOrThrow()
    left = numUpdatedRows > 0n
  }
  if ('sessions' in of) return
  await ctx.db.updateTable('oauth2_access_token').set(ended).where('revoked_at', 'is', null).where('user', '=', of.user).execute()
  await ctx.db.deleteFrom('oauth2_device_code').where('user', '=', of.user).execute()
}
