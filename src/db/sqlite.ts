import { AbortedTransactionError, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryCompiler, QueryResult } from 'kysely'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { FOREIGN_KEYS, foreignKeysOf, reachedByDelete } from './catalogue.ts'
import type { ForeignKey } from './catalogue.ts'
import { encodeSqlite } from './codec.ts'
import { CommitGroup } from './commit-group.ts'
import type { Taker } from './direct.ts'
import { OurSqliteAdapter } from './engine.ts'
import type { Feed } from './feed.ts'
import { Mutex } from './mutex.ts'
import { refuseInsideTransaction } from './scope.ts'
import { openReader, openWriter } from './sqlite-open.ts'
import type { StatementResult } from './statements.ts'
import { Statements } from './statements.ts'
import { WalSync } from './wal-sync.ts'
import type { FileSync } from './wal-sync.ts'
import { changesSchema, isPlainWrite, readsOnly, writesOf } from './writes.ts'

/** How long a write waits for another process to finish writing: ms, and the clock that measures them. */
export type Patience = { within: number; elapsed: () => number }

/** Another process kept the database for longer than a write waits. Nothing was done. */
export class DatabaseBusyError extends Error {
  constructor(cause: unknown) {
    super('the database is being written by another process', { cause })
  }
}

const isBusy = (error: unknown): boolean => {
  const code = (error as { errcode?: number }).errcode
  return code !== undefined && (code & 0xff) === 5
}

/** Runs a statement that takes the write lock; as long as it is refused nothing has happened, so that it can be run again. */
const whenFree = async <T>(work: () => T, { within, elapsed }: Patience): Promise<T> => {
  const until = elapsed() + within
  for (let wait = 2; ; wait = Math.min(wait * 2, 50)) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error)) throw error
      if (elapsed() >= until) throw new DatabaseBusyError(error)
    }
    await delay(wait)
  }
}

/** What the connections of one SQLite database share: the writer with its queue, and the reader. */
export class SqliteStore {
  readonly file: string
  readonly writer: Statements
  /** For plain selects outside transactions; an in-memory database has one connection only. */
  readonly reader: Statements | undefined
  readonly turn = new Mutex()
  /** What was done in turns that are over, and waits for its commit. Only whoever has the turn may touch it. */
  readonly group: CommitGroup
  readonly feed: Feed
  readonly patience: Patience
  /** What brings commits to the disk; an in-memory database has none. */
  readonly log: WalSync | undefined
  /** Takes the statements of the transaction that is open; stays that one's when it is over. */
  inside: Taker | undefined
  #foreignKeys: readonly ForeignKey[] | undefined
  #version: unknown

  /** Opens the file, and makes it when there is none. */
  static async open(file: string, feed: Feed, patience: Patience, sync?: FileSync): Promise<SqliteStore> {
    return new SqliteStore(file, feed, patience, await whenFree(() => openWriter(file), patience), sync)
  }

  private constructor(file: string, feed: Feed, patience: Patience, writer: DatabaseSync, sync?: FileSync) {
    this.file = file
    this.feed = feed
    this.patience = patience
    this.writer = new Statements(writer)
    this.reader = file === ':memory:' ? undefined : new Statements(openReader(file))
    this.log = file === ':memory:' ? undefined : new WalSync(file, sync)
    this.group = new CommitGroup(writer, {
      emit: tables => feed.emit(tables),
      elapsed: patience.elapsed,
      busy: () => this.turn.held,
      later: (commit, hurried) => {
        const { busy } = this.log ?? {}
        if (hurried || busy === undefined) return void setImmediate(commit)
        // While the disk is busy with others, whoever waits for it waits anyway.
        void busy.finally(commit)
      },
    })
    this.#version = this.#dataVersion()
    feed.missed = () => {
      const before = this.#version
      this.#version = this.#dataVersion()
      return this.#version !== before
    }
  }

