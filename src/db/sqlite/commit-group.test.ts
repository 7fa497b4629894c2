import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import { CommitGroup, CommitLostError } from './commit-group.ts'
import { openDatabase } from '../database.ts'

/** A database in a file with one table, and how often something of it was committed. */
async function opened(t: TestContext, options: { report?: (error: unknown) => void } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'signet-commit-'))
  const database = await openDatabase({ engine: 'sqlite', file: join(folder, 'db.sqlite'), watchedTables: ['thing'], ...options })
  await sql`create table thing (name text primary key not null)`.execute(database.db)
  let commits = 0
  database.feed.onChange(['thing'], () => void commits++)
  t.after(async () => {
    await database.close()
    rmSync(folder, { recursive: true })
  })
  const add = (db: typeof database.db, name: string) => sql`insert into thing (name) values (${name})`.execute(db)
  const names = async () =>
    (await sql<{ name: string }>`select name from thing order by name`.execute(database.db)).rows.map(row => row.name)
  return { database, add, names, commits: () => commits }
}

const digits = Array.from({ length: 10 }, (_, index) => String(index))

test('transactions that wait for each other share commits, and each is answered after its own', async t => {
  const { database, add, names, commits } = await opened(t)
  await Promise.all(
    digits.map(async name => {
      await database.transaction(trx => add(trx, name))
      assert.ok((await names()).includes(name), 'what was promised can be read')
    }),
  )
  assert.deepEqual(await names(), digits)
  assert.ok(commits() < 10, `${commits()} commits`)
})

