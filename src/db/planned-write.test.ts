import { sql } from 'kysely'
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { databases } from '../../test/databases.ts'
import type { Database, Db } from './database.ts'
import { asConstraintError } from './database.ts'
import { fixture, migrateFixture } from './fixture.ts'
import { commitTogether, required } from './planned-write.ts'
import { statement } from './statement.ts'

const addMaker = statement((db, id: string, name: string) => fixture(db).insertInto('maker').values({ maker_id: id, name }))
const addPart = statement((db, id: string, maker: string) =>
  fixture(db).insertInto('part').values({ part_id: id, label: id, thing: 1, maker }),
)
/** Renames a maker that still has its first name: for one, and nobody after. */
const spend = statement((db, id: string) =>
  fixture(db).updateTable('maker').set({ name: 'spent' }).where('maker_id', '=', id).where('name', '=', 'new').returning('maker_id'),
)

for (const { engine, open } of databases()) {
  suite(`writes that are planned, on ${engine}`, () => {
    let database: Database
    const reported: unknown[] = []
    before(async () => {
      database = await open({ report: error => reported.push(error), watchedTables: ['maker', 'part'] })
      await migrateFixture(database)
      await fixture(database.db).insertInto('thing').values({ name: 'one' }).execute()
    })
    const commit = (...writes: Parameters<Database['commit']>[0]) => commitTogether({ db: database.db, database }, writes)
    const makers = async (prefix: string) =>
      (await fixture(database.db).selectFrom('maker').select('maker_id').where('maker_id', 'like', `${prefix}%`).execute())
        .map(row => row.maker_id)
        .toSorted()
    const add = (db: Db, id: string) => addMaker.all(db, id, 'new')

    test('a list happens as a whole, in its order, and can be read when it is answered', async () => {
      await commit(addMaker.planned('order', 'new'), addPart.planned('order', 'order'), required(spend.planned('order'), assert.fail))
      const found = await fixture(database.db).selectFrom('maker').selectAll().where('maker_id', '=', 'order').execute()
      assert.deepEqual(found, [{ maker_id: 'order', name: 'spent' }])
    })

    test('of many lists at once those that fail hear their own error, and the others are kept', async () => {
      await commit(addMaker.planned('many-taken', 'new'))
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) => {
          if (index === 3) return commit(addMaker.planned(`many-${index}`, 'new'), addMaker.planned('many-taken', 'again'))
          if (index === 5) return commit(addMaker.planned(`many-${index}`, 'new'), addPart.planned('many', 'nobody'))
          if (index === 7) {
            const missing = () => new Error('spent before')
            return commit(addMaker.planned(`many-${index}`, 'new'), required(spend.planned('nothing'), missing))
          }
          if (index === 9) return commit(addMaker.planned(`many-${index}`, 'with \0'))
          return commit(addMaker.planned(`many-${index}`, 'new'))
        }),
      )
      const failures = outcomes.flatMap((outcome, index) =>
        outcome.status === 'rejected' ? [[index, outcome.reason as Error] as const] : [],
      )
      assert.deepEqual(
        failures.map(([index, error]) => [index, asConstraintError(error)?.kind ?? error.message]),
        [
          [3, 'unique'],
          [5, 'foreign_key'],
          [7, 'spent before'],
          [9, 'text with a NUL character cannot be stored'],
        ],
      )
      assert.deepEqual(await makers('many-'), [
        'many-0',
        'many-1',
        'many-10',
        'many-11',
        'many-2',
        'many-4',
        'many-6',
        'many-8',
        'many-taken',
      ])
    })

    test('of fifty that spend the same thing one wins, and the others find what it did', async () => {
      await commit(addMaker.planned('race', 'new'))
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          commit(
            required(spend.planned('race'), () => new Error('too late')),
            addMaker.planned(`race-${index}`, 'new'),
          ).then(
            () => 'won',
            async (error: Error) => `${error.message}, ${(await makers('race-')).length} won`,
          ),
        ),
      )
      assert.deepEqual(outcomes.toSorted(), [...Array<string>(49).fill('too late, 1 won'), 'won'])
    })

    test('beside ordinary transactions and single statements each keeps its own', async () => {
      const failure = new Error('changed its mind')
      const outcomes = await Promise.allSettled([
        database.transaction(trx => add(trx, 'mixed-a')),
        commit(addMaker.planned('mixed-b', 'new')),
        database.transaction(async trx => {
          await add(trx, 'mixed-c')
          throw failure
        }),
        add(database.db, 'mixed-d'),
        commit(addMaker.planned('mixed-e', 'new'), addMaker.planned('mixed-d', 'new')),
        add(database.db, 'mixed-d'),
        commit(addMaker.planned('mixed-f', 'new')),
      ])
      const kept = await makers('mixed-')
      assert.deepEqual(
        outcomes.map(({ status }) => status === 'fulfilled').filter(Boolean).length,
        4,
        'a, b, f, and one of those who want d',
      )
      assert.equal(kept.includes('mixed-c'), false)
      assert.equal(kept.includes('mixed-d'), true)
      assert.equal(kept.includes('mixed-e'), outcomes[4].status === 'fulfilled')
    })

    test('inside an open transaction it happens there, and goes with it', async () => {
      const kept: string[] = []
      const write = (id: string) => ({ ...addMaker.planned(id, 'new'), kept: () => void kept.push(id) })
      await database.transaction(async trx => {
        await commitTogether({ db: trx, database }, [write('inside-a'), required(spend.planned('inside-a'), assert.fail)])
        assert.deepEqual(kept, [])
      })
      await assert.rejects(
        database.transaction(async trx => {
          await commitTogether({ db: trx, database }, [write('inside-b')])
          await commitTogether({ db: trx, database }, [required(spend.planned('inside-none'), () => new Error('none'))])
        }),
        /none/,
      )
      assert.deepEqual([await makers('inside-'), kept], [['inside-a'], ['inside-a']])
    })

    test('from inside a transaction, but past it, it is refused instead of waiting for ever', async () => {
      await assert.rejects(
        database.transaction(async trx => {
          await add(trx, 'past')
          await commit(addMaker.planned('past-b', 'new'))
        }),
        /pass the transaction on/,
      )
      assert.deepEqual(await makers('past'), [])
    })

    if (engine === 'sqlite')
      test('eight that come again and again share their commits', async () => {
        let commits = 0
        const stop = database.feed.onChange(['maker'], () => void commits++)
        const ten = Array.from({ length: 10 }, (_, index) => index)
        await Promise.all(
          ten.slice(2).map(async client => {
            for (const round of ten) await commit(addMaker.planned(`again-${client}-${round}`, 'new'))
          }),
        )
        stop()
        assert.equal((await makers('again-')).length, 80)
        assert.ok(commits <= 20, `${commits} commits`)
      })

    test('the change feed tells of what was committed alone, before it is answered', async () => {
      let told = 0
      const stop = database.feed.onChange(['part'], () => void told++)
      await commit(addMaker.planned('feed', 'new'))
      assert.equal(told, 0)
      await assert.rejects(commit(addPart.planned('feed', 'feed'), addMaker.planned('feed', 'again')))
      assert.equal(told, 0)
      await commit(addPart.planned('feed', 'feed'))
      assert.equal(told, 1)
      stop()
    })

    test('what is to follow the commit follows it, and what fails then is reported and spoils nothing', async () => {
      const failure = new Error('too late')
      const order: string[] = []
      const broken = () => {
        throw failure
      }
      await commit(
        { ...addMaker.planned('kept', 'new'), kept: broken },
        { ...addPart.planned('kept', 'kept'), kept: () => void order.push('kept') },
      )
      order.push('answered')
      await assert.rejects(commit({ ...addMaker.planned('kept', 'new'), kept: () => void order.push('never') }))
      assert.deepEqual([order, reported.splice(0)], [['kept', 'answered'], [failure]])
    })

    test('a schema that changes among them harms none', async () => {
      await Promise.all([
        commit(addMaker.planned('schema-a', 'new')),
        sql`create table while_planned (a integer)`.execute(database.db),
        commit(addMaker.planned('schema-b', 'new')),
      ])
      assert.deepEqual(await makers('schema-'), ['schema-a', 'schema-b'])
    })
  })
}
