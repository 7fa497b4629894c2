import { sql } from 'kysely'
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { suite, test } from 'node:test'
import type { ClientConfig } from 'pg'
import { Client } from 'pg'
import { databases } from '../../test/databases.ts'
import type { Extra } from '../../test/databases.ts'
import type { Database, DatabaseOptions } from './database.ts'
import { textsOf } from './changes.ts'
import { fixture, migrateFixture } from './fixture.ts'
import { statement } from './statement.ts'

/**
 * The way to a PostgreSQL server, on which connections that listen can be made silent: they stay open, and nothing comes any more.
 * @param options.tardy the first notifications come when the next question is asked, however long that takes
 */
async function silencing({ host, port }: { host: string; port: number }, { tardy = false } = {}) {
  const listening = new Set<Socket>()
  const asked = new EventEmitter()
  const entrance = createServer(client => {
    const server = connect(port, host)
    let held: (Buffer | string)[] | undefined = tardy ? [] : undefined
    client.on('data', data => {
      if (data.includes('listen signet_change')) listening.add(server)
      else if (listening.has(server)) {
        held?.forEach(notification => client.write(notification))
        held = undefined
      }
      if (listening.has(server)) asked.emit('asked')
      server.write(data)
    })
    server.on('data', data => void (held && data.includes('signet_change') ? held.push(data) : client.write(data)))
    client.once('close', () => server.destroy())
    server.once('close', () => client.destroy())
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  entrance.listen(0, '127.0.0.1')
  await once(entrance, 'listening')
  return {
    port: (entrance.address() as AddressInfo).port,
    /** The next time that such a connection asks for something. */
    asked: () => once(asked, 'asked'),
    silence: () => listening.forEach(socket => socket.pause()),
    close: () => new Promise<void>(resolve => void entrance.close(() => resolve())),
  }
}

/** The way to a PostgreSQL server that loses the next COMMIT: the client is cut off, and the server gets it later. */
async function losing({ host, port }: { host: string; port: number }) {
  let lost = Promise.withResolvers<() => void>()
  let armed = false
  const entrance = createServer(client => {
    const server = connect(port, host)
    client.on('data', data => {
      if (armed && data.includes('commit\0')) {
        armed = false
        client.off('close', leave).destroy()
        lost.resolve(() => void server.write(data))
      } else server.write(data)
    })
    server.on('data', data => void client.write(data))
    const leave = () => server.destroy()
    client.on('close', leave)
    server.once('close', () => client.destroy())
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  entrance.listen(0, '127.0.0.1')
  await once(entrance, 'listening')
  return {
    port: (entrance.address() as AddressInfo).port,
    /** Resolves, once a COMMIT was lost, with what hands it to the server. */
    next() {
      armed = true
      lost = Promise.withResolvers()
      return lost.promise
    },
    close: () => new Promise<void>(resolve => void entrance.close(() => resolve())),
  }
}

const watchedTables = ['maker', 'part', 'scrap', 'thing']

for (const { engine, open, place, reopen } of databases()) {
  suite(`the change feed on ${engine}`, () => {
    const opened = async (extra: Extra = {}) => {
      const database = await open({ watchedTables, ...extra })
      await migrateFixture(database)
      return database
    }
    const addMaker = (database: Database, name: string) =>
      fixture(database.db).insertInto('maker').values({ maker_id: name, name }).execute()
    const recording = (database: Database) => {
      const heard: string[] = []
      for (const table of watchedTables) database.feed.onChange([table], () => heard.push(table))
      return { heard, take: () => heard.splice(0).toSorted() }
    }

    if (engine === 'postgres') {
      test('a connection that breaks inside a transaction fails that alone', async () => {
        const [database, other] = [await opened(), await open()]
        const broken = database.transaction(async trx => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
          await sql`select pg_terminate_backend(${rows[0]!.pid}, 5000)`.execute(other.db)
          for (;;) await sql`select 1`.execute(trx)
        })
        await assert.rejects(broken, /connection/)
        await addMaker(database, 'after')
      })

      test('a commit whose answer is lost is told of, whenever it happens', async () => {
        const where = (await place()) as DatabaseOptions & { host: string; port: number }
        const way = await losing(where)
        const database = await reopen({ ...where, port: way.port } as DatabaseOptions, { watchedTables, report: () => {} })
        const other = await reopen(where, { watchedTables })
        await migrateFixture(other)
        await addMaker(database, 'before')
        const { take } = recording(database)
        const cut = way.next()
        const refused = assert.rejects(addMaker(database, 'in doubt'))
        const arrive = await cut
        await refused
        assert.deepStrictEqual(take(), ['maker'], 'it may have happened')
        const heard = new Promise<void>(resolve => void database.feed.onChange(['thing'], () => resolve()))
        arrive()
        const makers = async () => (await fixture(other.db).selectFrom('maker').selectAll().execute()).length
        while ((await makers()) < 2);
        // What was committed before is heard of before.
        await fixture(other.db).insertInto('thing').values({ name: 'after' }).execute()
        await heard
        assert.deepStrictEqual(take(), ['maker', 'thing'], 'it has happened')
        await addMaker(database, 'known')
        assert.deepStrictEqual(take(), ['maker'], 'once')
        await Promise.all([database.close(), other.close()])
        await way.close()
      })
    }

    test('a change is told before the write returns', async () => {
      const database = await opened()
      const { take } = recording(database)
      await addMaker(database, 'a')
      assert.deepStrictEqual(take(), ['maker'])
      await fixture(database.db).updateTable('maker').set({ name: 'b' }).execute()
      assert.deepStrictEqual(take(), ['maker'])
      await sql`update maker set name = 'c'`.execute(database.db)
      assert.deepStrictEqual(take(), ['maker'])
    })

    test('what changed nothing is not told, nor what only reads', async () => {
      const database = await opened()
      const { take } = recording(database)
      await fixture(database.db).updateTable('maker').set({ name: 'b' }).execute()
      await fixture(database.db).selectFrom('maker').selectAll().execute()
      assert.deepStrictEqual(take(), [])
    })

    test('a transaction tells once, after its commit, and nothing when it is rolled back', async () => {
      const database = await opened()
      const { heard, take } = recording(database)
      await database.transaction(async trx => {
        await fixture(trx).insertInto('maker').values({ maker_id: 'a', name: 'a' }).execute()
        await fixture(trx).insertInto('maker').values({ maker_id: 'b', name: 'b' }).execute()
        await fixture(trx).insertInto('thing').values({ name: 'x' }).execute()
        assert.deepStrictEqual(heard, [])
      })
      assert.deepStrictEqual(take(), ['maker', 'thing'])
      await assert.rejects(
        database.transaction(async trx => {
          await fixture(trx).deleteFrom('maker').execute()
          throw new Error('on purpose')
        }),
      )
      assert.deepStrictEqual(take(), [])
    })

    test('a delete is told of every table that it reaches by foreign keys', async () => {
      const database = await opened()
      const db = fixture(database.db)
      const { take } = recording(database)
      await addMaker(database, 'm')
      const { id } = await db.insertInto('thing').values({ name: 'x' }).returning('id').executeTakeFirstOrThrow()
      await db.insertInto('part').values({ part_id: 'p', thing: id, label: 'p', maker: 'm' }).execute()
      take()
      await db.deleteFrom('maker').execute()
      assert.deepStrictEqual(take(), ['maker', 'part'])
      await db.deleteFrom('thing').execute()
      assert.deepStrictEqual(take(), ['part', 'scrap', 'thing'])
    })

    test('single rows are told of where the statement says which, and else the table', async () => {
      const database = await opened({ rowKeys: { maker: 'maker_id', part: 'thing' } })
      const db = fixture(database.db)
      const heard: string[] = []
      database.feed.onChange(['maker', 'part', 'thing'], changed => heard.push(textsOf(changed).toSorted().join(' ')))
      const told = () => heard.splice(0).join(', ')
      await addMaker(database, 'a')
      assert.equal(told(), 'maker=a')
      await db
        .insertInto('maker')
        .values([
          { maker_id: 'b', name: 'b' },
          { maker_id: 'c', name: 'c' },
        ])
        .execute()
      assert.equal(told(), 'maker=b maker=c')
      await db.updateTable('maker').set({ name: 'x' }).where('name', 'like', '_').where('maker_id', '=', 'b').execute()
      assert.equal(told(), 'maker=b')
      await db.updateTable('maker').set({ name: 'y' }).where('maker_id', 'in', ['b', 'c']).execute()
      assert.equal(told(), 'maker=b maker=c')
      await db.updateTable('maker').set({ name: 'z' }).execute()
      assert.equal(told(), 'maker', 'any row')
      await db
        .updateTable('maker')
        .set({ name: 'z' })
        .where(eb => eb.or([eb('maker_id', '=', 'b'), eb('name', '=', 'z')]))
        .execute()
      assert.equal(told(), 'maker', 'one of several conditions')
      const again = db.insertInto('maker').values({ maker_id: 'c', name: 'again' })
      await again.onConflict(conflict => conflict.column('maker_id').doUpdateSet({ name: 'again' })).execute()
      assert.equal(told(), 'maker=c', 'the row that is there')
      await again.onConflict(conflict => conflict.column('maker_id').doUpdateSet({ maker_id: 'd' })).execute()
      assert.equal(told(), 'maker')
      await db.updateTable('maker').set({ maker_id: 'c' }).where('name', '=', 'again').execute()
      told()
      await db.updateTable('maker').set({ maker_id: 'd' }).where('maker_id', '=', 'c').execute()
      assert.equal(told(), 'maker', 'a row that goes from one to the other')
      await addMaker(database, 'odd key')
      assert.equal(told(), 'maker', 'a key that cannot be told')
      await sql`update maker set name = 'a' where maker_id = 'a'`.execute(database.db)
      assert.equal(told(), 'maker', 'what was written by hand')
      const { id } = await db.insertInto('thing').values({ name: 't' }).returning('id').executeTakeFirstOrThrow()
      assert.equal(told(), 'thing', 'a table that nobody asked it of')
      await db.insertInto('part').values({ part_id: 'p', thing: id, label: 'p', maker: 'b' }).execute()
      assert.equal(told(), `part=${id}`)
      await db.deleteFrom('maker').where('maker_id', '=', 'b').execute()
      assert.equal(told(), 'maker=b part', 'what a delete reaches')
      await database.transaction(async trx => {
        await fixture(trx).updateTable('maker').set({ name: 'z' }).where('maker_id', '=', 'a').execute()
        await fixture(trx).insertInto('maker').values({ maker_id: 'e', name: 'e' }).execute()
      })
      assert.equal(told(), 'maker=a maker=e')
      const many = Array.from({ length: 51 }, (_, index) => ({ maker_id: `m${index}`, name: 'many' }))
      await db.insertInto('maker').values(many).execute()
      assert.equal(told(), 'maker', 'more than is worth telling')
    })

    test('a row that gets its key by itself is new, and a statement that was compiled ahead names its rows', async () => {
      const database = await opened({ rowKeys: { thing: 'id' } })
      const heard: string[] = []
      database.feed.onChange(['thing'], changed => heard.push(...textsOf(changed)))
      const { id } = await fixture(database.db).insertInto('thing').values({ name: 't' }).returning('id').executeTakeFirstOrThrow()
      const rename = statement(
        (db, name: string, id: number) => fixture(db).updateTable('thing').set({ name }).where('id', '=', id) as never,
      )
      await rename.all(database.db, 'u', id)
      assert.deepEqual(heard, ['thing=', engine === 'sqlite' ? `thing=${id}` : 'thing'])
    })

    test('only tables that were named can be watched, and a watcher can leave', async () => {
      const database = await opened()
      assert.throws(() => database.feed.onChange(['tag'], () => {}), /tag is not among the watched tables/)
      let told = 0
      const leave = database.feed.onChange(['maker', 'thing'], () => told++)
      await addMaker(database, 'a')
      leave()
      await addMaker(database, 'b')
      assert.equal(told, 1)
    })

    test('a watcher that fails is reported and the others are told', async () => {
      const reported: unknown[] = []
      const database = await opened({ report: error => reported.push(error) })
      const failure = new Error('on purpose')
      database.feed.onChange(['maker'], () => {
        throw failure
      })
      const { take } = recording(database)
      await addMaker(database, 'a')
      assert.deepStrictEqual([take(), reported], [['maker'], [failure]])
    })

    test('a change by another process is told', async () => {
      const where = await place()
      let clock = 0
      const here = await reopen(where, { watchedTables, elapsed: () => clock })
      await migrateFixture(here)
      const there = await reopen(where, { watchedTables, rowKeys: { maker: 'maker_id' } })
      const told = Promise.withResolvers<void>()
      const others = recording(there)
      const { take } = recording(here)
      here.feed.onChange(['maker'], () => told.resolve())
      here.feed.check()
      assert.deepStrictEqual(take(), [])
      await addMaker(there, 'a')
      assert.deepStrictEqual(others.take(), ['maker'], 'its own change is told once')
      if (engine === 'sqlite') {
        clock += 249
        here.feed.check()
        assert.deepStrictEqual(take(), [], 'looks at most every 250 ms')
        clock += 1
        here.feed.check()
        assert.deepStrictEqual(take(), watchedTables, 'does not know which')
        clock += 250
        here.feed.check()
        assert.deepStrictEqual(take(), [], 'knows that one now')
      } else {
        await told.promise
        assert.deepStrictEqual(take(), ['maker'])
        const rows = Promise.withResolvers<string[]>()
        here.feed.onChange(['maker'], changed => rows.resolve(textsOf(changed)))
        await addMaker(there, 'b')
        assert.deepStrictEqual(await rows.promise, ['maker=b'], 'and which row')
      }
    })

    if (engine === 'postgres') {
      test('when the listening connection is lost nothing is trusted until it is back', async () => {
        let clock = 0
        const reported: unknown[] = []
        const lost = Promise.withResolvers<void>()
        const report = (error: unknown) => {
          reported.push(error)
          lost.resolve()
        }
        const database = await opened({ report, elapsed: () => clock })
        const { take } = recording(database)
        const back = Promise.withResolvers<void>()
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and query in ('listen signet_change', 'select 1')`.execute(
          database.db,
        )
        await lost.promise
        clock += 250
        database.feed.check()
        assert.deepStrictEqual(take(), watchedTables)
        database.feed.onChange(['maker'], () => back.resolve())
        await back.promise
        assert.deepStrictEqual(take(), watchedTables)
        clock += 250
        database.feed.check()
        assert.deepStrictEqual(take(), [])
        assert.equal(reported.length, 1)
      })

      test('a listening connection that went silent is trusted for less than a second', async () => {
        const where = (await place()) as Extract<DatabaseOptions, { engine: 'postgres' }>
        const network = await silencing(where)
        let clock = 0
        const here = await reopen({ ...where, host: '127.0.0.1', port: network.port }, { watchedTables, elapsed: () => clock })
        await migrateFixture(here)
        const there = await reopen(where, { watchedTables })
        const { take } = recording(here)
        await network.asked()
        network.silence()
        await addMaker(there, 'unheard')
        clock += 750
        here.feed.check()
        assert.deepStrictEqual(take(), [], 'as long as a connection may take to answer')
        clock += 250
        here.feed.check()
        assert.deepStrictEqual(take(), watchedTables)
        assert.equal((await fixture(here.db).selectFrom('maker').select('name').execute()).length, 1, 'everything else goes on')
        await here.close()
        await network.close()
      })

      test('a first notification that takes its time is waited for', async () => {
        const where = (await place()) as Extract<DatabaseOptions, { engine: 'postgres' }>
        const network = await silencing(where, { tardy: true })
        let clock = 0
        const here = await reopen({ ...where, host: '127.0.0.1', port: network.port }, { watchedTables, elapsed: () => clock })
        const { take } = recording(here)
        clock += 250
        here.feed.check()
        assert.deepStrictEqual(take(), [], 'it is heard')
        await here.close()
        await network.close()
      })

      test('one that answers is trusted on', async () => {
        const where = (await place()) as Extract<DatabaseOptions, { engine: 'postgres' }>
        const network = await silencing(where)
        let clock = 0
        const here = await reopen({ ...where, host: '127.0.0.1', port: network.port }, { watchedTables, elapsed: () => clock })
        const { take } = recording(here)
        clock += 5000
        await network.asked()
        await network.asked() // the one before it was answered
        here.feed.check()
        assert.deepStrictEqual(take(), [])
        await here.close()
        await network.close()
      })

      test('writing a table that cannot be watched notifies nobody', async () => {
        const where = await place()
        const database = await reopen(where, { watchedTables: ['maker'] })
        await migrateFixture(database)
        const listener = new Client(where as ClientConfig)
        await listener.connect()
        const first = Promise.withResolvers<string | undefined>()
        listener.on('notification', ({ payload }) => first.resolve(payload))
        await listener.query('listen signet_change')
        await fixture(database.db).insertInto('thing').values({ name: 'quiet' }).execute()
        await addMaker(database, 'loud')
        assert.match((await first.promise) ?? '', /^[0-9a-f-]{36}:maker$/)
        await listener.end()
      })
    }
  })
}
