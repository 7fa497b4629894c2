import { sql } from 'kysely'
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { databases } from '../../test/databases.ts'
import type { Database } from './database.ts'
import { UnstorableTextError } from './database.ts'
import { at, fixture, migrateFixture } from './fixture.ts'
import { jsonValue } from './sql/like.ts'

for (const { engine, open } of databases()) {
  suite(`values on ${engine}`, () => {
    let database: Database
    before(async () => {
      database = await open()
      await migrateFixture(database)
    })

    const row = {
      thing_uuid: '0b5f6d3e-6d7c-4c6e-9a53-0e5c2f2f4a10',
      name: 'Ä round trip ✓',
      size: 9_007_199_254_740_991,
      ratio: 0.1,
      flag: false,
      at,
      data: { list: [1, 'two', null, { three: true }], text: 'ü' },
      raw: new Uint8Array([0, 1, 128, 255]),
    }

    test('an insert that returns its row returns what was written, in plain objects', async () => {
      const { id, ...returned } = await fixture(database.db).insertInto('thing').values(row).returningAll().executeTakeFirstOrThrow()
      assert.equal(typeof id, 'number')
      assert.deepStrictEqual(returned, row)
    })

    test('selects, joins and subqueries decode by the column a value comes from', async () => {
      const db = fixture(database.db)
      const thing = await db.selectFrom('thing').selectAll().where('name', '=', row.name).executeTakeFirstOrThrow()
      assert.deepStrictEqual(thing, { id: thing.id, ...row })
      await db.insertInto('part').values({ part_id: 'p1', thing: thing.id, label: 'one' }).execute()
      const joined = await db
        .selectFrom('part')
        .innerJoin('thing', 'thing.id', 'part.thing')
        .select(['part.label', 'thing.at as seen', 'thing.flag as on', 'thing.data as what', 'thing.raw as bytes', 'part.maker'])
        .execute()
      assert.deepStrictEqual(joined, [{ label: 'one', seen: at, on: false, what: row.data, bytes: row.raw, maker: null }])
      const nested = await db
        .selectFrom(inner => inner.selectFrom('thing').select(['at', 'flag']).as('inner'))
        .selectAll()
        .execute()
      assert.deepStrictEqual(nested, [{ at, flag: false }])
    })

    test('instants, booleans and uuids are found by their values', async () => {
      const found = await fixture(database.db)
        .selectFrom('thing')
        .select('name')
        .where('at', '=', at)
        .where('at', '<', new Date(at.getTime() + 1))
        .where('flag', '=', false)
        .where('thing_uuid', 'in', [row.thing_uuid])
        .execute()
      assert.deepStrictEqual(found, [{ name: row.name }])
    })

    test('counts and sums are numbers', async () => {
      const sums = await fixture(database.db)
        .selectFrom('thing')
        .select(eb => [eb.fn.countAll().as('count'), eb.fn.sum('size').as('sum'), eb.fn.max('size').as('max')])
        .executeTakeFirstOrThrow()
      assert.deepStrictEqual(sums, { count: 1, sum: row.size, max: row.size })
    })

    test('defaults of all kinds are filled in', async () => {
      const made = await fixture(database.db).insertInto('thing').values({ name: 'defaults' }).returningAll().executeTakeFirstOrThrow()
      assert.deepStrictEqual(made, {
        id: made.id,
        thing_uuid: null,
        name: 'defaults',
        size: null,
        ratio: null,
        flag: true,
        at: null,
        data: { made: 'new' },
        raw: null,
      })
    })

    test('every JSON value comes back as it was; null is null', async () => {
      const db = fixture(database.db)
      const scalars = ['text', '', '"quoted"', 5, 1.5, true, false, null, [], {}, ['a', [1]], { a: { b: null } }]
      for (const [index, value] of scalars.entries()) {
        const { data } = await db
          .insertInto('thing')
          .values({ name: `json ${index}`, data: jsonValue(value) })
          .returning('data')
          .executeTakeFirstOrThrow()
        assert.deepStrictEqual(data, value)
      }
    })

    test('JSON that is none is refused by the database', async () => {
      await assert.rejects(fixture(database.db).insertInto('thing').values({ name: 'bad json', data: 'not json' }).execute())
    })

    test('an undefined parameter is refused, and so is an invalid date', async () => {
      const db = fixture(database.db)
      await assert.rejects(
        db
          .selectFrom('thing')
          .selectAll()
          .where('size', '=', undefined as never)
          .execute(),
        /undefined/,
      )
      await assert.rejects(db.selectFrom('thing').selectAll().where('at', '=', new Date(Number.NaN)).execute(), RangeError)
    })

    test('NUL cannot be stored, neither as text nor within JSON', async () => {
      const db = fixture(database.db)
      await assert.rejects(db.insertInto('thing').values({ name: 'a\0b' }).execute(), UnstorableTextError)
      await assert.rejects(
        db
          .insertInto('thing')
          .values({ name: 'nul', data: { a: 'a\0b' } })
          .execute(),
        UnstorableTextError,
      )
      const kept = { a: String.raw`\u0000` }
      const made = await db.insertInto('thing').values({ name: 'no nul', data: kept }).returning('data').executeTakeFirstOrThrow()
      assert.deepStrictEqual(made.data, kept)
    })

    test('unpaired surrogates are replaced, as in any text', async () => {
      const db = fixture(database.db)
      const made = await db
        .insertInto('thing')
        .values({ name: 'broken \ud800 text', data: { a: '\udc00 and 😀' } })
        .returning(['name', 'data'])
        .executeTakeFirstOrThrow()
      assert.deepStrictEqual(made, { name: 'broken \ufffd text', data: { a: '\ufffd and 😀' } })
    })

    test('a number too large to be exact is refused when it is read', async () => {
      const db = fixture(database.db)
      await db
        .insertInto('thing')
        .values({ name: 'huge', size: sql<number>`9007199254740993` })
        .execute()
      await assert.rejects(db.selectFrom('thing').select('size').where('name', '=', 'huge').execute(), /too large/)
      await db.deleteFrom('thing').where('name', '=', 'huge').execute()
    })

    test('text is sorted by code point', async () => {
      const db = fixture(database.db)
      for (const label of ['b', 'B', 'a', 'A', 'ä', '_']) await db.insertInto('maker').values({ maker_id: label, name: label }).execute()
      const sorted = await db.selectFrom('maker').select('name').orderBy('name').execute()
      assert.deepStrictEqual(
        sorted.map(maker => maker.name),
        ['A', 'B', '_', 'a', 'b', 'ä'],
      )
    })

    test('an update tells how many rows it found', async () => {
      const db = fixture(database.db)
      const { numUpdatedRows } = await db.updateTable('maker').set({ name: 'x' }).where('maker_id', 'in', ['a', 'b']).executeTakeFirst()
      assert.equal(numUpdatedRows, 2n)
      const { numDeletedRows } = await db.deleteFrom('maker').executeTakeFirst()
      assert.equal(numDeletedRows, 6n)
    })
  })
}
