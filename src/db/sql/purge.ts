import { sql, type RawBuilder } from 'kysely'
import type { Db } from '../database.ts'

/** Rows that one statement deletes: few enough that nobody waits for it who signs in meanwhile. */
const BATCH = 500

export type Over = {
  table: string
  /** Column that names a row. */
  key: string
  /** Column that says when its time is over. */
  until: string
  /** What else must hold of a row. */
  and?: RawBuilder<unknown>
}

/** Deletes the rows of a table whose time was over before an instant, in small steps. Returns how many. @throws when `signal` says so, between two steps */
export async function purgeRows(
  db: Db,
  { table, key, until, and = sql`1 = 1` }: Over,
  before: Date,
  signal?: AbortSignal,
): Promise<number> {
  let count = 0
  for (;;) {
    signal?.throwIfAborted()
    const { numAffectedRows = 0n } = await sql`
      delete from ${sql.table(table)} where ${sql.ref(key)} in
        (select ${sql.ref(key)} from ${sql.table(table)} where ${sql.ref(until)} < ${before} and ${and} limit ${sql.lit(BATCH)})`.execute(
      db,
    )
    count += Number(numAffectedRows)
    if (numAffectedRows < BATCH) return count
  }
}