  /** All tables that a statement writes, with those that its deletes reach by foreign keys. */
  writtenBy(compiled: CompiledQuery): Iterable<string> {
    const { tables, deletes } = writesOf(compiled)
    if (!deletes) return tables
    const written = new Set(tables)
    this.#foreignKeys ??= foreignKeysOf(this.writer.run(FOREIGN_KEYS.sqlite, []).rows as never)
    for (const table of tables) for (const reached of reachedByDelete(this.#foreignKeys, table)) written.add(reached)
    return written
  }

  schemaChanged(): void {
    this.#foreignKeys = undefined
    this.writer.forget()
    this.reader?.forget()
  }

  /** Moves when another connection has changed the file; ours that writes is the one that asks. */
  #dataVersion(): unknown {
    return this.writer.run('pragma data_version', []).rows[0]?.['data_version']
  }

  /**
   * No `pragma optimize`: what it learns at the first stop, of tables with a row or two, would have the planner read them whole when
   * they have grown to 100,000. Without statistics it takes tables for large, and indexes for worth it.
   */
  async close(): Promise<void> {
    this.group.commit()
    await this.log?.close()
    this.reader?.connection.close()
    this.writer.connection.close()
  }
}

type Open = { written: Set<string>; giveBack: () => void; failed: unknown; schema: boolean; changed: boolean }

/** What one statement did. `changed`: the database may be another now. */
type Done = { written: Iterable<string>; result: StatementResult; changed: boolean }

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
    const { reader } = this.#store
    if (reader !== undefined && readsOnly(compiled)) return reader.run(compiled.sql, parameters)
    return this.#executeAlone(compiled, parameters.map(encodeSqlite))
  }

  async #executeAlone(compiled: CompiledQuery, parameters: readonly SQLInputValue[]): Promise<StatementResult> {
    const { group, patience, log } = this.#store
    const giveBack = await this.#turn()
    let done
    let kept
    try {
      if (isPlainWrite(compiled)) {
        await whenFree(() => group.begin(), patience)
        try {
          done = this.#write(compiled, parameters)
        } catch (error) {
          kept = group.undo(error)
          throw error
        }
        kept = group.join(done.written, this.#relaxed)
      } else {
        // Others' work must not be part of what cannot be shared, such as VACUUM.
        group.commit()
        done = await whenFree(() => this.#write(compiled, parameters), patience)
        this.#store.feed.emit(done.written)
      }
    } catch (error) {
      giveBack()
      await kept
      throw error
    }
    giveBack()
    await kept
    if (done.changed && !this.#relaxed) await log?.durable()
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
      const { written, result, changed } = this.#write(compiled, parameters)
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

  #write(compiled: CompiledQuery, parameters: readonly SQLInputValue[]): Done {
    const written = this.#store.writtenBy(compiled)
    const result = this.#store.writer.runEncoded(compiled.sql, parameters)
    if (changesSchema(compiled.sql)) this.#store.schemaChanged()
    // Raw statements that return nothing countable are told of in any case.
    const changed = result.changes !== 0 || (compiled.query.kind === 'RawNode' && !readsOnly(compiled))
    return { written: changed ? written : [], result, changed }
  }

  async #turn(): Promise<() => void> {
    if (this.#store.turn.held) refuseInsideTransaction(this.#store)
    this.#store.log?.refuseAfterFailure()
    const giveBack = await this.#store.turn.acquire()
    return () => {
      // Whatever became of this turn: what others have left for a commit must not wait for a turn that nobody takes.
      this.#store.group.settle(this.#store.turn.waiting === 0)
      giveBack()
    }
  }

  async begin(): Promise<void> {
    const giveBack = await this.#turn()
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
    this.#open = undefined
    const { group, log } = this.#store
    const kept = group.join(open.written, this.#relaxed)
    // A new schema is nobody else's business: what others prepare must find it standing.
    if (open.schema) group.commit()
    // The next transaction goes on meanwhile. What it writes on top of ours stands behind it in the log: it never outlives ours.
    open.giveBack()
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
