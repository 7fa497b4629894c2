import assert from 'node:assert/strict'
import { copyFileSync, fdatasync, fstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Kysely, sql } from 'kysely'
import { Feed } from '../feed.ts'
import { sqliteStoreDialect } from './dialect.ts'
import { SqliteStore } from './store.ts'
import { NotDurableError, WalSync } from './wal-sync.ts'
import type { FileSync } from './wal-sync.ts'

let home: string
before(() => void (home = mkdtempSync(join(tmpdir(), 'signet-wal-'))))
after(() => rmSync(home, { recursive: true }))

const realSync = promisify(fdatasync)

type Tables = { item: { name: string } }

async function open(file: string, sync: FileSync) {
  const feed = new Feed({ watched: [], elapsed: () => 0, report: error => assert.fail(String(error)) })
  const store = await SqliteStore.open(file, feed, { within: 1000, elapsed: () => 0 }, { sync })
  const db = new Kysely<Tables>({ dialect: sqliteStoreDialect(store) })
  await sql`create table if not exists item (name text primary key)`.execute(db)
  const relaxed = new Kysely<Tables>({ dialect: sqliteStoreDialect(store, { relaxed: true }) })
  const insert = (name: string) => db.insertInto('item').values({ name }).compile()
  const plan = async (...names: string[]) =>
    void (await store.planned.add(
      names.map(name => ({ compiled: insert(name), parameters: [name] })),
      false,
    ))
  return { db, relaxed, plan, close: async () => (await db.destroy(), store.close()) }
}

test('what was acknowledged is there after a power cut at any moment, also when many commit at once', async () => {
  // What the disk holds is the files as they were when the last sync ended that had begun before.
  let disk = 0
  const onDisk = (index: number) => join(home, `disk-${index}`)
  let syncs = 0
  const file = join(home, 'power')
  const { db, plan, close } = await open(file, async descriptor => {
    const index = ++syncs
    copyFileSync(file, onDisk(index))
    copyFileSync(`${file}-wal`, `${onDisk(index)}-wal`)
    await realSync(descriptor)
    disk = index
  })
  const namesOnDisk = () => {
    const copy = join(home, 'after-the-cut')
    copyFileSync(onDisk(disk), copy)
    copyFileSync(`${onDisk(disk)}-wal`, `${copy}-wal`)
    const connection = new DatabaseSync(copy)
    try {
      return new Set(
        connection
          .prepare('select name from item')
          .all()
          .map(row => row['name']),
      )
    } finally {
      connection.close()
      rmSync(copy)
      rmSync(`${copy}-wal`, { force: true })
      rmSync(`${copy}-shm`, { force: true })
    }
  }
  const write = async (name: string, how: number) => {
    if (how === 0) await plan(name, `${name}-too`)
    else if (how === 1) await db.transaction().execute(trx => trx.insertInto('item').values({ name }).execute())
    else await db.insertInto('item').values({ name }).execute()
    assert.ok(namesOnDisk().has(name), `${name} was acknowledged`)
  }
  await Promise.all(Array.from({ length: 60 }, (_, index) => write(`item-${index}`, index % 3)))
  await write('alone', 0)
  await write('lonely', 1)
  assert.ok(syncs < 60, `60 commits that waited together shared ${syncs} syncs`)
  await close()
})

test('a transaction that changed nothing does not wait for the disk', async () => {
  let syncs = 0
  const { db, close } = await open(join(home, 'idle'), async descriptor => {
    syncs++
    await realSync(descriptor)
  })
  const before = syncs
  await db.transaction().execute(trx => trx.selectFrom('item').selectAll().execute())
  await db.deleteFrom('item').where('name', '=', 'nobody').execute()
  assert.equal(syncs, before)
  await close()
})

test('a relaxed write does not wait for the disk, and is there for everybody at once', async () => {
  let syncs = 0
  const { db, relaxed, close } = await open(join(home, 'relaxed'), async descriptor => {
    syncs++
    await realSync(descriptor)
  })
  const before = syncs
  await relaxed.insertInto('item').values({ name: 'soon' }).execute()
  assert.equal(syncs, before)
  assert.deepEqual(await db.selectFrom('item').selectAll().execute(), [{ name: 'soon' }])
  await close()
})

test('when the disk fails, the commit is refused and nothing is written any more', async () => {
  let broken = false
  const { db, plan, close } = await open(join(home, 'broken'), async descriptor => {
    if (broken) throw Object.assign(new Error('input/output error'), { code: 'EIO' })
    await realSync(descriptor)
  })
  await db.insertInto('item').values({ name: 'good' }).execute()
  broken = true
  const planned = plan('planned')
  await assert.rejects(
    db.transaction().execute(trx => trx.insertInto('item').values({ name: 'lost' }).execute()),
    NotDurableError,
  )
  await assert.rejects(planned, NotDurableError)
  broken = false // The disk says that all is well again, yet what it dropped stays dropped.
  await assert.rejects(db.insertInto('item').values({ name: 'later' }).execute(), NotDurableError)
  await assert.rejects(plan('planned later'), NotDurableError)
  await assert.rejects(
    db.transaction().execute(trx => trx.selectFrom('item').selectAll().execute()),
    NotDurableError,
  )
  assert.equal(
    (await db.selectFrom('item').selectAll().execute()).some(({ name }) => name === 'good'),
    true,
  )
  await close()
})

test('the log is closed when all who wait for the disk have been answered', async () => {
  const file = join(home, 'closing')
  writeFileSync(`${file}-wal`, '')
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let synced = 0
  const log = new WalSync(file, async descriptor => {
    await gates[synced]!.promise
    fstatSync(descriptor)
    synced++
  })
  const [first, second] = [log.durable(), log.durable()]
  const closed = log.close()
  gates[0]!.resolve()
  await first
  // Time enough for a file to be closed: as much as some looks at a file take, one after the other.
  for (let looks = 0; looks < 10; looks++) await stat('.')
  gates[1]!.resolve()
  await Promise.all([second, closed])
  assert.equal(synced, 2)
})
