import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'

/** ms in which a rule mails the same sentence once: a policy that fails for every visitor must not write to everybody as often. */
const PAUSE = 300_000

/**
 * Whether a rule may mail this sentence now, and how often it was left out since the last time. Undefined: not now; it is counted.
 * The rules are asked in one process at a time, inside its transaction.
 */
export async function mayMail(ctx: Ctx, rule: string, body: string): Promise<{ leftOut: number } | undefined> {
  const digest = createHash('sha256').update(body).digest('base64url')
  const now = ctx.now()
  const key = { rule, digest }
  const last = await ctx.db
    .selectFrom('notification_mail')
    .selectAll()
    .where('rule', '=', rule)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (last && last.sent.getTime() > now.getTime() - PAUSE) {
    await ctx.db
      .updateTable('notification_mail')
      .set({ left_out: sql<number>`left_out + 1` })
      .where('rule', '=', rule)
      .where('digest', '=', digest)
      .execute()
    return undefined
  }
  const sent = { sent: now, left_out: 0 }
  await ctx.db
    .insertInto('notification_mail')
    .values({ ...key, ...sent })
    .onConflict(conflict => conflict.columns(['rule', 'digest']).doUpdateSet(sent))
    .execute()
  return { leftOut: last?.left_out ?? 0 }
}

/** Notifications that one person keeps; the oldest beyond that go. */
const MOST_KEPT = 1_000

/** Throws away what nobody will read any more: beyond what one person keeps, and sentences that were not mailed for a day. */
export async function tidyNotifications(ctx: Ctx): Promise<number> {
  const day = new Date(ctx.now().getTime() - 86_400_000)
  await ctx.db.deleteFrom('notification_mail').where('sent', '<', day).execute()
  const crowded = await ctx.db
    .selectFrom('notification')
    .select('user')
    .groupBy('user')
    .having(sql<number>`count(*)`, '>', MOST_KEPT)
    .execute()
  let count = 0
  for (const { user } of crowded) {
    const oldest = ctx.db.selectFrom('notification').select('created').where('user', '=', user).orderBy('created', 'desc')
    const limit = await oldest.offset(MOST_KEPT).limit(1).executeTakeFirst()
    if (!limit) continue
    const gone = await ctx.db.deleteFrom('notification').where('user', '=', user).where('created', '<=', limit.created).executeTakeFirst()
    count += Number(gone.numDeletedRows)
  }
  return count
}
