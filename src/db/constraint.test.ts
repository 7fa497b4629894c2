import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { databases } from '../../test/databases.ts'
import type { Database } from './database.ts'
import { asConstraintError } from './database.ts'
import { fixture, migrateFixture } from './fixture.ts'

for (const { engine, open } of databases()) {
  suite(`broken constraints on ${engine}`, () => {
    let database: Database
    let thing: number
    before(async () => {
      database = await open()
      await migrateFixture(database)
      const db = fixture(database.db)
      thing = (await db.insertInto('thing').values({ name: 'one' }).returning('id').executeTakeFirstOrThrow()).id
      await db.insertInto('part').values({ part_id: 'p', thing, label: 'a' }).execute()
      await db.insertInto('tag').values({ thing, name: 't' }).execute()
    })

    const broken = async (query: { execute(): Promise<unknown> }) => {
      const error = await query.execute().then(
        () => assert.fail('should have been refused'),
        (thrown: unknown) => thrown,
      )
      const constraint = asConstraintError(error)
      assert.ok(constraint, `not recognised: ${String(error)}`)
      assert.equal(constraint.cause, error)
      const { kind, table, columns } = constraint
      return { kind, table, columns }
    }

    test('unique, by one column, by several and by the primary key', async () => {
      const db = fixture(database.db)
      assert.deepStrictEqual(await broken(db.insertInto('thing').values({ name: 'one' })), {
        kind: 'unique',
        table: 'thing',
        columns: ['name'],
      })
      assert.deepStrictEqual(await broken(db.insertInto('part').values({ part_id: 'q', thing, label: 'a' })), {
        kind: 'unique',
        table: 'part',
        columns: ['thing', 'label'],
      })
      assert.deepStrictEqual(await broken(db.insertInto('tag').values({ thing, name: 't' })), {
        kind: 'unique',
        table: 'tag',
        columns: ['thing', 'name'],
      })
    })

    test('foreign key, by insert and by a delete that is restricted', async () => {
      const db = fixture(database.db)
      const expected = { kind: 'foreign_key', table: undefined, columns: undefined }
      assert.deepStrictEqual(await broken(db.insertInto('part').values({ part_id: 'q', thing: 999, label: 'b' })), expected)
      assert.deepStrictEqual(await broken(db.deleteFrom('thing').where('id', '=', thing)), expected)
    })

    test('not null', async () => {
      const query = fixture(database.db)
        .insertInto('thing')
        .values({ name: null as never })
      assert.deepStrictEqual(await broken(query), { kind: 'not_null', table: 'thing', columns: ['name'] })
    })

    test('other errors are none', async () => {
      assert.equal(asConstraintError(new Error('other')), undefined)
      assert.equal(asConstraintError(undefined), undefined)
      await assert.rejects(
        database.db
          .selectFrom('nowhere' as never)
          .selectAll()
          .execute(),
        error => asConstraintError(error) === undefined,
      )
    })

    test('deleting cascades and sets null as declared', async () => {
      const db = fixture(database.db)
      const { id } = await db.insertInto('thing').values({ name: 'two' }).returning('id').executeTakeFirstOrThrow()
      await db.insertInto('maker').values({ maker_id: 'm', name: 'm' }).execute()
      await db.insertInto('part').values({ part_id: 'r', thing: id, label: 'x', maker: 'm' }).execute()
      await db.insertInto('scrap').values({ part: 'r', why: 'old' }).execute()
      await db.deleteFrom('maker').execute()
      assert.deepStrictEqual(await db.selectFrom('part').select('maker').where('part_id', '=', 'r').execute(), [{ maker: null }])
      await db.deleteFrom('thing').where('id', '=', id).execute()
      assert.deepStrictEqual(await db.selectFrom('part').select('part_id').where('thing', '=', id).execute(), [])
      assert.deepStrictEqual(await db.selectFrom('scrap').selectAll().execute(), [])
    })
  })
}
