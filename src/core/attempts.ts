import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { hashToken } from '../crypto/secrets.ts'

/**
 * Counts one more attempt, and answers how many there were within the window, which begins with the first. One statement, so that many
 * at once are all counted, in whichever process. Rows whose window is over are cleaned up by the program.
 * @param key what is counted: `<purpose> <whose>`; kept as a hash
 * @param window ms
 */
export async function countAttempt(ctx: Ctx, key: string, window: number): Promise<number> {
  const now = ctx.now()
  const { count } = await ctx.db
    .insertInto('email_attempt')
    .values({ key_hash: hashToken(key), count: 1, expires: new Date(now.getTime() + window) })
    .onConflict(conflict =>
      conflict.column('key_hash').doUpdateSet({
        count: sql<number>`case when email_attempt.expires <= ${now} then 1 else email_attempt.count + 1 end`,
        expires: sql<Date>`case when email_attempt.expires <= ${now} then excluded.expires else email_attempt.expires end`,
      }),
    )
    .returning('count')
    .executeTakeFirstOrThrow()
  return count
}

/** Takes one attempt off the count again: what was right was no guess. */
export async function forgiveAttempt(ctx: Ctx, key: string): Promise<void> {
  await ctx.db
    .updateTable('email_attempt')
    .set({ count: sql<number>`email_attempt.count - 1` })
    .where('key_hash', '=', hashToken(key))
    .where('count', '>', 0)
    .execute()
}
