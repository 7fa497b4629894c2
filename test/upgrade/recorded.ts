import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { sql, type Kysely } from 'kysely'
import type { Row } from '../../src/api/model.ts'
import { readCatalogue } from '../../src/db/catalogue.ts'
import type { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrations } from '../../src/db/migrations/index.ts'

/** An installation of an earlier version, as `record.ts` writes it: the same for both engines. */
export type Recorded = {
  /** When; sessions and tokens live from then on. */
  at: string
  /** What people and programs hold of it. */
  known: {
    password: string
    adminToken: string
    cookies: Record<string, string>
    provider: Row
    application: Row
    redirectUri: string
    tokens: { access_token: string; refresh_token: string; id_token: string }
    /** A second grant of the same person to the same application. */
    spare: { access_token: string; refresh_token: string }
    /** Token of the application itself. */
    machine: string
    /** Second factors; absent where the version had none. */
    totp?: { pk: number; key: string }
    codes?: string[]
    passkey?: { id: string; handle: string; key: Row }
  }
  /** Those that it had. */
  migrations: string[]
  /** What lists of the API answered to an administrator, by their path. */
  answers: Record<string, Row[]>
  rows: Record<string, Row[]>
}

/** Dates and bytes are marked, since JSON has none. */
export const packed = (recorded: Recorded): string =>
  JSON.stringify(recorded, function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key]
    if (raw instanceof Date) return { $instant: raw.toISOString() }
    if (raw instanceof Uint8Array) return { $bytes: Buffer.from(raw).toString('base64') }
    return value
  })

/** The versions that there are records of, oldest first. */
export const versions = readdirSync(import.meta.dirname)
  .filter(name => name.endsWith('.json.gz'))
  .map(name => name.slice(0, -'.json.gz'.length))
  .toSorted()

export const readRecorded = (version: string): Recorded =>
  JSON.parse(gunzipSync(readFileSync(new URL(`${version}.json.gz`, import.meta.url))).toString(), (_, value: unknown) => {
    if (value === null || typeof value !== 'object') return value
    if ('$instant' in value) return new Date(value.$instant as string)
    if ('$bytes' in value) return new Uint8Array(Buffer.from(value.$bytes as string, 'base64'))
    return value
  }) as Recorded

/** Makes an empty database what the recorded one was: its schema, by the migrations that it had, and its rows. Answers the administrator's token. */
export async function restore(database: Database, recorded: Recorded): Promise<string> {
  const earlier = migrations.filter(({ name }) => recorded.migrations.includes(name))
  if (earlier.length < recorded.migrations.length) throw new Error('a migration that was published is gone, or has another name')
  await migrate(database, earlier, { now: () => new Date(recorded.at), programVersion: 'recorded' })
  for (const [table, { columns }] of await readCatalogue(database.db)) {
    const [row] = recorded.rows[table] ?? []
    const names = columns.map(({ name }) => name).toSorted()
    if (row) assert.deepEqual(names, Object.keys(row).toSorted(), `what was published of ${table} says something else now`)
  }
  await fill(database, recorded)
  return recorded.known.adminToken
}

/** Writes the recorded rows instead of those that are there, each with the columns that it had. */
export async function fill(database: Database, { rows }: Recorded): Promise<void> {
  const catalogue = await readCatalogue(database.db)
  await database.transaction(async trx => {
    // Rows stand in the order of their tables' names.
    await (database.engine === 'sqlite' ? sql`pragma defer_foreign_keys = on` : sql`set local session_replication_role = replica`).execute(
      trx,
    )
    // oxlint-disable-next-line typescript/no-explicit-any -- the tables of that version, which no type knows
    const db: Kysely<any> = trx
    for (const [table, { columns }] of catalogue) {
      // Migrations write rows too, and theirs are recorded.
      if (table !== 'schema_migration') await db.deleteFrom(table).execute()
      const json = columns.filter(({ type }) => type === 'json')
      for (const row of rows[table] ?? []) {
        const values: Row = { ...row }
        for (const { name, nullable } of json)
          if (name in values && (values[name] !== null || !nullable)) values[name] = JSON.stringify(values[name])
        await db.insertInto(table).values(values).execute()
      }
      // What numbers its rows itself goes on behind them; SQLite finds that out by itself.
      if (database.engine === 'postgres' && columns.some(({ name, type, defaulted }) => name === 'id' && type === 'integer' && defaulted))
        await sql`select setval(pg_get_serial_sequence(${`"${table}"`}, 'id'), (select coalesce(max(id), 0) + 1 from ${sql.table(table)}), false)`.execute(
          db,
        )
    }
  })
}