test('one that fails among them takes nothing of the others along, whether it throws, breaks a rule or is a single statement', async t => {
  const { database, add, names } = await opened(t)
  const outcomes = await Promise.allSettled([
    database.transaction(trx => add(trx, 'a')),
    database.transaction(async trx => {
      await add(trx, 'b')
      throw new Error('changed its mind')
    }),
    database.transaction(trx => add(trx, 'a')),
    database.db
      .insertInto('thing' as never)
      .values({ name: 'a' } as never)
      .execute(),
    database.db
      .insertInto('thing' as never)
      .values({ name: 'c' } as never)
      .execute(),
    database.transaction(async trx => {
      await add(trx, 'd')
      await add(trx, 'a').catch(() => undefined)
    }),
    sql`pragma wal_checkpoint(passive)`.execute(database.db),
    database.transaction(trx => add(trx, 'e')),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  assert.deepEqual(await names(), ['a', 'c', 'e'])
})

test('whoever fails because of what another did finds that done', async t => {
  const { database, add, names } = await opened(t)
  const outcomes = await Promise.all(
    digits.map(() =>
      database
        .transaction(trx => add(trx, 'same'))
        .then(
          () => 'made',
          async () => ((await names()).includes('same') ? 'found' : 'lost'),
        ),
    ),
  )
  assert.deepEqual(outcomes.toSorted(), [...Array<string>(9).fill('found'), 'made'])
})

test('a single transaction is committed at once', async t => {
  const { database, add, names, commits } = await opened(t)
  for (const name of digits) await database.transaction(trx => add(trx, name))
  assert.deepEqual([commits(), await names()], [10, digits])
})

test('when the database takes everything back, all who share the commit are told so', async () => {
  const connection = new DatabaseSync(':memory:')
  connection.exec('create table thing (name text)')
  const emitted: string[][] = []
  const group = new CommitGroup(connection, {
    emit: tables => void emitted.push([...tables]),
    elapsed: () => 0,
    busy: () => false,
    later: commit => void setImmediate(commit),
  })
  group.begin()
  connection.exec(`insert into thing values ('a')`)
  const first = group.join(['thing'], false)
  group.begin()
  connection.exec(`insert into thing values ('b')`)
  connection.exec('rollback') // as SQLite does by itself when the disk is full
  await group.undo(new Error('disk full'))
  await assert.rejects(first, error => error instanceof CommitLostError && (error.cause as Error).message === 'disk full')
  assert.deepEqual([group.pending, emitted], [false, []])

  group.begin()
  connection.exec(`insert into thing values ('c')`)
  await group.join(['thing'], false)
  assert.deepEqual(
    connection
      .prepare('select name from thing')
      .all()
      .map(({ name }) => name),
    ['c'],
  )
  assert.deepEqual(emitted, [['thing']])
  connection.close()
})

test('a commit waits neither for more than so many, nor for longer than so long, and not at all for a turn that is over', async () => {
  const connection = new DatabaseSync(':memory:')
  let now = 0
  let busy = true
  const commits: number[] = []
  const due: (() => void)[] = []
  let joined = 0
  const group = new CommitGroup(connection, {
    emit: () => void commits.push(joined),
    elapsed: () => now,
    busy: () => busy,
    later: commit => void due.push(commit),
  })
  const add = () => {
    group.begin()
    joined++
    return group.join([], false)
  }
  for (let index = 0; index < 150; index++) {
    void add()
    group.settle(false)
  }
  assert.deepEqual(commits, [64, 128])
  now = 20
  group.settle(false)
  assert.deepEqual(commits, [64, 128, 150])
  const waiting = add()
  due.pop()!()
  group.settle(false)
  assert.equal(commits.length, 3, 'others have the turn')
  busy = false
  group.settle(true)
  await waiting
  assert.deepEqual(commits, [64, 128, 150, 151])
  connection.close()
})

test('whoever comes in the next turn of the event loop is waited for, as long as each turn brings somebody', async () => {
  const connection = new DatabaseSync(':memory:')
  const commits: number[] = []
  const turns: (() => void)[] = []
  let now = 0
  let joined = 0
  const group = new CommitGroup(connection, {
    emit: () => void commits.push(joined),
    elapsed: () => now,
    busy: () => false,
    later: turn => void turns.push(turn),
  })
  const add = () => {
    group.begin()
    joined++
    return group.join([], false)
  }
  const turn = () => turns.shift()!()
  const all = [add()]
  all.push(add())
  turn()
  assert.deepEqual(commits, [], 'the turn brought a second one')
  all.push(add())
  turn()
  assert.deepEqual(commits, [], 'and the next a third')
  turn()
  await Promise.all(all)
  assert.deepEqual([commits, turns.length], [[3], 0])

  void add()
  void add()
  now = 20
  turn()
  assert.deepEqual(commits, [3, 5], 'but for no longer than a moment')
  connection.close()
})

test('whoever waits for a commit is told, also when nobody can be told what it changed, nor of that', async t => {
  const { database, add, names } = await opened(t, {
    report: () => {
      throw new Error('the log is full')
    },
  })
  database.feed.onChange(['thing'], () => {
    throw new Error('the cache has a fault')
  })
  await Promise.all([
    database.transaction(trx => add(trx, 'a')),
    database.db
      .insertInto('thing' as never)
      .values({ name: 'b' } as never)
      .execute(),
    add(database.relaxed, 'c'),
  ])
  await database.transaction(trx => add(trx, 'd'))
  assert.deepEqual(await names(), ['a', 'b', 'c', 'd'])
})

test('a commit that succeeded is told of, whatever hears first what it changed', async () => {
  const connection = new DatabaseSync(':memory:')
  connection.exec('create table thing (name text primary key not null)')
  const group = new CommitGroup(connection, {
    emit: () => {
      throw new Error('nobody hears')
    },
    elapsed: () => 0,
    busy: () => false,
    later: () => undefined,
  })
  group.begin()
  connection.exec("insert into thing values ('a')")
  const kept = group.join([], false)
  assert.throws(() => group.commit(), /nobody hears/)
  await kept
  assert.equal(group.pending, false)
})

test('a transaction that cannot be committed gives the turn to the next, and those whose commit it shared are told', async t => {
  const { database, add, names } = await opened(t)
  const outcomes = await Promise.allSettled([
    database.transaction(trx => add(trx, 'a')),
    database.transaction(trx => sql`rollback`.execute(trx)),
    database.transaction(trx => add(trx, 'c')),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(await names(), ['c'])
})
