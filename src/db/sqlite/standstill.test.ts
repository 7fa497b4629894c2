import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Kysely, sql } from 'kysely'
import { openDatabase } from '../database.ts'
import { Feed } from '../feed.ts'
import { sqliteStoreDialect } from './dialect.ts'
import { MissedSignalError, StandstillError, StandstillWatch, type Obstacles } from './standstill.ts'
import { SqliteStore } from './store.ts'

const folder = (t: TestContext): string => {
  const made = mkdtempSync(join(tmpdir(), 'signet-standstill-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

/** What is told when the looks find this, one after the other; whoever finds nothing is asked to look again. */
async function told(looks: Obstacles[]): Promise<string[]> {
  const heard: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const watch = new StandstillWatch(
    () => {
      const found = looks.shift() ?? new Map<unknown, string>()
      if (looks.length === 0) resolve()
      else if (found.size === 0) setImmediate(() => watch.begin())
      return found
    },
    error => heard.push(error.message.replace(/^.*: /, '')),
    1,
  )
  watch.begin()
  const kept = setInterval(() => {}, 1000) // the watch keeps no process from ending
  await promise
  clearInterval(kept)
  watch.end()
  return heard
}

test('what is waited for longer than from one look to the next is told of, once as long as it lasts', async () => {
  const [disk, other] = [{}, {}]
  assert.deepEqual(await told([new Map([[disk, 'disk']]), new Map([[other, 'other']]), new Map([[disk, 'disk']])]), [])
  const same = new Map([[disk, 'disk']])
  assert.deepEqual(await told([same, same, same, new Map(), same, same]), ['disk', 'disk'])
  assert.deepEqual(await told([same, new Map([...same, [other, 'other']]), new Map([[other, 'other']])]), ['disk', 'other'])
})

test('who waits for a transaction that does not end can be told what that did last', async t => {
  const database = await openDatabase({ engine: 'sqlite', file: join(folder(t), 'db.sqlite') })
  t.after(() => database.close())
  await sql`create table thing (name text primary key not null)`.execute(database.db)
  assert.deepEqual(database.obstacles(), [])
  const [began, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const long = database.transaction(async trx => {
    await sql`insert into thing (name) values (${'a secret'})`.execute(trx)
    began.resolve()
    await goOn.promise
  })
  await began.promise
  assert.deepEqual(database.obstacles(), [], 'nobody waits')
  const waits = sql`insert into thing (name) values ('b')`.execute(database.db)
  while (database.obstacles().length === 0) await new Promise(setImmediate)
  assert.deepEqual(database.obstacles(), ['1 wait for a transaction to end that did last: insert into thing (name) values (?)'])
  goOn.resolve()
  await Promise.all([long, waits])
  assert.deepEqual(database.obstacles(), [])
})

test('a disk that does not answer is reported', async t => {
  const reported = Promise.withResolvers<unknown>()
  const answer = Promise.withResolvers<void>()
  const feed = new Feed({ watched: [], elapsed: () => 0, report: reported.resolve })
  const store = await SqliteStore.open(
    join(folder(t), 'db.sqlite'),
    feed,
    { within: 1000, elapsed: () => 0 },
    {
      sync: () => answer.promise,
      lookEvery: 5,
    },
  )
  const db = new Kysely<{ thing: { name: string } }>({ dialect: sqliteStoreDialect(store) })
  const writes = sql`create table thing (name text primary key not null)`.execute(db)
  const error = await reported.promise
  assert.ok(error instanceof StandstillError)
  assert.match(error.message, /the disk has not answered/)
  answer.resolve()
  await writes
  await store.close()
})

test('a disk that was asked by a thread that slept is asked when another is woken, and that is told of', async t => {
  const heard: unknown[] = []
  const told = Promise.withResolvers<void>()
  const feed = new Feed({
    watched: [],
    elapsed: () => 0,
    report(error) {
      heard.push(error)
      if (heard.length === 2) told.resolve()
      else work.resolve()
    },
  })
  // Stands for work that lies in the pool's queue: done before whatever is brought later.
  const work = Promise.withResolvers<void>()
  const store = await SqliteStore.open(
    join(folder(t), 'db.sqlite'),
    feed,
    { within: 1000, elapsed: () => 0 },
    { sync: () => work.promise, lookEvery: 5 },
  )
  const db = new Kysely<{ thing: { name: string } }>({ dialect: sqliteStoreDialect(store) })
  const writes = sql`create table thing (name text primary key not null)`.execute(db)
  const kept = setInterval(() => {}, 1000) // the watch keeps no process from ending
  await told.promise
  clearInterval(kept)
  assert.ok(heard[0] instanceof StandstillError)
  assert.ok(heard[1] instanceof MissedSignalError)
  await writes
  await store.close()
})
