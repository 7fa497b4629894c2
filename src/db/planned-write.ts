import type { CompiledQuery } from 'kysely'
import type { Database, Db } from './database.ts'
import { takerOf } from './direct.ts'
import { afterCommit } from './transaction.ts'

/** A compiled statement with its values. */
export type BoundStatement<R = unknown> = { query: CompiledQuery<R>; parameters: readonly unknown[] }

/** A write that is known before its transaction begins: `statement(…).planned(…values)` or `insertion(…).planned(row)`. */
export type PlannedWrite = {
  /** As the engine of this database takes it. */
  compiled: (db: Db) => BoundStatement
  /** It must return a row. This makes what is thrown when it does not. */
  missing?: () => Error
  /** Called after the commit, as the functions of `afterCommit` are. */
  kept?: () => void
}

/**
 * A write that must return a row, as spending a code does: for whoever comes second it returns none, and nothing of their list is kept.
 * @param missing makes the error that they get
 */
export const required = (write: PlannedWrite, missing: () => Error): PlannedWrite => ({ ...write, missing })

/**
 * Carries out writes in one transaction, in their order: all of them or none. For what every request writes: it costs a fraction of
 * `transact`, since on SQLite the lists of many requests become one transaction in which nobody waits for anybody. What has to be found out
 * first (facts of an event, signatures) is found out before.
 *
 * ```ts
 * await commitTogether(ctx, [
 *   required(spendCode(hash, now), () => replayed(code)),
 *   insertAccessToken.planned(row),
 *   await eventWrite(ctx, 'login', context),
 * ])
 * ```
 *
 * Inside an open transaction (`ctx.db` is one) it happens there, and is committed with it.
 * @throws the error of a `required` write, or what the database says; nothing is kept then
 */
export const commitTogether = ({ db, database }: { db: Db; database: Database }, writes: readonly PlannedWrite[]): Promise<void> =>
  db.isTransaction ? runPlanned(db, writes) : database.commit(writes)

/** One after the other in an open transaction. */
export async function runPlanned(trx: Db, writes: readonly PlannedWrite[]): Promise<void> {
  for (const { compiled, missing, kept } of writes) {
    const rows = await runBound(trx, compiled(trx))
    if (missing && rows.length === 0) throw missing()
    if (kept) afterCommit(trx, kept)
  }
}

/** The rows of a statement that has its values; at once where the connection need not wait. */
export function runBound<R>(db: Db, { query, parameters }: BoundStatement<R>): R[] | Promise<R[]> {
  const taker = takerOf(db)
  if (taker) return taker.take(query, parameters) as R[] | Promise<R[]>
  return db.executeQuery<R>({ ...query, parameters }).then(({ rows }) => rows)
}
