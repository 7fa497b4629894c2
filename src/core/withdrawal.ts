import type { Ctx } from '../context.ts'

/** What is taken away: sessions, by their hashes, the use of a whole account, or what an application was allowed about somebody. */
export type Withdrawn = { sessions: readonly string[] } | { user: number; application?: string }

/** Ends what a provider gave out on the strength of that. In the transaction that takes it away, while the rows are still there. */
export type Withdrawal = (ctx: Ctx, of: Withdrawn) => Promise<void>

/** Ends what providers gave out; see `Withdrawal`. */
export async function withdraw(ctx: Ctx, of: Withdrawn): Promise<void> {
  for (const end of ctx.registry.withdrawals) await end(ctx, of)
}
