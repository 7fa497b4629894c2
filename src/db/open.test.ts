import { sql } from 'kysely'
import assert from 'node:assert/strict'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import type { Server } from 'node:net'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { suite, test } from 'node:test'
import type { Extra } from '../../test/databases.ts'
import { databases } from '../../test/databases.ts'
import { freePort } from '../../test/ports.ts'
import { readCatalogue, referencesTo } from './catalogue.ts'
import type { SqliteOptions } from './database.ts'
import { DatabaseBusyError, engineOf, openDatabase } from './database.ts'
import { fixture, migrateFixture } from './fixture.ts'
import type { PostgresOptions } from './postgres/dialect.ts'
import { refusalOf } from './postgres/usable.ts'

for (const { engine, open, place, reopen } of databases()) {
  suite(`opening ${engine}`, () => {
    test('the engine is known by the database, its connections and its transactions', async () => {
      const database = await open()
      assert.equal(database.engine, engine)
      assert.equal(engineOf(database.db), engine)
      assert.equal(engineOf(database.background), engine)
      assert.equal(await database.transaction(async trx => engineOf(trx)), engine)
    })

    test('what was committed is there when the database is opened again', async () => {
      const where = await place()
      const first = await reopen(where)
      await migrateFixture(first)
      await fixture(first.db).insertInto('maker').values({ maker_id: 'm', name: 'm' }).execute()
      await first.close()
      const second = await reopen(where)
      assert.equal((await fixture(second.db).selectFrom('maker').selectAll().execute()).length, 1)
    })

    test('the catalogue tells tables, columns and keys alike', async () => {
      const database = await open()
      await migrateFixture(database)
      const catalogue = await readCatalogue(database.db)
      assert.deepStrictEqual([...catalogue.keys()], ['maker', 'part', 'schema_migration', 'scrap', 'tag', 'thing'])
      assert.deepStrictEqual(catalogue.get('thing')!.columns, [
        { name: 'id', type: 'integer', nullable: false, defaulted: true },
        { name: 'thing_uuid', type: 'uuid', nullable: true, defaulted: false },
        { name: 'name', type: 'text', nullable: false, defaulted: false },
        { name: 'size', type: 'integer', nullable: true, defaulted: false },
        { name: 'ratio', type: 'real', nullable: true, defaulted: false },
        { name: 'flag', type: 'flag', nullable: false, defaulted: true },
        { name: 'at', type: 'instant', nullable: true, defaulted: false },
        { name: 'data', type: 'json', nullable: false, defaulted: true },
        { name: 'raw', type: 'bytes', nullable: true, defaulted: false },
      ])
      assert.deepStrictEqual(catalogue.get('tag')!.primary_key, ['thing', 'name'])
      const part = [
        { table: 'part', columns: ['maker'], target: 'maker', target_columns: ['maker_id'], on_delete: 'set null' },
        { table: 'part', columns: ['thing'], target: 'thing', target_columns: ['id'], on_delete: 'cascade' },
      ]
      assert.deepStrictEqual(catalogue.get('part')!.foreign_keys, part)
      assert.deepStrictEqual(referencesTo(catalogue, 'thing'), [
        part[1],
        { table: 'tag', columns: ['thing'], target: 'thing', target_columns: ['id'], on_delete: 'restrict' },
      ])
    })

    test('every column that refers to another table leads an index', async () => {
      const database = await open()
      await migrateFixture(database)
      const query =
        engine === 'sqlite'
          ? sql<{
              column: string
            }>`select t.name || '.' || i.name as "column" from sqlite_schema t, pragma_index_list(t.name) l, pragma_index_info(l.name) i
              where t.type = 'table' and i.seqno = 0`
          : sql<{ column: string }>`select t.relname || '.' || a.attname as "column" from pg_index i join pg_class t on t.oid = i.indrelid
              join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0] where t.relnamespace = current_schema()::regnamespace`
      const indexed = new Set((await query.execute(database.db)).rows.map(row => row.column))
      for (const { name, foreign_keys } of (await readCatalogue(database.db)).values()) {
        for (const { columns } of foreign_keys) assert.ok(indexed.has(`${name}.${columns[0]}`), `${name}.${columns[0]}`)
      }
    })

    if (engine === 'sqlite') {
      test('the file is made with its folder, for its owner alone', async () => {
        const { file } = (await place()) as SqliteOptions
        const inside = join(`${file}.folder`, 'deeper', 'x.db')
        await reopen({ engine: 'sqlite', file: inside })
        assert.equal((await stat(inside)).mode & 0o777, 0o600)
        assert.equal((await stat(`${inside}-wal`)).mode & 0o777, 0o600)
        await chmod(dirname(inside), 0o700)
      })

      test('what is no database is named and left as it is', async () => {
        const { file } = (await place()) as SqliteOptions
        const text = 'Notes of somebody, longer than the header of a database, which has sixteen bytes of its own: SQLite format 3.'.repeat(
          9,
        )
        await writeFile(file, text)
        await assert.rejects(reopen({ engine: 'sqlite', file }), {
          name: 'DatabaseUnusableError',
          message: `${file} is no SQLite database. It was not touched: name another file or folder, or move it away.`,
        })
        assert.equal(await readFile(file, 'utf8'), text)
        await assert.rejects(reopen({ engine: 'sqlite', file: dirname(file) }), /is a folder, where the database should be/)
      })

      test('commits are durable, references are checked', async () => {
        const database = await open()
        const pragma = async (name: string) =>
          Object.values((await sql.raw(`pragma ${name}`).execute(database.db)).rows[0] as object)[0] as unknown
        assert.deepStrictEqual(await Promise.all(['journal_mode', 'synchronous', 'foreign_keys'].map(pragma)), ['wal', 1, 1])
      })

      test('a write waits while another process writes, without stopping the event loop, and in the end gives up', async () => {
        const where = await place()
        const here = await reopen({ ...where, busy_timeout: 30 } as SqliteOptions)
        await migrateFixture(here)
        const there = await reopen(where)
        const add = (name: string) => fixture(here.db).insertInto('maker').values({ maker_id: name, name }).execute()
        await there.transaction(async trx => {
          await fixture(trx).insertInto('maker').values({ maker_id: 'there', name: 'there' }).execute()
          await assert.rejects(add('refused'), DatabaseBusyError)
          await assert.rejects(
            here.transaction(async () => {}),
            DatabaseBusyError,
          )
        })
        const inside = Promise.withResolvers<void>()
        const goOn = Promise.withResolvers<void>()
        const patient = await reopen(where)
        const writing = there.transaction(async () => {
          inside.resolve()
          await goOn.promise
        })
        await inside.promise
        const waiting = fixture(patient.db).insertInto('maker').values({ maker_id: 'waited', name: 'w' }).execute()
        setImmediate(() => goOn.resolve())
        await Promise.all([writing, waiting])
        assert.equal((await fixture(here.db).selectFrom('maker').selectAll().execute()).length, 2)
      })
      return
    }

    test('a server that is not there yet is waited for', async () => {
      const where = (await place()) as PostgresOptions
      const port = await freePort()
      let proxy: Server | undefined
      const report = () => {
        proxy ??= createServer(socket => socket.pipe(connect(where.port, where.host)).pipe(socket)).listen(port, '127.0.0.1')
      }
      const database = await reopen({ ...where, port }, { report })
      assert.deepStrictEqual((await sql`select 1 as one`.execute(database.db)).rows, [{ one: 1 }])
      assert.ok(proxy)
      await database.close()
      proxy.close()
    })

    test('of several servers the first that can be reached is used', async () => {
      const { host, port, ...where } = (await place()) as PostgresOptions
      const database = await reopen({ ...where, host, port: 1, fallbacks: [{ host, port }] }, { watchedTables: ['maker'] })
      await migrateFixture(database)
      assert.deepStrictEqual(await fixture(database.db).selectFrom('maker').selectAll().execute(), [])
    })

    test('a server that is too old, keeps too few letters or cannot be written is refused with a sentence', async () => {
      const good = { version: '18.4', number: 180_004, encoding: 'UTF8', database: 'id', standby: false, read_only: false }
      assert.equal(refusalOf(good), undefined)
      const old = refusalOf({ ...good, version: '14.22', number: 140_022 })
      assert.equal(old, 'PostgreSQL 15 or later is needed; this server is 14.22.')
      assert.match(refusalOf({ ...good, standby: true, read_only: true })!, /is a standby/)
      const admin = await open()
      const where = (await place()) as PostgresOptions
      await sql`alter database ${sql.id(where.database)} set default_transaction_read_only = on`.execute(admin.db)
      await assert.rejects(reopen(where), { name: 'DatabaseUnusableError', message: /can only be read/ })
      const latin = `latin_${process.pid}`
      await sql`create database ${sql.id(latin)} encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'`.execute(admin.db)
      await assert.rejects(reopen({ ...where, database: latin }), { name: 'DatabaseUnusableError', message: /has the encoding LATIN1/ })
      await sql`drop database ${sql.id(latin)}`.execute(admin.db)
    })

    test('a server that refuses is not asked again, and one that stays away is given up', async () => {
      const where = (await place()) as PostgresOptions
      await assert.rejects(openDatabase({ ...where, database: 'nowhere' }), { code: '3D000' })
      await assert.rejects(openDatabase({ ...where, port: 1, connectWithin: 0 }), { code: 'ECONNREFUSED' })
    })

    test('a pool never has more connections than it may', async () => {
      const database = await open({ pool_size: 2, watchedTables: ['maker'] })
      const counted = await Promise.all(
        Array.from({ length: 12 }, () =>
          sql<{
            count: number
          }>`select count(*) as count from pg_stat_activity where datname = current_database() and application_name = 'signet'`.execute(
            database.db,
          ),
        ),
      )
      assert.ok(Math.max(...counted.map(({ rows }) => rows[0]!.count)) <= 3, 'two and the one that listens')
    })

    test('queries are prepared from their second use on, unless that is switched off', async () => {
      const prepared = async (extra: Extra) => {
        const database = await open({ pool_size: 1, ...extra })
        for (let index = 0; index < 3; index++) await sql`select ${index}::int as "index"`.execute(database.db)
        const { rows } = await sql<{
          count: number
        }>`select count(*) as count from pg_prepared_statements where statement like '%"index"%'`.execute(database.db)
        return rows[0]!.count
      }
      assert.equal(await prepared({}), 1)
      assert.equal(await prepared({ prepared: false }), 0)
    })

    test('a lock that is not granted, and a transaction that is forgotten, end by themselves', async () => {
      const database = await open()
      const setting = async (name: string) =>
        (await sql<{ value: string }>`select current_setting(${name}) as value`.execute(database.db)).rows[0]!.value
      assert.deepStrictEqual(await Promise.all(['lock_timeout', 'idle_in_transaction_session_timeout'].map(setting)), ['10s', '1min'])
    })

    test('a connection that the server ends is replaced', async () => {
      const where = await place()
      const reported: unknown[] = []
      const database = await reopen(where, { report: error => reported.push(error) })
      const other = await reopen(where)
      await sql`select 1`.execute(database.db)
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
        other.db,
      )
      assert.deepStrictEqual((await sql`select 1 as one`.execute(database.db)).rows, [{ one: 1 }])
    })
  })
}
