import { AbortedTransactionError, sql } from 'kysely'
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { databases } from '../../test/databases.ts'
import type { Database, Db } from './database.ts'
import { afterCommit, asConstraintError, attempt, inTransaction } from './database.ts'
import { fixture, migrateFixture } from './fixture.ts'

for (const { engine, open } of databases()) {
  suite(`transactions on ${engine}`, () => {
    let database: Database
    before(async () => {
      database = await open({ report: error => reported.push(error) })
      await migrateFixture(database)
    })
    const reported: unknown[] = []

    const add = (db: Db, name: string) => fixture(db).insertInto('maker').values({ maker_id: name, name }).execute()
    const exists = async (db: Db, name: string) =>
      (await fixture(db).selectFrom('maker').selectAll().where('maker_id', '=', name).execute()).length === 1

    test('a rollback leaves nothing, and passes the error on', async () => {
      const failure = new Error('on purpose')
      const failing = database.transaction(async trx => {
        await add(trx, 'gone')
        assert.equal(await exists(trx, 'gone'), true)
        throw failure
      })
      await assert.rejects(failing, failure)
      assert.equal(await exists(database.db, 'gone'), false)
    })

    test('a transaction returns what its function returns', async () => {
      assert.equal(await database.transaction(async () => 5), 5)
    })

    test('inTransaction joins the open transaction and else makes one', async () => {
      await assert.rejects(
        database.transaction(async outer => {
          await inTransaction(database, outer, async inner => {
            assert.equal(inner, outer)
            await add(inner, 'joined')
          })
          throw new Error('on purpose')
        }),
      )
      assert.equal(await exists(database.db, 'joined'), false)
      await inTransaction(database, database.db, async trx => {
        assert.equal(trx.isTransaction, true)
        await add(trx, 'made')
      })
      assert.equal(await exists(database.db, 'made'), true)
    })

    test('afterCommit functions run after the outermost commit, in order; at once outside; never after a rollback', async () => {
      const order: string[] = []
      afterCommit(database.db, () => order.push('outside'))
      await database.transaction(async trx => {
        afterCommit(trx, () => order.push('first'))
        await inTransaction(database, trx, async inner => afterCommit(inner, () => order.push('second')))
        await add(trx, 'ordered')
        order.push('inside')
      })
      order.push('returned')
      await assert.rejects(
        database.transaction(async trx => {
          afterCommit(trx, () => order.push('never'))
          throw new Error('on purpose')
        }),
      )
      assert.deepStrictEqual(order, ['outside', 'inside', 'first', 'second', 'returned'])
    })

    test('an afterCommit function that fails is reported and spoils nothing', async () => {
      const failure = new Error('too late')
      let next = false
      await database.transaction(async trx => {
        afterCommit(trx, () => {
          throw failure
        })
        afterCommit(trx, () => (next = true))
      })
      assert.equal(next, true)
      assert.deepStrictEqual(reported, [failure])
    })

    test('what is not committed is not seen, and reading does not wait for it', async () => {
      const inside = Promise.withResolvers<void>()
      const goOn = Promise.withResolvers<void>()
      const writing = database.transaction(async trx => {
        await add(trx, 'slow')
        inside.resolve()
        await goOn.promise
      })
      await inside.promise
      assert.equal(await exists(database.db, 'slow'), false)
      goOn.resolve()
      await writing
      assert.equal(await exists(database.db, 'slow'), true)
    })

    test('a write beside an open transaction happens after it or beside it, but happens', async () => {
      const inside = Promise.withResolvers<void>()
      const goOn = Promise.withResolvers<void>()
      const writing = database.transaction(async trx => {
        await add(trx, 'holder')
        inside.resolve()
        await goOn.promise
      })
      await inside.promise
      const beside = add(database.db, 'beside')
      goOn.resolve()
      await Promise.all([writing, beside])
      assert.equal(await exists(database.db, 'beside'), true)
    })

    test('of transactions that change one row at once, none is lost', async () => {
      const db = fixture(database.db)
      const { id } = await db.insertInto('thing').values({ name: 'counter', size: 0 }).returning('id').executeTakeFirstOrThrow()
      const increment = () =>
        database.transaction(async trx => {
          await fixture(trx)
            .updateTable('thing')
            .set({ size: sql`size + 1` as never })
            .where('id', '=', id)
            .execute()
          return (await fixture(trx).selectFrom('thing').select('size').where('id', '=', id).executeTakeFirstOrThrow()).size
        })
      const seen = await Promise.all(Array.from({ length: 8 }, increment))
      assert.deepStrictEqual(
        seen.toSorted((a, b) => a! - b!),
        [1, 2, 3, 4, 5, 6, 7, 8],
      )
    })

    test('a write inside a transaction that does not go through it is refused instead of waiting for ever', async () => {
      await assert.rejects(
        database.transaction(async trx => {
          await add(trx, 'proper')
          await add(database.db, 'improper')
        }),
        /pass the transaction on/,
      )
      assert.equal(await exists(database.db, 'proper'), false)
    })

    test('after a failed statement the transaction can only be rolled back', async () => {
      await add(database.db, 'taken')
      await assert.rejects(
        database.transaction(async trx => {
          await assert.rejects(add(trx, 'taken'))
          await add(trx, 'more')
        }),
        (error: Error) => asConstraintError(error) === undefined,
      )
      await assert.rejects(
        database.transaction(async trx => {
          await add(trx, 'before')
          await assert.rejects(add(trx, 'taken'))
        }),
        AbortedTransactionError,
      )
      assert.equal(await exists(database.db, 'before'), false)
    })

    test('attempt undoes what failed and lets the transaction go on', async () => {
      const order: string[] = []
      await database.transaction(async trx => {
        await add(trx, 'kept')
        const failed = attempt(trx, async () => {
          await add(trx, 'undone')
          afterCommit(trx, () => order.push('undone'))
          await add(trx, 'kept')
        })
        await assert.rejects(failed, error => asConstraintError(error)?.kind === 'unique')
        await attempt(trx, () => add(trx, 'tried'))
        afterCommit(trx, () => order.push('done'))
      })
      assert.deepStrictEqual(await Promise.all(['kept', 'undone', 'tried'].map(name => exists(database.db, name))), [true, false, true])
      assert.deepStrictEqual(order, ['done'])
    })

    test('a deadlock is tried again', async () => {
      const db = fixture(database.db)
      const [a, b] = await db
        .insertInto('thing')
        .values([{ name: 'left' }, { name: 'right' }])
        .returning('id')
        .execute()
      const touch = (trx: Db, id: number) =>
        fixture(trx)
          .updateTable('thing')
          .set({ size: sql`coalesce(size, 0) + 1` as never })
          .where('id', '=', id)
          .execute()
      const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
      let runs = 0
      const cross = (first: number, second: number, mine: PromiseWithResolvers<void>, other: PromiseWithResolvers<void>) =>
        database.transaction(async trx => {
          runs++
          await touch(trx, first)
          mine.resolve()
          // On SQLite the other transaction cannot have begun.
          if (engine === 'postgres') await other.promise
          await touch(trx, second)
        })
      await Promise.all([cross(a!.id, b!.id, both[0], both[1]), cross(b!.id, a!.id, both[1], both[0])])
      assert.equal(runs, engine === 'postgres' ? 3 : 2)
      const sizes = await db.selectFrom('thing').select('size').where('name', 'in', ['left', 'right']).execute()
      assert.deepStrictEqual(sizes, [{ size: 2 }, { size: 2 }])
    })
  })
}
