import { sql } from 'kysely'
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { suite, test } from 'node:test'
import { databases } from '../../test/databases.ts'
import { readCatalogue } from './catalogue.ts'
import type { Database, DatabaseOptions } from './database.ts'
import { openDatabase } from './database.ts'
import { at, fixture, fixtureMigration, migrateFixture } from './fixture.ts'
import type { LockHolder, Migration } from './migrate.ts'
import { migrate, pendingMigrations, SchemaNewerError } from './migrate.ts'
import { migrations } from './migrations/index.ts'

const later: Migration = {
  name: '20260201T0000_later',
  async up(schema) {
    await schema.addColumns('maker', t => [
      t.text('country'),
      t.flag('closed').notNull().default(false),
      t.json('notes').notNull().default([]),
    ])
    await schema.data(async db => {
      await db
        .updateTable('maker')
        .set({ country: 'de', notes: { at: schema.now } })
        .execute()
    })
    await schema.index('maker', ['country', 'name'], { unique: true, where: '"closed"' })
  },
}

const tables = async (database: Database) => [...(await readCatalogue(database.db)).keys()]

type Message = { ready?: true; inside?: true; waiting?: LockHolder; applied?: string[] }

/** A child process, whose messages of one kind can be waited for, those that have come already included. */
const startChild = (place: DatabaseOptions) => {
  const child: ChildProcess = fork(new URL('migrate.child.ts', import.meta.url), [JSON.stringify(place)], { execArgv: [] })
  const messages: Message[] = []
  let wake = () => {}
  child.on('message', message => {
    messages.push(message as Message)
    wake()
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const said = async <K extends keyof Message>(kind: K): Promise<NonNullable<Message[K]>> => {
    for (;;) {
      const found = messages.find(message => message[kind] !== undefined)
      if (found !== undefined) return found[kind]!
      if (child.exitCode !== null) throw new Error(`the child ended without saying ${kind}`)
      await Promise.race([new Promise<void>(resolve => (wake = resolve)), ended])
    }
  }
  return { child, said, go: () => void child.send('go'), ended, messages }
}

/** All that a database knows of its schema, in an order that does not depend on how it came about. */
async function described({ db, engine }: Database): Promise<unknown[]> {
  if (engine === 'sqlite') {
    const { rows } = await sql<{ name: string; type: string; sql: string | null }>`select name, type, sql from sqlite_schema`.execute(db)
    // A key of several columns stands before columns that were added to a table, and behind those that it was made with.
    const parts = (text: string | null) => text?.split(/,(?![^()]*\))/).map(part => part.replace(/\)$/, '').trim()) ?? []
    return rows.map(({ name, type, sql: text }) => [type, name, ...parts(text).toSorted()].join('\n')).toSorted()
  }
  const { rows } = await sql`
    select r.relname::text as at, a.attnum, concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), l.collname, a.attnotnull, a.attidentity,
      pg_get_expr(d.adbin, d.adrelid)) as what
    from pg_class r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum left join pg_collation l on l.oid = a.attcollation
    where r.relnamespace = current_schema()::regnamespace
    union all select conrelid::regclass::text, 0, concat_ws(' ', conname, pg_get_constraintdef(oid)) from pg_constraint where connamespace = current_schema()::regnamespace
    union all select tablename, 0, indexdef from pg_indexes where schemaname = current_schema()
    order by 1, 2, 3`.execute(db)
  return rows
}

