import { CompiledQuery, Kysely } from 'kysely'
import { randomUUID } from 'node:crypto'
import { BackgroundReader } from './sqlite/background.ts'
import { encodeSqlite } from './codec.ts'
import { connectPatiently } from './postgres/connect.ts'
import { takesDirectly } from './direct.ts'
import type { ChangeFeed } from './feed.ts'
import { Feed } from './feed.ts'
import type { Engine } from './engine.ts'
import { runPlanned, type PlannedWrite } from './planned-write.ts'
import type { PostgresOptions } from './postgres/dialect.ts'
import { refuseInsideTransaction } from './scope.ts'
import { sqliteDialect, sqliteStoreDialect, sqliteTaker } from './sqlite/dialect.ts'
import { SqliteStore } from './sqlite/store.ts'
import { callBack, runTransaction } from './transaction.ts'
import type { DB } from './types.gen.ts'

export type { ChangedRows, ChangeFeed } from './feed.ts'
export type { Engine } from './engine.ts'
export type { DB } from './types.gen.ts'
export { DatabaseBusyError } from './sqlite/busy.ts'
export { afterCommit, attempt, inTransaction } from './transaction.ts'
export { asConstraintError } from './constraint.ts'
export { UnstorableTextError } from './codec.ts'
export { engineOf } from './engine.ts'

/** A pool of connections or an open transaction: what queries take first. */
export type Db = Kysely<DB>

export type SqliteOptions = {
  engine: 'sqlite'
  /** Path of the file, made when missing; `:memory:` for one that ends with the process. */
  file: string
  /** ms that a write waits while another process is writing; default 10 s. The event loop runs on meanwhile. */
  busy_timeout?: number
}

export type DatabaseOptions = (SqliteOptions | PostgresOptions) & {
  /** The tables that the change feed can tell of: rarely written ones, which caches hold. */
  watchedTables?: readonly string[]
  /** Of some of them, the column whose value (a number or UUID) tells whom a row belongs to: caches then hear of single rows. */
  rowKeys?: Readonly<Record<string, string>>
  /** Gets what happens off the path of any caller: lost connections, errors of feed and `afterCommit` functions. Default: a warning of the process. */
  report?: (error: unknown) => void
  /** ms on a clock that never goes back. */
  elapsed?: () => number
  /** ms that a PostgreSQL server may take to become reachable; default one minute. */
  connectWithin?: number
}

export type Database = {
  readonly engine: Engine
  readonly db: Db
  /**
   * Same database, for heavy reading by administrators: on SQLite a thread of its own does it, so that the event loop runs on.
   * Sees everything that was committed before the call.
   */
  readonly background: Db
  /**
   * Same database, for what may be lost in a power cut with everything that came after it: how far a visitor is in a flow, when a session
   * was last used. On SQLite such writes do not wait for the disk. Outlives the end of the process as all writes do.
   */
  readonly relaxed: Db
  /**
   * Runs `fn` in a transaction: all of it happens or nothing. On SQLite transactions run one after the other; on PostgreSQL the
   * isolation is READ COMMITTED. After a deadlock, a serialization failure or a changed schema `fn` runs again (4 times in all):
   * it must change nothing but the database. It must not wait for network, hashing or timers.
   */
  transaction: <T>(fn: (trx: Db) => Promise<T>) => Promise<T>
  /** What `commitTogether` does outside of transactions. */
  commit: (writes: readonly PlannedWrite[]) => Promise<void>
  readonly feed: ChangeFeed
  /** What those wait for at the moment who write (PostgreSQL: who do anything), in words. */
  obstacles: () => string[]
  /** Path of the SQLite file; undefined for others. */
  readonly file: string | undefined
  close: () => Promise<void>
}

// eslint-disable-next-line signet/ambient -- the default of an option
const monotonic = (): number => performance.now()

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

/** Reports as `report` does. Where that fails the process warns: what the database does next must not depend on it. */
const surely =
  (report: (error: unknown) => void) =>
  (error: unknown): void => {
    try {
      report(error)
    } catch (failure) {
      warn(error)
      warn(failure)
    }
  }

