import type { Transaction } from 'kysely'
import { sql } from 'kysely'
import { basename, dirname, join } from 'node:path'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { DatabaseSync, backup } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { Schema } from './columns.ts'
import { schemaOf } from './columns.ts'
import type { Database, Db } from './database.ts'
import { engineOf } from './engine.ts'
import { DatabaseUnusableError } from './fault.ts'
import { DatabaseBusyError } from './sqlite/busy.ts'

export type Migration = {
  /** `<date>_<what>`, never changed once released. They run in the order of their list. */
  readonly name: string
  up(schema: Schema): Promise<void>
}

/** Who keeps us waiting. SQLite does not say. */
export type LockHolder = { pid?: number; application_name?: string; state?: string; since?: Date | null }

export type MigrateOptions = {
  now: () => Date
  programVersion: string
  log?: (message: string, details?: Record<string, unknown>) => void
  /** Called again and again while another process migrates. */
  onWaiting?: (holder: LockHolder) => void
  /** ms between two attempts to get the lock. */
  retryEvery?: number
}

/** The schema was written by a newer program. Nothing was touched. */
export class SchemaNewerError extends Error {
  readonly unknown: readonly string[]

  constructor(unknown: readonly string[], version: string) {
    super(
      `The database was migrated by a newer version of this program (${version}): it holds ${unknown.join(', ')}, which this version does not know. ` +
        'Nothing was changed. Start the newer version again, or restore a backup from before the upgrade.',
    )
    this.unknown = unknown
  }
}

type Applied = { name: string; applied_at: Date; program_version: string }

/** Our own key, in the two-number space of advisory locks: 'SIGN', and the schema. */
const LOCK = 0x5349474e

/** Copies of a SQLite file from before migrations that are kept. */
const KEPT_COPIES = 3

const hasTable = async (db: Db): Promise<boolean> => {
  const query =
    engineOf(db) === 'sqlite'
      ? sql`select 1 from sqlite_schema where type = 'table' and name = 'schema_migration'`
      : sql`select 1 from pg_tables where schemaname = current_schema() and tablename = 'schema_migration'`
  return (await query.execute(db)).rows.length > 0
}

const applied = async (db: Db): Promise<Applied[]> =>
  (await hasTable(db))
    ? (await sql<Applied>`select name, applied_at, program_version from schema_migration order by name`.execute(db)).rows
    : []

/** Some tables of a database that nobody has migrated; those that extensions bring with them are no program's. */
const strangers = async (db: Db): Promise<string[]> => {
  const query =
    engineOf(db) === 'sqlite'
      ? sql<{
          name: string
        }>`select name from sqlite_schema where type = 'table' and name not like 'sqlite$_%' escape '$' order by name limit 3`
      : sql<{ name: string }>`select c.relname::text as name from pg_class c
          where c.relnamespace = (select oid from pg_namespace where nspname = current_schema()) and c.relkind in ('r', 'p')
            and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by 1 limit 3`
  return (await query.execute(db)).rows.map(row => row.name)
}

/** A database without our migrations must be empty: nothing is mixed with what another program keeps. @throws DatabaseUnusableError */
const requireEmpty = async (db: Db): Promise<void> => {
  const names = await strangers(db)
  if (names.length === 0) return
  const advice =
    engineOf(db) === 'sqlite' ? 'Name another file.' : 'Name an empty database, or a schema of its own (POSTGRESQL__DEFAULT_SCHEMA).'
  throw new DatabaseUnusableError(`The database holds tables of another program (${names.join(', ')} …). Nothing was changed. ${advice}`)
}

const pendingAmong = (migrations: readonly Migration[], done: readonly Applied[]): Migration[] => {
  const known = new Set(migrations.map(migration => migration.name))
  const unknown = done.filter(row => !known.has(row.name))
  if (unknown.length > 0)
    throw new SchemaNewerError(
      unknown.map(row => row.name),
      unknown.at(-1)!.program_version,
    )
  const names = new Set(done.map(row => row.name))
  return migrations.filter(migration => !names.has(migration.name))
}

/** Whether any version of the program has been here. */
export const isMigrated = (database: Pick<Database, 'db'>): Promise<boolean> => hasTable(database.db)

/**
 * The names of the migrations that this schema lacks. Reads only.
 * @throws SchemaNewerError
 */
export const pendingMigrations = async (database: Pick<Database, 'db'>, migrations: readonly Migration[]): Promise<string[]> =>
  pendingAmong(migrations, await applied(database.db)).map(migration => migration.name)

