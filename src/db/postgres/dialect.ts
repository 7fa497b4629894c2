import { AbortedTransactionError, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult, TransactionSettings } from 'kysely'
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { DatabaseError, Pool } from 'pg'
import { FOREIGN_KEYS, foreignKeysOf, reachedByDelete } from '../catalogue.ts'
import type { ForeignKey } from '../catalogue.ts'
import { changesIn } from '../changes.ts'
import { encodePostgres, postgresTypes } from '../codec.ts'
import type { Feed } from '../feed.ts'
import { markUnavailable } from '../fault.ts'
import { isPassing } from './connect.ts'
import { refuseInsideTransaction } from '../scope.ts'
import { isStalePlan } from '../transaction.ts'
import { changesSchema, readsOnly, writesOf } from '../writes.ts'

export type Address = { host: string; port: number }

export type PostgresOptions = {
  engine: 'postgres'
  /** A name or address, or the folder of a Unix socket. */
  host: string
  port: number
  /** Further servers, tried in their order when the one in use cannot be reached. */
  fallbacks?: readonly Address[]
  user: string
  /** A function is asked anew for each connection: passwords may rotate. */
  password: string | (() => string | Promise<string>)
  database: string
  /** All tables live in it; made by the first migration. */
  schema: string
  ssl: pg.ClientConfig['ssl']
  /** Most connections at once, besides the one that listens; default 10. */
  pool_size?: number
  /** Named prepared statements; default true. Off behind poolers that share connections between transactions. */
  prepared?: boolean
}

/** Carries changes between processes: `<sender>:<change>,<change>`. */
export const CHANNEL = 'signet_change'

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`

/** ms. A lock that is not granted, or a transaction that its process forgot, must not hold up the others for ever (R-447). */
const SESSION = 'set lock_timeout = 10000; set idle_in_transaction_session_timeout = 60000; set timezone = UTC; set datestyle = ISO'

/** How each connection of ours is made, of the pool and others. */
export const clientConfig = (options: PostgresOptions): pg.ClientConfig => ({
  host: options.host,
  port: options.port,
  user: options.user,
  password: options.password,
  database: options.database,
  ssl: options.ssl,
  application_name: 'signet',
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  connectionTimeoutMillis: 10_000,
  types: postgresTypes,
})

/** Statements rather than start-up parameters, which poolers refuse. */
const setUp = (options: PostgresOptions) => `${SESSION}; set search_path to ${identifier(options.schema)}`

/** A query is worth a name from its second use on; beyond so many names further ones go without. */
const NAMES = 400
const SIGHTINGS = 2000

/** Names queries, so that the server parses and plans them once per connection. */
class StatementNames {
  readonly #names = new Map<string, string>()
  readonly #seen = new Set<string>()
  #generation = 0

  nameOf(sql: string): string | undefined {
    const name = this.#names.get(sql)
    if (name !== undefined) return name
    if (this.#names.size >= NAMES) return undefined
    if (!this.#seen.has(sql)) {
      if (this.#seen.size >= SIGHTINGS) this.#seen.clear()
      this.#seen.add(sql)
      return undefined
    }
    const made = `s${this.#generation}_${createHash('sha256').update(sql).digest('base64url').slice(0, 16)}`
    this.#names.set(sql, made)
    return made
  }

  /** After the schema has changed under us the plans are of no use: all names become others. */
  renew(): void {
    this.#generation++
    this.#names.clear()
  }
}

/**
 * The server says that it shuts down (57P..), lost the connection (08...) or has become one that can only be read (25006: another writes now), or
 * the network or `pg` says so in their words.
 */
const isConnectionLoss = (error: unknown): boolean => {
  const { code, message } = error as { code?: string; message: string }
  if (error instanceof DatabaseError) return code !== undefined && /^(?:57P|08|25006)/.test(code)
  return (code !== undefined && /^E[A-Z]+$/.test(code)) || /connection/i.test(message)
}

/** The server is short of something (53...: disk, memory, connections), its disk fails (58030), or a lock was not to be had in time (55P03). */
const isShort = (error: unknown): boolean => error instanceof DatabaseError && /^(?:53|58030|55P03)/.test(error.code ?? '')

