import { AsyncLocalStorage } from 'node:async_hooks'
import type { KyselyPlugin } from 'kysely'
import { transact, type Ctx } from '../context.ts'
import type { Database } from '../db/database.ts'
import { isWriteNode } from '../db/writes.ts'

/**
 * Asking what would be, without anything coming of it. Most questions only read: they run on the database as it is, where a write is
 * refused. One that tried to write is asked again inside a transaction that is always rolled back, so that it meets what it wrote.
 */

/** Something that must leave nothing behind tried to write. */
class DryWrite extends Error {
  constructor() {
    super('Nothing is written in a dry run.')
    this.name = 'DryWrite'
  }
}

type Attempt = { wrote: boolean }
const attempts = new AsyncLocalStorage<Attempt>()

function refuse(): never {
  const attempt = attempts.getStore()
  if (attempt) attempt.wrote = true
  throw new DryWrite()
}

const readOnly: KyselyPlugin = {
  transformQuery: ({ node }) => (isWriteNode(node) ? refuse() : node),
  transformResult: async ({ result }) => result,
}

const views = new WeakMap<Database, Database>()

/** The database for reading. One a database, so that what caches remember of it stays. */
function readOnlyView(database: Database): Database {
  const known = views.get(database)
  if (known) return known
  const view: Database = {
    ...database,
    db: database.db.withPlugin(readOnly),
    background: database.background.withPlugin(readOnly),
    transaction: async () => refuse(),
  }
  views.set(database, view)
  return view
}

/** Carries the answer out of a transaction that has to fail. */
class RolledBack<T> extends Error {
  readonly answer: T
  constructor(answer: T) {
    super('rolled back')
    this.answer = answer
  }
}

async function rolledBack<T>(ctx: Ctx, work: (ctx: Ctx) => Promise<T>): Promise<T> {
  try {
    return await transact(ctx, async ctx => {
      throw new RolledBack(await work(ctx))
    })
  } catch (error) {
    if (error instanceof RolledBack) return (error as RolledBack<T>).answer
    throw error
  }
}

/** What may be asked inside a transaction, where others wait for it, has to answer within this time. */
const INSIDE = 1_000 // ms

/** Runs `work`, which may be run twice, so that nothing it writes to the database stays. It must keep the time limit that it is given. */
export async function dryly<T>(ctx: Ctx, work: (ctx: Ctx, limit?: number) => Promise<T>): Promise<T> {
  if (ctx.db.isTransaction) throw new Error('a dry run opens its own transaction')
  const database = readOnlyView(ctx.database)
  const attempt: Attempt = { wrote: false }
  const reading: Ctx = { ...ctx, database, db: database.db }
  try {
    const answer = await attempts.run(attempt, () => work(reading))
    if (!attempt.wrote) return answer
  } catch (error) {
    if (!attempt.wrote) throw error
  }
  return rolledBack(ctx, ctx => work(ctx, INSIDE))
}
