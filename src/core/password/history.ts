import type { Ctx } from '../../context.ts'
import { cached } from '../cache.ts'

/** Passwords of an account that are remembered at most: each costs the time of a sign-in whenever a new one is judged. */
export const MOST_REMEMBERED = 100

/** How many former passwords the policies want to know of, the most demanding one. */
const wanted = cached(['policy', 'policy_unique_password'], async ctx => {
  const { most } = await ctx.db
    .selectFrom('policy_unique_password')
    .select(({ fn }) => fn.max('num_historical_passwords').as('most'))
    .executeTakeFirstOrThrow()
  return Math.min(most ?? 0, MOST_REMEMBERED)
})

/**
 * Remembers the password that an account is about to lose, where a policy asks for that, and forgets those that are too old to matter.
 * Belongs in the transaction that sets another.
 */
export async function rememberPassword(ctx: Ctx, user: number): Promise<void> {
  const keep = await wanted(ctx)
  if (keep === 0) return
  const account = await ctx.db.selectFrom('user').select('password').where('id', '=', user).executeTakeFirst()
  if (!account || account.password.startsWith('!')) return
  await ctx.db.insertInto('password_history').values({ user, password: account.password, created: ctx.now() }).execute()
  const old = await ctx.db
    .selectFrom('password_history')
    .select('id')
    .where('user', '=', user)
    .orderBy('id', 'desc')
    .limit(1_000)
    .offset(keep)
    .execute()
  if (old.length > 0)
    await ctx.db
      .deleteFrom('password_history')
      .where(
        'id',
        'in',
        old.map(row => row.id),
      )
      .execute()
}

/** Hashes of the passwords that an account had, the present one first. */
export async function formerPasswords(ctx: Ctx, user: { id: number; password: string }, count: number): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('password_history')
    .select('password')
    .where('user', '=', user.id)
    .orderBy('id', 'desc')
    .limit(Math.min(count, MOST_REMEMBERED))
    .execute()
  return [...new Set([user.password, ...rows.map(row => row.password)])].slice(0, Math.min(count, MOST_REMEMBERED))
}
