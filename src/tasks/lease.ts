import { sql } from 'kysely'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ctx } from '../context.ts'

const TERM = 30_000 // ms without a sign of life after which others may go on
const RETRY = 100 // ms

/** Runs `work` while no other process runs something under the same name; waits for its turn. */
export async function withLease<T>(ctx: Ctx, name: string, work: () => Promise<T>): Promise<T> {
  const owner = ctx.uuid()
  while (!(await take(ctx, name, owner))) await delay(RETRY)
  return hold(ctx, name, owner, work)
}

/** Runs `work` unless something runs under the same name, here or in another process; says whether it did. */
export async function tryLease(ctx: Ctx, name: string, work: () => Promise<unknown>): Promise<boolean> {
  const owner = ctx.uuid()
  if (!(await take(ctx, name, owner))) return false
  await hold(ctx, name, owner, work)
  return true
}

async function hold<T>(ctx: Ctx, name: string, owner: string, work: () => Promise<T>): Promise<T> {
  const renewal = setInterval(
    () => void take(ctx, name, owner).catch((error: unknown) => ctx.log.error({ err: error }, 'lease')),
    TERM / 3,
  ).unref()
  try {
    return await work()
  } finally {
    clearInterval(renewal)
    await ctx.db.deleteFrom('lease').where('name', '=', name).where('owner', '=', owner).execute()
  }
}

async function take(ctx: Ctx, name: string, owner: string): Promise<boolean> {
  const now = ctx.now()
  const expires = new Date(now.getTime() + TERM)
  const taken = await ctx.db
    .insertInto('lease')
    .values({ name, owner, expires })
    .onConflict(conflict =>
      conflict
        .column('name')
        .doUpdateSet({ owner, expires })
        .where(sql<boolean>`lease.expires < ${now} or lease.owner = ${owner}`),
    )
    .returning('name')
    .executeTakeFirst()
  return taken !== undefined
}