const openSqlite = async (options: DatabaseOptions & SqliteOptions, feed: Feed, report: (error: unknown) => void): Promise<Database> => {
  const busy = { within: options.busy_timeout ?? 10_000, elapsed: options.elapsed ?? monotonic }
  const store = await SqliteStore.open(options.file, feed, busy)
  const db = new Kysely<DB>({ dialect: sqliteStoreDialect(store) })
  const relaxed = new Kysely<DB>({ dialect: sqliteStoreDialect(store, { relaxed: true }) })
  takesDirectly(db, sqliteTaker(store, false))
  takesDirectly(relaxed, sqliteTaker(store, true))
  const inMemory = options.file === ':memory:'
  const reader = inMemory ? undefined : new BackgroundReader(options.file)
  return {
    engine: 'sqlite',
    db,
    background: reader === undefined ? db : new Kysely<DB>({ dialect: sqliteDialect(reader) }),
    relaxed,
    transaction: fn => runTransaction(db, store, report, fn),
    async commit(writes) {
      const planned = writes.map(write => {
        const { query: compiled, parameters } = write.compiled(db)
        return { compiled, parameters: parameters.map(encodeSqlite), missing: write.missing }
      })
      await store.planned.add(planned, false)
      callBack(
        writes.flatMap(({ kept }) => kept ?? []),
        report,
      )
    },
    feed,
    obstacles: () => [...store.obstacles().values()],
    file: inMemory ? undefined : options.file,
    async close() {
      await reader?.close()
      await db.destroy()
      await store.close()
    },
  }
}

const openPostgres = async (
  options: DatabaseOptions & PostgresOptions,
  feed: Feed,
  report: (error: unknown) => void,
): Promise<Database> => {
  // Loaded on first use: with SQLite the driver would only cost memory.
  const [{ CHANNEL, PostgresStore, postgresDialect }, { ChangeListener }, { requireUsable }] = await Promise.all([
    import('./postgres/dialect.ts'),
    import('./postgres/listener.ts'),
    import('./postgres/usable.ts'),
  ])
  const sender = randomUUID()
  const store = new PostgresStore(options, feed, sender, report)
  const db = new Kysely<DB>({ dialect: postgresDialect(store) })
  const listener =
    feed.watched.length === 0
      ? undefined
      : new ChangeListener(options, {
          address: () => store.address,
          feed,
          sender,
          report,
          elapsed: options.elapsed ?? monotonic,
          notify: async payload => void (await db.executeQuery(CompiledQuery.raw('select pg_notify($1, $2)', [CHANNEL, payload]))),
        })
  try {
    await connectPatiently(() => store.connect(), {
      within: options.connectWithin ?? 60_000,
      elapsed: options.elapsed ?? monotonic,
      report,
    })
    await requireUsable(db)
    await listener?.start()
  } catch (error) {
    await listener?.close()
    await store.pool.end()
    throw error
  }
  return {
    engine: 'postgres',
    db,
    background: db,
    relaxed: db,
    transaction: fn => runTransaction(db, store, report, fn),
    async commit(writes) {
      refuseInsideTransaction(store)
      await runTransaction(db, store, report, trx => runPlanned(trx, writes))
    },
    feed,
    obstacles: () => store.obstacles(),
    file: undefined,
    async close() {
      await listener?.close()
      await db.destroy()
      await store.pool.end()
    },
  }
}

/**
 * Opens the database; makes a SQLite file that is not there, waits for a PostgreSQL server that is starting. Migrates nothing.
 * @throws what the server says when it refuses (password, no such database), or when it was not reachable in time
 */
export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const report = surely(options.report ?? warn)
  const feed = new Feed({ watched: options.watchedTables ?? [], rowKeys: options.rowKeys, elapsed: options.elapsed ?? monotonic, report })
  return options.engine === 'sqlite' ? openSqlite(options, feed, report) : openPostgres(options, feed, report)
}
