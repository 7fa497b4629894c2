import assert from 'node:assert/strict'
import type { Kysely } from 'kysely'
import { test } from 'node:test'
import { databases } from '../../../test/databases.ts'
import { migrate, type Migration } from '../migrate.ts'
import { up } from './20261122T1690_registrant_gone.ts'

/** As much of the schema as the migration touches. */
const before: Migration = {
  name: '1',
  async up(schema) {
    await schema.table('user', t => [t.id()])
    await schema.table('provider_oauth2', t => [t.id()])
    await schema.table('oauth2_registration', t => [
      t.integer('provider').primaryKey().references('provider_oauth2.id', 'cascade'),
      t.integer('parent').references('provider_oauth2.id', 'set null').index(),
      t.integer('user').notNull().references('user.id', 'cascade').index(),
      t.text('token_hash').notNull().unique(),
      t.json('told').notNull(),
      t.instant('issued').notNull(),
    ])
  },
}

for (const { engine, open } of databases()) {
  test(`registrations that are there are kept, and outlive who made them, on ${engine}`, async () => {
    const database = await open()
    const options = { now: () => new Date(0), programVersion: '1.0.0' }
    await migrate(database, [before], options)
    // The tables of that moment, which no type knows.
    // oxlint-disable-next-line typescript/no-explicit-any
    const db: Kysely<any> = database.db
    await db
      .insertInto('user')
      .values([{ id: 1 }, { id: 2 }])
      .execute()
    await db
      .insertInto('provider_oauth2')
      .values([{ id: 7 }, { id: 8 }, { id: 9 }])
      .execute()
    const told = { client_name: 'One', contacts: ['a@example.test'] }
    const rows = [
      { provider: 7, parent: 9, user: 1, token_hash: 'a', told, issued: new Date(1) },
      { provider: 8, parent: null, user: 2, token_hash: 'b', told: {}, issued: new Date(2) },
    ]
    const written = rows.map(row => ({ ...row, told: JSON.stringify(row.told) }))
    await db.insertInto('oauth2_registration').values(written).execute()
    await migrate(database, [before, { name: '2', up }], options)
    const kept = () => db.selectFrom('oauth2_registration').selectAll().orderBy('provider').execute()
    assert.deepEqual(await kept(), rows)
    await db.deleteFrom('user').where('id', '=', 1).execute()
    assert.deepEqual(await kept(), [{ ...rows[0], user: null }, rows[1]])
  })
}
