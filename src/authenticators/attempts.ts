import type { Ctx } from '../context.ts'
import { countAttempt, forgiveAttempt } from '../core/attempts.ts'
import { networkOf } from '../lib/ip.ts'

/**
 * How often codes may be tried. Every attempt is counted before the code is looked at, so that many who try at once are all counted, in
 * whichever process and over whichever surface; what was right is taken off the count again.
 */

/** ms */
const WINDOW = 15 * 60_000
const OF_ACCOUNT = 10
/** Many people may share an address. */
const FROM_ADDRESS = 100

function counters(ctx: Ctx, account: number | string): { key: string; limit: number }[] {
  const found = [{ key: `code of ${account}`, limit: OF_ACCOUNT }]
  if (ctx.request) found.push({ key: `code from ${networkOf(ctx.request.clientIp)}`, limit: FROM_ADDRESS })
  return found
}

/**
 * Counts an attempt at a code and says whether the code may be looked at. Call it outside of transactions, which would forget it when they fail.
 * @param account key of the account whose code it would be, or a name for what is guessed at
 */
export async function mayTryCode(ctx: Ctx, account: number | string): Promise<boolean> {
  let allowed = true
  for (const { key, limit } of counters(ctx, account)) if ((await countAttempt(ctx, key, WINDOW)) > limit) allowed = false
  return allowed
}

/** The code was right: the attempt was none. */
export async function forgiveCode(ctx: Ctx, account: number | string): Promise<void> {
  for (const { key } of counters(ctx, account)) await forgiveAttempt(ctx, key)
}