for (const { engine, open, place, reopen } of databases()) {
  suite(`migrating on ${engine}`, () => {
    test('all pending migrations are applied in order, and then there is nothing to do', async () => {
      const database = await open()
      const all = [fixtureMigration, later]
      assert.deepStrictEqual(
        await pendingMigrations(database, all),
        all.map(({ name }) => name),
      )
      assert.deepStrictEqual(await migrateFixture(database), [fixtureMigration.name])
      await fixture(database.db).insertInto('maker').values({ maker_id: 'm', name: 'm' }).execute()
      assert.deepStrictEqual(await pendingMigrations(database, all), [later.name])
      assert.deepStrictEqual(await migrateFixture(database, all), [later.name])
      assert.deepStrictEqual(await migrateFixture(database, all), [])
      assert.deepStrictEqual(await fixture(database.db).selectFrom('maker').selectAll().execute(), [
        { maker_id: 'm', name: 'm', country: 'de', closed: false, notes: { at: at.toISOString() } },
      ])
      const recorded = await sql`select * from schema_migration order by name`.execute(database.db)
      assert.deepStrictEqual(
        recorded.rows,
        all.map(({ name }) => ({ name, applied_at: at, program_version: '1.0.0' })),
      )
    })

    test('a migration that fails takes all others of that run with it', async () => {
      const database = await open()
      const failing: Migration = {
        name: '20260301T0000_failing',
        async up(schema) {
          await schema.table('half', t => [t.id()])
          throw new Error('on purpose')
        },
      }
      await assert.rejects(migrateFixture(database, [fixtureMigration, failing]), /on purpose/)
      assert.deepStrictEqual(await tables(database), [])
      assert.deepStrictEqual(await migrateFixture(database), [fixtureMigration.name])
    })

    test("another program's database is refused and left as it is", async () => {
      const database = await open()
      for (const name of ['songs', 'albums']) await sql`create table ${sql.table(name)} (id integer)`.execute(database.db)
      await assert.rejects(migrateFixture(database), {
        name: 'DatabaseUnusableError',
        message: /holds tables of another program \(albums, songs …\)\. Nothing was changed\./,
      })
      assert.deepStrictEqual(await tables(database), ['albums', 'songs'])
    })

    test('a schema of a newer program is refused, untouched and unlocked', async () => {
      const where = await place()
      const database = await reopen(where)
      await migrateFixture(database, [fixtureMigration, later])
      const before = await readCatalogue(database.db)
      const other: Migration = { name: '20260115T0000_other', up: async schema => schema.table('other', t => [t.id()]) }
      await assert.rejects(migrateFixture(database, [fixtureMigration, other]), (error: Error) => {
        assert.ok(error instanceof SchemaNewerError)
        assert.deepStrictEqual(error.unknown, [later.name])
        assert.match(error.message, /newer version of this program \(1\.0\.0\): it holds 20260201T0000_later/)
        return true
      })
      await assert.rejects(pendingMigrations(database, [fixtureMigration]), SchemaNewerError)
      assert.deepStrictEqual(await readCatalogue(database.db), before)
      const second = await reopen(where)
      assert.deepStrictEqual(await migrateFixture(second, [fixtureMigration, later, other]), [other.name])
    })

    test('of two processes that start together one migrates, the other waits and finds nothing to do', async () => {
      const where = { ...(await place()), ...(engine === 'sqlite' ? { busy_timeout: 20 } : {}) } as DatabaseOptions
      const first = startChild(where)
      await first.said('ready')
      first.go()
      await first.said('inside')
      const second = startChild(where)
      await second.said('ready')
      second.go()
      const holder = await second.said('waiting')
      if (engine === 'postgres') assert.partialDeepStrictEqual(holder, { application_name: 'signet', state: 'idle in transaction' })
      first.go()
      assert.deepStrictEqual(await first.said('applied'), [fixtureMigration.name, '20260102T0000_slow'])
      assert.deepStrictEqual(await second.said('applied'), [])
      await Promise.all([first.ended, second.ended])
    })

    test('when the process that migrates is killed, the one that waits takes over', async () => {
      const where = { ...(await place()), ...(engine === 'sqlite' ? { busy_timeout: 20 } : {}) } as DatabaseOptions
      const first = startChild(where)
      await first.said('ready')
      first.go()
      await first.said('inside')
      const second = startChild(where)
      await second.said('ready')
      second.go()
      await second.said('waiting')
      first.child.kill('SIGKILL')
      await first.ended
      await second.said('inside')
      second.go()
      assert.deepStrictEqual(await second.said('applied'), [fixtureMigration.name, '20260102T0000_slow'])
      await second.ended
    })

    test('processes that were running before a migration read the new columns after it', async () => {
      const where = await place()
      const running = await reopen(where)
      await migrateFixture(running)
      await fixture(running.db).insertInto('maker').values({ maker_id: 'm', name: 'm' }).execute()
      const read = (db = running.db) => fixture(db).selectFrom('maker').selectAll().execute()
      // Often enough to be prepared.
      for (let index = 0; index < 3; index++) assert.deepStrictEqual(await read(), [{ maker_id: 'm', name: 'm' }])
      const newer = await reopen(where)
      await migrateFixture(newer, [fixtureMigration, later])
      const expected = [{ maker_id: 'm', name: 'm', country: 'de', closed: false, notes: { at: at.toISOString() } }]
      assert.deepStrictEqual(await read(), expected)
      assert.deepStrictEqual(await running.transaction(trx => read(trx)), expected)
    })

    test('the schema language: rename, drop, indexes, own SQL', async () => {
      const database = await open()
      const change: Migration = {
        name: '20260401T0000_change',
        async up(schema) {
          await schema.table('old', t => [t.id('key'), t.text('first').notNull(), t.text('second'), t.text('third')], {
            index: [['first', 'second']],
          })
          await schema.renameColumn('old', 'first', 'one')
          await schema.dropColumn('old', 'third')
          await schema.renameTable('old', 'new')
          await schema.table('brief', t => [t.id()])
          await schema.dropTable('brief')
          await schema.index('new', ['second'])
          await schema.dropIndex('new', ['second'])
          await schema.index('new', ['second'], { unique: true })
          await schema.sql({
            sqlite: 'insert into "new" (one) values (\'sqlite\')',
            postgres: ['insert into "new" (one) values (\'postgres\')'],
          })
        },
      }
      await migrateFixture(database, [change])
      assert.deepStrictEqual((await readCatalogue(database.db)).get('new'), {
        name: 'new',
        columns: [
          { name: 'key', type: 'integer', nullable: false, defaulted: true },
          { name: 'one', type: 'text', nullable: false, defaulted: false },
          { name: 'second', type: 'text', nullable: true, defaulted: false },
        ],
        primary_key: ['key'],
        foreign_keys: [],
      })
      assert.deepStrictEqual((await sql`select * from "new"`.execute(database.db)).rows, [{ key: 1, one: engine, second: null }])
    })

    test('the migrations of the product apply, and both engines come to the same tables', async () => {
      const database = await open()
      await migrate(database, migrations, { now: () => at, programVersion: '1.0.0' })
      const reference = await openDatabase({ engine: 'sqlite', file: ':memory:' })
      await migrate(reference, migrations, { now: () => at, programVersion: '1.0.0' })
      assert.deepStrictEqual(await readCatalogue(database.db), await readCatalogue(reference.db))
      await reference.close()
    })

    test('an installation that took every migration on its day has the schema of a new one', async () => {
      const [grown, fresh] = [await open(), await open()]
      const options = { now: () => at, programVersion: '1.0.0' }
      for (let count = 1; count <= migrations.length; count++) {
        await migrate({ ...grown, file: undefined }, migrations.slice(0, count), options)
      }
      await migrate(fresh, migrations, options)
      assert.deepStrictEqual(await described(fresh), await described(grown))
      assert.deepStrictEqual(await readCatalogue(fresh.db), await readCatalogue(grown.db), 'columns in the same order')
    })

    test('a column that a later migration adds becomes part of a table that is not made yet', async () => {
      const shape: Migration[] = [
        { name: '1', up: schema => schema.table('shape', t => [t.id(), t.text('name').notNull()]) },
        {
          name: '2',
          up: schema => schema.data(async db => void (await db.insertInto('shape').values({ name: 'first' }).execute())),
        },
        {
          name: '3',
          async up(schema) {
            await schema.addColumns('shape', t => [
              t.integer('parent').references('shape.id', 'cascade'),
              t.flag('round').notNull().default(true),
            ])
            await schema.dropColumn('shape', 'name')
            await schema.addColumns('shape', t => [t.text('name').unique()])
          },
        },
      ]
      const database = await open()
      await migrateFixture(database, shape)
      const { rows } = await sql`select * from shape`.execute(database.db)
      assert.equal(rows.length, 1)
      assert.deepStrictEqual(Object.keys(rows[0]!), ['id', 'parent', 'round', 'name'])
      assert.partialDeepStrictEqual(rows[0], { parent: null, round: true, name: null })
    })

    if (engine === 'postgres') {
      test('an account that may not make tables is told who can allow it', async () => {
        const where = await place()
        const owner = await reopen(where)
        const account = `weak_${process.pid}`
        await sql`create role ${sql.id(account)} login`.execute(owner.db)
        const weak = await reopen({ ...where, user: account } as DatabaseOptions)
        await assert.rejects(migrateFixture(weak), {
          name: 'DatabaseUnusableError',
          message: `The account ${account} may not make tables in the schema public. Its owner allows it with: grant create on schema public to ${account}`,
        })
        await weak.close()
        await sql`drop role ${sql.id(account)}`.execute(owner.db)
      })

      test('a schema of another name is made by its first migration', async () => {
        const database = await open({ schema: 'Own "schema"' })
        assert.deepStrictEqual(await migrateFixture(database), [fixtureMigration.name])
        assert.deepStrictEqual(await pendingMigrations(database, [fixtureMigration]), [])
        const { rows } = await sql`select schemaname from pg_tables where tablename = 'thing'`.execute(database.db)
        assert.deepStrictEqual(rows, [{ schemaname: 'Own "schema"' }])
      })
    } else {
      test('the file is copied beside itself before it is migrated; three copies are kept', async () => {
        const where = (await place()) as { engine: 'sqlite'; file: string }
        const database = await reopen(where)
        const steps = ['a', 'b', 'c', 'd', 'e'].map((letter): Migration => ({
          name: `2026_${letter}`,
          up: async schema => schema.table(letter, t => [t.id()]),
        }))
        for (let count = 1; count <= steps.length; count++) await migrateFixture(database, steps.slice(0, count))
        const copies = (await readdir(dirname(where.file))).filter(name => name.startsWith(`${basename(where.file)}.before`)).toSorted()
        assert.deepStrictEqual(
          copies,
          ['c', 'd', 'e'].map(letter => `${basename(where.file)}.before-2026_${letter}`),
        )
        const copied = `${where.file}.before-2026_d`
        assert.equal((await stat(copied)).mode & 0o777, 0o600)
        const before = await reopen({ engine: 'sqlite', file: copied })
        assert.deepStrictEqual(await tables(before), ['a', 'b', 'c', 'schema_migration'])
      })
    }
  })
}
