import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { parseDuration } from '../../lib/duration.ts'

/**
 * Counts a mail that somebody asks for, and says whether it may still be sent: within a window that begins with the first, an address
 * gets no more than the stage allows. One statement, so that many who ask at once are all counted, in whichever process.
 * @param address also one that nobody has: the work is the same
 */
export async function mayMail(ctx: Ctx, stage: Row, address: string): Promise<boolean> {
  const now = ctx.now()
  const expires = new Date(now.getTime() + parseDuration(stage.recovery_cache_timeout as string))
  const { count } = await ctx.db
    .insertInto('email_attempt')
    .values({ key_hash: hashToken(address.toLowerCase()), count: 1, expires })
    .onConflict(conflict =>
      conflict.column('key_hash').doUpdateSet({
        count: sql<number>`case when email_attempt.expires <= ${now} then 1 else email_attempt.count + 1 end`,
        expires: sql<Date>`case when email_attempt.expires <= ${now} then excluded.expires else email_attempt.expires end`,
      }),
    )
    .returning('count')
    .executeTakeFirstOrThrow()
  return count <= (stage.recovery_max_attempts as number)
}
