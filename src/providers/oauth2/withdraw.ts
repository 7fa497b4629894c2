import { sql, type RawBuilder } from 'kysely'
import type { Withdrawal, Withdrawn } from '../../core/withdrawal.ts'

/** Whether a grant stands on what is taken away. */
function concerned(of: Withdrawn): RawBuilder<boolean> {
  if ('sessions' in of) return sql`session_hash in (${sql.join([...of.sessions])})`
  if (of.application === undefined) return sql`"user" = ${of.user}`
  return sql`"user" = ${of.user} and provider in (select provider from application where pbm_uuid = ${of.application})`
}

/**
 * Ends what was given out when a session, an account or a consent is taken away: refresh tokens with offline access outlive a sign-out (OIDC
 * Core §11), but not that. Access tokens of sessions go with the session's row. Asks again until nothing is left, since a rotation that commits
 * while one statement waits for it adds a token which only the next statement sees.
 */
export const withdrawGrants: Withdrawal = async (ctx, of) => {
  if ('sessions' in of && of.sessions.length === 0) return
  const now = ctx.now()
  const theirs = concerned(of)
  if (!('sessions' in of))
    await ctx.db.updateTable('oauth2_code').set({ used_at: now }).where('used_at', 'is', null).where(theirs).execute()
  for (let left = true; left;) {
    const { numUpdatedRows } = await ctx.db
      .updateTable('oauth2_refresh_token')
      .set({ revoked_at: now })
      .where('revoked_at', 'is', null)
      .where(theirs)
      .executeTakeFirstOrThrow()
    left = numUpdatedRows > 0n
  }
  if ('sessions' in of) return
  await ctx.db.updateTable('oauth2_access_token').set({ revoked_at: now }).where('revoked_at', 'is', null).where(theirs).execute()
  await ctx.db.deleteFrom('oauth2_device_code').where(theirs).execute()
}