/** The pool of one PostgreSQL database and what its connections share. */
export class PostgresStore {
  readonly pool: pg.Pool
  readonly feed: Feed
  readonly sender: string
  readonly names: StatementNames | undefined
  readonly #addresses: readonly Address[]
  #address = 0
  #foreignKeys: Promise<readonly ForeignKey[]> | undefined

  constructor(options: PostgresOptions, feed: Feed, sender: string, report: (error: unknown) => void) {
    this.feed = feed
    this.sender = sender
    this.#addresses = [{ host: options.host, port: options.port }, ...(options.fallbacks ?? [])]
    this.names = options.prepared === false ? undefined : new StatementNames()
    this.pool = new Pool({
      ...clientConfig(options),
      max: options.pool_size ?? 10,
      idleTimeoutMillis: 60_000,
      // The pool waits for what this returns, whatever its types say.
      // eslint-disable-next-line typescript/no-misused-promises
      onConnect: async (client: pg.ClientBase) => void (await client.query(setUp(options))),
    })
    // An idle connection that breaks has left the pool already; the next query gets another.
    this.pool.on('error', error => {
      delete (error as { client?: unknown }).client // added by the pool: all that a connection consists of has no place in a log
      report(error)
    })
    // One that breaks while somebody has it tells them at their next question; an event that nobody listens to would end the process.
    this.pool.on('connect', client => void client.on('error', () => {}))
  }

  /** The server in use. */
  get address(): Address {
    return this.#addresses[this.#address]!
  }

  /** What those wait for now who ask for a connection, if anybody waits. */
  obstacles(): string[] {
    const { waitingCount, totalCount } = this.pool
    return waitingCount === 0 ? [] : [`${waitingCount} wait for one of ${totalCount} connections, which are all in use`]
  }

  /** A connection of the pool, to the server in use or else the next that can be reached. */
  async connect(): Promise<pg.PoolClient> {
    for (let left = this.#addresses.length; ; left--) {
      const tried = this.#address
      try {
        return await this.pool.connect()
      } catch (error) {
        if (left === 1 || !isPassing(error)) throw markUnavailable(error)
        // Others may have found out at the same moment, and moved on already.
        if (tried === this.#address) this.#address = (tried + 1) % this.#addresses.length
        Object.assign(this.pool.options, this.address)
      }
    }
  }

  /** All that a statement changes (see `Changes`), with the tables that its deletes reach by foreign keys. */
  async writtenBy(compiled: CompiledQuery, query: (text: string) => Promise<unknown[]>): Promise<ReadonlySet<string>> {
    const { tables, deletes } = writesOf(compiled)
    const written = new Set(tables.flatMap(table => changesIn(compiled, compiled.parameters, table, this.feed.rowKey(table))))
    if (!deletes) return written
    const keys = await (this.#foreignKeys ??= query(FOREIGN_KEYS.postgres).then(
      rows => foreignKeysOf(rows as never),
      (error: unknown) => {
        this.#foreignKeys = undefined
        throw error
      },
    ))
    for (const table of tables) for (const reached of reachedByDelete(keys, table)) written.add(reached)
    return written
  }

  schemaChanged(): void {
    this.#foreignKeys = undefined
    this.names?.renew()
  }
}

type PgResult = { command: string; rowCount: number | null; rows: unknown[] }

class PostgresConnection implements DatabaseConnection {
  readonly #store: PostgresStore
  #client: pg.PoolClient
  /** What the open transaction has changed. */
  #written: Set<string> | undefined
  /** The connection is lost, or in a state that nobody knows: it must not go back to the pool. */
  #broken = false
  #held = true