/** Keeps a copy of the file as it was before; the migrating transaction is open, so nobody else writes meanwhile. */
const keepCopy = async (file: string, first: string): Promise<string> => {
  const copy = `${file}.before-${first}`
  const part = `${copy}.part`
  await rm(part, { force: true })
  const source = new DatabaseSync(file, { readOnly: true })
  try {
    await backup(source, part)
  } finally {
    source.close()
  }
  const handle = await open(part, 'r+')
  await handle.chmod(0o600)
  await handle.sync()
  await handle.close()
  await rename(part, copy)
  const folder = dirname(file)
  const copies = (await readdir(folder)).filter(
    name => name.startsWith(`${basename(file)}.before-`) && !/\.part|-wal$|-shm$|-journal$/.test(name),
  )
  const dated = await Promise.all(copies.map(async name => ({ path: join(folder, name), at: (await stat(join(folder, name))).mtimeMs })))
  for (const { path } of dated.sort((a, b) => b.at - a.at).slice(KEPT_COPIES)) await rm(path)
  return copy
}

const lockHolder = async (db: Db): Promise<LockHolder> => {
  const { rows } = await sql<LockHolder>`
    select a.pid, a.application_name, a.state, a.xact_start as since
    from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.classid::bigint = ${LOCK} and l.database = (select oid from pg_database where datname = current_database())
      and l.objid::bigint = (hashtext(current_schema())::bigint & 4294967295)`.execute(db)
  return rows[0] ?? {}
}

class LockTakenError extends Error {}

/** Runs `work` in the one transaction that may migrate; while another process has it, waits and tells who. */
const underLock = async <T>(
  database: Database,
  { onWaiting, retryEvery = 500 }: MigrateOptions,
  work: (trx: Db) => Promise<T>,
): Promise<T> => {
  for (;;) {
    try {
      return await database.transaction(async trx => {
        if (database.engine === 'postgres') {
          const { rows } = await sql<{ got: boolean }>`
            select pg_try_advisory_xact_lock(${sql.lit(LOCK)}, hashtext(current_schema())) as got`.execute(trx)
          if (rows[0]?.got !== true) throw new LockTakenError()
          // Others may still read tables that are to be changed; a migration has the time to wait for them.
          await sql`set local lock_timeout = 60000`.execute(trx)
          await sql`set local statement_timeout = 0`.execute(trx)
        }
        return work(trx)
      })
    } catch (error) {
      if (error instanceof LockTakenError) onWaiting?.(await lockHolder(database.db))
      else if (error instanceof DatabaseBusyError) onWaiting?.({})
      else throw error
    }
    await delay(retryEvery)
  }
}

/** The schema of the options, made by its first user: rights to make schemas are needed only then. @throws DatabaseUnusableError */
const ensureSchema = async (database: Database): Promise<void> => {
  if (database.engine === 'sqlite') return
  const { rows } = await sql<{ name: string | null; wanted: string }>`
    select current_schema() as name, current_setting('search_path') as wanted`.execute(database.db)
  if (rows[0]!.name === null) await sql`create schema if not exists ${sql.raw(rows[0]!.wanted)}`.execute(database.db)
  const granted = await sql<{ account: string; schema: string; may: boolean }>`
    select quote_ident(current_user) as account, quote_ident(current_schema()) as schema, has_schema_privilege(current_schema(), 'create') as may`.execute(
    database.db,
  )
  const { account, schema, may } = granted.rows[0]!
  if (!may)
    throw new DatabaseUnusableError(
      `The account ${account} may not make tables in the schema ${schema}. Its owner allows it with: grant create on schema ${schema} to ${account}`,
    )
}

/**
 * Brings the schema up to date: all that is pending in one transaction, under a lock that only one process gets; others wait and
 * then find nothing to do. A SQLite file that holds data is copied beside itself before, as `<file>.before-<first migration>`.
 * @returns the names of the migrations that were applied by this call
 * @throws SchemaNewerError when the schema is ahead of this program
 * @throws DatabaseUnusableError when it is another program's, or may not be changed
 */
export const migrate = async (database: Database, migrations: readonly Migration[], options: MigrateOptions): Promise<string[]> => {
  const { log, now, programVersion } = options
  if ((await pendingMigrations(database, migrations)).length === 0) return []
  await ensureSchema(database)
  const names = await underLock(database, options, async trx => {
    const done = await applied(trx)
    const pending = pendingAmong(migrations, done)
    const first = pending[0]
    if (first === undefined) return []
    if (database.file !== undefined && done.length > 0) {
      const file = await keepCopy(database.file, first.name)
      log?.('kept a copy of the database', { file })
    }
    const schema = schemaOf({ engine: database.engine, db: trx as unknown as Transaction<unknown> as never, now: now() })
    if (!(await hasTable(trx))) {
      await requireEmpty(trx)
      await schema.table('schema_migration', t => [
        t.text('name').primaryKey(),
        t.instant('applied_at').notNull(),
        t.text('program_version').notNull(),
      ])
    }
    for (const migration of pending) {
      await migration.up(schema)
      schema.finish()
      const row = { name: migration.name, applied_at: now(), program_version: programVersion }
      await schema.data(async db => void (await db.insertInto('schema_migration').values(row).execute()))
    }
    await schema.run()
    return pending.map(migration => migration.name)
  })
  if (names.length > 0) log?.('migrated the database', { migrations: names })
  return names
}
