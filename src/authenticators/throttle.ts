import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'

/** Beyond this, the time for which a device refuses codes grows no more: 2^10 times the factor. */
const MOST_DOUBLINGS = 10

/**
 * Takes the turn of a device to have a code looked at. After wrong codes in a row it refuses for 1, 2, 4, 8 … times the factor; the turn counts as
 * a wrong code until it is known to have been right, so that of many who try at once one has a turn.
 * @param factor seconds; not positive: no limit
 * @returns whether the code may be looked at
 */
export async function takeTurn(ctx: Ctx, device: Row, factor: number): Promise<boolean> {
  if (factor <= 0) return true
  const now = ctx.now()
  const until = device.refuses_until as Date | null
  if (until !== null && until > now) return false
  const failures = device.failures as number
  const pause = factor * 1000 * 2 ** Math.min(failures, MOST_DOUBLINGS)
  const { numUpdatedRows } = await ctx.db
    .updateTable('authenticator')
    .set({ failures: failures + 1, refuses_until: new Date(now.getTime() + pause) })
    .where('id', '=', device.id as number)
    .where('failures', '=', failures)
    .where('refuses_until', until === null ? 'is' : '=', until)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Gives a turn back: the code was meant for another device. */
export async function giveTurnBack(ctx: Ctx, device: Row): Promise<void> {
  const failures = device.failures as number
  await ctx.db
    .updateTable('authenticator')
    .set({ failures, refuses_until: device.refuses_until as Date | null })
    .where('id', '=', device.id as number)
    .where('failures', '=', failures + 1)
    .execute()
}
