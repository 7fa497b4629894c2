import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { before, suite, test } from 'node:test'
import { databases } from '../../../test/databases.ts'
import type { Database } from '../database.ts'
import { fixture, migrateFixture } from '../fixture.ts'
import { textContains } from './search-text.ts'

const rows = [
  ['ada', 'Ada Lovelace'],
  ['straße', 'MÜLLER-LÜDENSCHEIDT'],
  ['per_cent', '100% Zoë'],
  ['élé', 'Éléonore ÀÈÌÒ'],
] as const

for (const { engine, open } of databases()) {
  suite(`searching several columns on ${engine}`, () => {
    let database: Database
    before(async () => {
      database = await open()
      await migrateFixture(database)
      for (const [key, name] of rows) await fixture(database.db).insertInto('maker').values({ maker_id: key, name }).execute()
    })

    const found = async (word: string) => {
      const condition = textContains(database.db, [sql.ref('maker_id'), sql.ref('name')], word)
      return (await fixture(database.db).selectFrom('maker').select('maker_id').where(condition).orderBy('maker_id').execute()).map(
        row => row.maker_id,
      )
    }

    const cases: [word: string, keys: string[], why: string][] = [
      ['LOVE', ['ada'], 'whatever the case'],
      ['ada', ['ada'], 'in either column'],
      ['adaada', [], 'not from one column into the next'],
      ['zo', ['per_cent'], 'two letters'],
      ['Z', ['per_cent'], 'one letter'],
      ['%', ['per_cent'], 'what LIKE takes for a pattern'],
      ['100%', ['per_cent'], 'a pattern in a word'],
      ['r_c', ['per_cent'], 'an underscore'],
      ['müller', ['straße'], 'letters beyond ASCII in lower case'],
      ['Lüdenscheidt', ['straße'], 'in both'],
      ['ZOË', ['per_cent'], 'in upper case'],
      ['aße', ['straße'], 'a letter without upper case of its own'],
      ['éléo', ['élé'], 'stored in both cases'],
      ['àèìò', ['élé'], 'more letters than are tried in both cases'],
    ]
    for (const [word, keys, why] of cases) {
      test(`finds ${word}: ${why}`, async () => assert.deepStrictEqual(await found(word), keys))
    }
  })
}
