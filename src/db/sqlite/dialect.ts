import { AbortedTransactionError, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryCompiler, QueryResult } from 'kysely'
import type { SQLInputValue } from 'node:sqlite'
import { encodeSqlite } from '../codec.ts'
import type { Taker } from '../direct.ts'
import { OurSqliteAdapter } from '../engine.ts'
import { whenFree } from './busy.ts'
import type { SqliteStore } from './store.ts'
import type { StatementResult } from './statements.ts'
import { changesSchema, isPlainWrite, readsOnly } from '../writes.ts'

type Open = { written: Set<string>; giveBack: () => void; failed: unknown; schema: boolean; changed: boolean }

const resultOf = <R>({ rows, changes, lastId }: StatementResult, isWrite: boolean): QueryResult<R> => ({
  rows: rows as R[],
  ...(isWrite ? { numAffectedRows: BigInt(changes) } : {}),
  ...(lastId === undefined ? {} : { insertId: BigInt(lastId) }),
})

/** Decides per query: inside a transaction the writer, for a select the reader, else the writer in its turn. */
class SqliteConnection implements DatabaseConnection, Taker {
  readonly #store: SqliteStore
  readonly #relaxed: boolean
  #open: Open | undefined

  constructor(store: SqliteStore, relaxed: boolean) {
    this.#store = store
    this.#relaxed = relaxed
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    return resultOf(await this.#execute(compiled, compiled.parameters), !readsOnly(compiled))
  }

  take(compiled: CompiledQuery, parameters: readonly unknown[]): StatementResult['rows'] | Promise<StatementResult['rows']> {
    const result = this.#execute(compiled, parameters)
    return result instanceof Promise ? result.then(({ rows }) => rows) : result.rows
  }

  #execute(compiled: CompiledQuery, parameters: readonly unknown[]): StatementResult | Promise<StatementResult> {
    if (this.#open !== undefined) return this.#executeInside(this.#open, compiled, parameters)
    const read = readsOnly(compiled) ? this.#store.read(compiled.sql, parameters) : undefined
    return read ?? this.#executeAlone(compiled, parameters.map(encodeSqlite))
  }

  async #executeAlone(compiled: CompiledQuery, parameters: readonly SQLInputValue[]): Promise<StatementResult> {
    const store = this.#store
    if (isPlainWrite(compiled)) return (await store.planned.add([{ compiled, parameters }], this.#relaxed))[0]!
    const giveBack = await store.takeTurn()
    let done
    try {
      // Others' work must not be part of what cannot be shared, such as VACUUM.
      store.group.commit()
      done = await whenFree(() => store.write(compiled, parameters), store.patience)
      store.feed.emit(done.written)
    } finally {
      giveBack()
    }
    if (done.changed && !this.#relaxed) await store.log?.durable()
    return done.result
  }

  #executeInside(open: Open, compiled: CompiledQuery, values: readonly unknown[]): StatementResult {
    // PostgreSQL refuses everything after a failed statement until the rollback. Here it must be no different, or what is tried out
    // on SQLite breaks there.
    const recovers = /^\s*rollback\b/i.test(compiled.sql)
    if (open.failed !== undefined && !recovers) {
      throw new Error('the transaction has failed: nothing can be done in it but to roll back', { cause: open.failed })
    }
    const parameters = values.map(encodeSqlite)
    try {
      const { written, result, changed } = this.#store.write(compiled, parameters)
      open.schema ||= changesSchema(compiled.sql)
      open.changed ||= changed
      if (recovers) open.failed = undefined
      for (const table of written) open.written.add(table)
      return result
    } catch (error) {
      open.failed = error
      throw error
    }
  }

  async begin(): Promise<void> {
    const giveBack = await this.#store.takeTurn()
    try {
      await whenFree(() => this.#store.group.begin(), this.#store.patience)
    } catch (error) {
      giveBack()
      throw error
    }
    const open: Open = { written: new Set(), giveBack, failed: undefined, schema: false, changed: false }
    this.#open = open
    this.#store.inside = {
      take: (compiled, parameters) => {
        if (this.#open !== open) throw new Error('the transaction is over: nothing can be done in it any more')
        return this.#executeInside(open, compiled, parameters).rows
      },
    }
  }

  async commit(): Promise<void> {
    const open = this.#open!
    if (open.failed !== undefined) {
      await this.rollback()
      throw new AbortedTransactionError()
    }
    const { group, log } = this.#store
    // Until that has succeeded the transaction is open: Kysely rolls back what cannot be committed, and the turn must go on then too.
    const kept = group.join(open.written, this.#relaxed)
    this.#open = undefined
    try {
      // A new schema is nobody else's business: what others prepare must find it standing.
      if (open.schema) group.commit()
    } finally {
      // The next transaction goes on meanwhile. What it writes on top of ours stands behind it in the log: it never outlives ours.
      open.giveBack()
    }
    await kept
    if (open.changed && !this.#relaxed) await log?.durable()
  }

  async rollback(): Promise<void> {
    const open = this.#open
    if (open === undefined) return // committed, but not brought to the disk
    this.#open = undefined
    let others
    try {
      others = this.#store.group.undo(open.failed)
      if (open.schema) this.#store.schemaChanged()
    } finally {
      open.giveBack()
    }
    await others
  }

  // eslint-disable-next-line require-yield -- refuses
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed: page by key')
  }
}

/** For statements outside of transactions. @param relaxed as for `sqliteStoreDialect` */
export const sqliteTaker = (store: SqliteStore, relaxed: boolean): Taker => new SqliteConnection(store, relaxed)

class SqliteDriver implements Driver {
  readonly #store: SqliteStore
  readonly #relaxed: boolean

  constructor(store: SqliteStore, relaxed: boolean) {
    this.#store = store
    this.#relaxed = relaxed
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new SqliteConnection(this.#store, this.#relaxed)
  }

  beginTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as SqliteConnection).begin()
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as SqliteConnection).commit()
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as SqliteConnection).rollback()
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

/** The parts of a SQLite dialect around any driver that speaks it. */
export const sqliteDialect = (driver: Driver): Dialect => ({
  createDriver: () => driver,
  createQueryCompiler: (): QueryCompiler => new SqliteQueryCompiler(),
  createAdapter: () => new OurSqliteAdapter(),
  createIntrospector: db => new SqliteIntrospector(db),
})

/** @param relaxed whether commits are answered before they are on the disk */
export const sqliteStoreDialect = (store: SqliteStore, { relaxed = false } = {}): Dialect => sqliteDialect(new SqliteDriver(store, relaxed))
