import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { before, suite, test } from 'node:test'
import { databases } from '../../../test/databases.ts'
import type { Database } from '../database.ts'
import { fixture, migrateFixture } from '../fixture.ts'
import { amongKeys } from './keys.ts'

for (const { engine, open } of databases()) {
  suite(`rows by many keys on ${engine}`, () => {
    const odd = ['plain', 'com,ma', 'quo"te', String.raw`back\slash`, '{brace}', 'NULL', '', "apo'strophe"]
    let database: Database
    before(async () => {
      database = await open()
      await migrateFixture(database)
      for (const key of odd) await fixture(database.db).insertInto('maker').values({ maker_id: key, name: key }).execute()
    })

    const found = async (keys: string[]) =>
      (
        await fixture(database.db)
          .selectFrom('maker')
          .select('maker_id')
          .where(amongKeys(database.db, sql.ref('maker_id'), keys))
          .execute()
      ).map(row => row.maker_id)

    test('every key stands for itself', async () => {
      for (const key of odd) assert.deepEqual(await found([key]), [key])
      assert.deepEqual((await found(odd)).sort(), odd.toSorted())
      assert.deepEqual(await found([]), [])
    })

    test('there may be more keys than a statement has parameters', async () => {
      const many = Array.from({ length: 70_000 }, (_, index) => `other ${index}`)
      assert.deepEqual(await found([...many, 'plain']), ['plain'])
    })
  })
}
