import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { hashToken } from '../crypto/secrets.ts'

/**
 * How often codes may be tried. Every attempt is counted before the code is looked at, in one statement, so that many who try at once are all
 * counted, in whichever process and over whichever surface; what was right is taken off the count again.
 */

/** ms */
const WINDOW = 15 * 60_000
const OF_ACCOUNT = 10
/** Many people may share an address. */
const FROM_ADDRESS = 100

type Counter = { key_hash: string; limit: number }

function counters(ctx: Ctx, account: number | string): Counter[] {
  const found = [{ key_hash: hashToken(`account ${account}`), limit: OF_ACCOUNT }]
  if (ctx.request) found.push({ key_hash: hashToken(`address ${ctx.request.clientIp}`), limit: FROM_ADDRESS })
  return found
}

async function count(ctx: Ctx, { key_hash, limit }: Counter): Promise<boolean> {
  const now = ctx.now()
  const { count: attempts } = await ctx.db
    .insertInto('code_attempt')
    .values({ key_hash, count: 1, expires: new Date(now.getTime() + WINDOW) })
    .onConflict(conflict =>
      conflict.column('key_hash').doUpdateSet({
        count: sql<number>`case when code_attempt.expires <= ${now} then 1 else code_attempt.count + 1 end`,
        expires: sql<Date>`case when code_attempt.expires <= ${now} then excluded.expires else code_attempt.expires end`,
      }),
    )
    .returning('count')
    .executeTakeFirstOrThrow()
  return attempts <= limit
}

/**
 * Counts an attempt at a code and says whether the code may be looked at. Call it outside of transactions, which would forget it when they fail.
 * @param account key of the account whose code it would be, or a name for what is guessed at
 */
export async function mayTryCode(ctx: Ctx, account: number | string): Promise<boolean> {
  let allowed = true
  for (const counter of counters(ctx, account)) if (!(await count(ctx, counter))) allowed = false
  return allowed
}

/** The code was right: the attempt was none. */
export async function forgiveAttempt(ctx: Ctx, account: number | string): Promise<void> {
  const keys = counters(ctx, account).map(({ key_hash }) => key_hash)
  await ctx.db
    .updateTable('code_attempt')
    .set({ count: sql<number>`code_attempt.count - 1` })
    .where('key_hash', 'in', keys)
    .where('count', '>', 0)
    .execute()
}
