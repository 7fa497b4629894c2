import assert from 'node:assert/strict'
import type { Kysely } from 'kysely'
import { test } from 'node:test'
import { databases } from '../../../test/databases.ts'
import { migrate, type Migration } from '../migrate.ts'
import { up } from './20261122T1600_access_lists.ts'

/** As much of the schema as the migration touches. */
const before: Migration = {
  name: '1',
  async up(schema) {
    await schema.table(
      'policy_binding',
      t => [
        t.id(),
        t.uuid('target'),
        t.integer('order'),
        t.flag('enabled'),
        t.flag('negate'),
        t.uuid('policy'),
        t.uuid('group'),
        t.integer('user'),
      ],
      { index: [['target', 'order']] },
    )
    await schema.table('provider_oauth2', t => [t.id(), t.json('redirect_uris')])
  },
}

const strict = (url: string, more: object = {}) => ({ matching_mode: 'strict', url, ...more })
const pattern = { matching_mode: 'regex', url: 'https://.*\\.example\\.test/callback' }

const CASES: readonly [uris: object[], site: string | null][] = [
  [[], null],
  [[strict('https://app.example.test:8443/callback?a=b')], 'https://app.example.test:8443'],
  [[pattern, strict('http://app.example.test/callback')], 'http://app.example.test'],
  [[pattern], null],
  [[strict('https://app.example.test/bye', { redirect_uri_type: 'logout' })], null],
  [[strict('app.example:/callback', { redirect_uri_type: 'authorization' })], null],
  [[strict('no address')], null],
]

for (const { engine, open } of databases()) {
  test(`providers that are there get the site that their redirect URIs suggest, on ${engine}`, async () => {
    const database = await open()
    const options = { now: () => new Date(0), programVersion: '1.0.0' }
    await migrate(database, [before], options)
    // The tables of that moment, which no type knows.
    // oxlint-disable-next-line typescript/no-explicit-any
    const db: Kysely<any> = database.db
    await db
      .insertInto('provider_oauth2')
      .values(CASES.map(([uris], index) => ({ id: index + 1, redirect_uris: JSON.stringify(uris) })))
      .execute()
    await migrate(database, [before, { name: '2', up }], options)
    const rows = await db.selectFrom('provider_oauth2').select('site').orderBy('id').execute()
    assert.deepEqual(
      rows.map(row => row.site as unknown),
      CASES.map(([, site]) => site),
    )
  })
}
