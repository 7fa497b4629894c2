import type { CompiledQuery } from 'kysely'
import type { Db } from './database.ts'

/** A connection that takes compiled statements as they are: their rows, at once where nothing has to be waited for. */
export type Taker = {
  take: (query: CompiledQuery, parameters: readonly unknown[]) => readonly unknown[] | Promise<readonly unknown[]>
}

const takers = new WeakMap<object, Taker>()

/**
 * Says where the statements of a database or transaction may be brought without the query builder's executor, which waits a dozen times for
 * what SQLite does in microseconds.
 */
export const takesDirectly = (db: Db, taker: Taker): void => void takers.set(db, taker)

/** undefined: its statements go the ordinary way. */
export const takerOf = (db: Db): Taker | undefined => takers.get(db)