  constructor(store: PostgresStore, client: pg.PoolClient) {
    this.#store = store
    this.#client = client
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const parameters = compiled.parameters.map(encodePostgres)
    const written = await this.#store.writtenBy(compiled, async text => (await this.#query(text, [])).rows)
    if (written.size === 0) return this.#result(await this.#read(compiled, parameters), compiled)
    if (this.#written !== undefined) {
      const result = await this.#query(compiled.sql, parameters)
      if (wrote(result, compiled)) for (const change of written) this.#written.add(change)
      return this.#result(result, compiled)
    }
    refuseInsideTransaction(this.#store)
    if (![...written].some(change => this.#store.feed.isWatched(change))) {
      const result = await this.#query(compiled.sql, parameters)
      return this.#result(result, compiled)
    }
    // The others must hear of it if and only if it happened: the same transaction.
    await this.begin({})
    try {
      const result = await this.executeQuery<R>(compiled)
      await this.commit()
      return result
    } catch (error) {
      if (this.#written !== undefined) await this.rollback()
      throw error
    }
  }

  /** A server that restarts takes idle connections with it, which shows at their next use; what only reads is asked once more. */
  async #read(compiled: CompiledQuery, parameters: unknown[]): Promise<PgResult> {
    try {
      return await this.#query(compiled.sql, parameters)
    } catch (error) {
      if (!this.#broken || this.#written !== undefined || !readsOnly(compiled)) throw error
      this.release() // first, since the pool may have no other
      this.#client = await this.#store.connect()
      this.#held = true
      this.#broken = false
      return this.#query(compiled.sql, parameters)
    }
  }

  async #query(sql: string, parameters: unknown[]): Promise<PgResult> {
    const name = this.#store.names?.nameOf(sql)
    try {
      return await this.#client.query(name === undefined ? { text: sql, values: parameters } : { name, text: sql, values: parameters })
    } catch (error) {
      this.#judge(error)
      if (!isStalePlan(error)) throw error
      this.#store.schemaChanged()
      if (this.#written !== undefined) throw error
      return this.#client.query({ text: sql, values: parameters })
    }
  }

  #judge(error: unknown): void {
    if (isConnectionLoss(error)) this.#broken = true
    if (this.#broken || isShort(error)) markUnavailable(error)
  }

  #result<R>({ command, rowCount, rows }: PgResult, compiled: CompiledQuery): QueryResult<R> {
    if (changesSchema(compiled.sql)) this.#store.schemaChanged()
    return { rows: (rows ?? []) as R[], ...(command === 'SELECT' ? {} : { numAffectedRows: BigInt(rowCount ?? 0) }) }
  }

  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    await this.#client.query(`begin${level}${accessMode === undefined ? '' : ` ${accessMode}`}`).catch((error: unknown) => {
      this.#judge(error)
      throw error
    })
    this.#written = new Set()
  }

  async commit(): Promise<void> {
    const written = this.#written!
    const told = this.#store.feed.textOf(written)
    if (told !== undefined) {
      const payload = `${this.#store.sender}:${told}`
      try {
        await this.#query('select pg_notify($1, $2)', [CHANNEL, payload])
      } catch (error) {
        if ((error as { code?: string }).code !== '25P02') throw error
        // A statement of the transaction has failed: COMMIT below finds that out in its own words.
      }
    }
    const { command } = await this.#client.query('commit').catch((error: unknown) => {
      // Whether it happened, or is still to happen, nobody can tell.
      this.#store.feed.doubt(written)
      this.#judge(error)
      throw error
    })
    this.#written = undefined
    // PostgreSQL answers the COMMIT of a failed transaction with a rollback, and without an error.
    if (command === 'ROLLBACK') throw new AbortedTransactionError()
    this.#store.feed.emit(written)
  }

  async rollback(): Promise<void> {
    this.#written = undefined
    try {
      await this.#client.query('rollback')
    } catch {
      // The connection is gone and its transaction with it; what broke it has been thrown by the statement before.
      this.#broken = true
    }
  }

  /** Gives the connection back, once: where a broken one could not be replaced, there is none. */
  release(): void {
    if (this.#held) this.#client.release(this.#broken)
    this.#held = false
  }

  // eslint-disable-next-line require-yield -- refuses
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed: page by key')
  }
}

/** Whether a statement changed rows; raw ones count as having done so. */
const wrote = ({ rowCount }: PgResult, compiled: CompiledQuery): boolean => compiled.query.kind === 'RawNode' || (rowCount ?? 0) > 0

class PostgresDriver implements Driver {
  readonly #store: PostgresStore

  constructor(store: PostgresStore) {
    this.#store = store
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new PostgresConnection(this.#store, await this.#store.connect())
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return (connection as PostgresConnection).begin(settings)
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as PostgresConnection).commit()
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as PostgresConnection).rollback()
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    ;(connection as PostgresConnection).release()
  }

  async destroy(): Promise<void> {}
}

export const postgresDialect = (store: PostgresStore): Dialect => ({
  createDriver: () => new PostgresDriver(store),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: db => new PostgresIntrospector(db),
})
