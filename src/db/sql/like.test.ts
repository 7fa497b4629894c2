import assert from 'node:assert/strict'
import type { RawBuilder, SqlBool } from 'kysely'
import { sql } from 'kysely'
import { before, suite, test } from 'node:test'
import { databases } from '../../../test/databases.ts'
import type { Database } from '../database.ts'
import { fixture, migrateFixture } from '../fixture.ts'
import {
  icontains,
  iendsWith,
  iequals,
  istartsWith,
  jsonContains,
  jsonEquals,
  jsonHas,
  jsonNumberAt,
  jsonTextAt,
  splitPath,
} from './like.ts'

const names = ['Straße 100%', 'under_score', String.raw`back\slash`, 'ÄRGER', 'plain', 'PLAIN too', 'İstanbul']

const attributes = {
  settings: { locale: 'de', theme: { base: 'dark' }, count: 5, half: 0.5, on: true, off: false, none: null },
  list: ['zero', { deep: 'one' }],
  map: { 0: 'zeroth' },
  'dotted.key': 'dot',
  'quo"ted': 'quote',
  'back\\slash': 'slash',
  "apo'strophe": 'apostrophe',
  '{brace},': 'brace',
  '': 'empty',
  $: 'dollar',
}

for (const { engine, open } of databases()) {
  suite(`searching on ${engine}`, () => {
    let database: Database
    before(async () => {
      database = await open()
      await migrateFixture(database)
      for (const name of names) await fixture(database.db).insertInto('maker').values({ maker_id: name, name }).execute()
      await fixture(database.db).insertInto('thing').values({ name: 'json', data: attributes }).execute()
    })

    const found = async (condition: RawBuilder<SqlBool>) =>
      (await fixture(database.db).selectFrom('maker').select('name').where(condition).orderBy('name').execute()).map(({ name }) => name)

    const name = sql.ref('name')

    test('contains, begins with and equals pay no regard to case', async () => {
      const { db } = database
      assert.deepStrictEqual(await found(icontains(db, name, 'PLAIN')), ['PLAIN too', 'plain'])
      assert.deepStrictEqual(await found(istartsWith(db, name, 'pl')), ['PLAIN too', 'plain'])
      assert.deepStrictEqual(await found(istartsWith(db, name, 'lain')), [])
      assert.deepStrictEqual(await found(iequals(db, name, 'Plain')), ['plain'])
      assert.deepStrictEqual(await found(icontains(db, name, '')), names.toSorted())
    })

    test('letters beyond ASCII have cases too', async () => {
      const { db } = database
      assert.deepStrictEqual(await found(icontains(db, name, 'ärg')), ['ÄRGER'])
      assert.deepStrictEqual(await found(iequals(db, name, 'ärger')), ['ÄRGER'])
      assert.deepStrictEqual(await found(istartsWith(db, name, 'STRAß')), ['Straße 100%'])
    })

    test('what LIKE takes for a pattern stands for itself', async () => {
      const { db } = database
      assert.deepStrictEqual(await found(icontains(db, name, '%')), ['Straße 100%'])
      assert.deepStrictEqual(await found(icontains(db, name, '_')), ['under_score'])
      assert.deepStrictEqual(await found(icontains(db, name, '\\')), [String.raw`back\slash`])
      assert.deepStrictEqual(await found(iequals(db, name, 'plai_')), [])
    })

    test('columns that are no text can be searched as well', async () => {
      const rows = await fixture(database.db)
        .selectFrom('thing')
        .select('name')
        .where(icontains(database.db, sql.ref('id'), '1'))
        .execute()
      assert.deepStrictEqual(rows, [{ name: 'json' }])
    })

    const data = sql.ref('data')
    const textAt = async (path: string[]) => {
      const row = await fixture(database.db)
        .selectFrom('thing')
        .select(jsonTextAt(database.db, data, path).as('text'))
        .executeTakeFirstOrThrow()
      return row.text
    }

    test('scalars inside JSON are read as text; anything else is null', async () => {
      const cases: [string[], string | null][] = [
        [splitPath('settings__locale'), 'de'],
        [['settings', 'theme', 'base'], 'dark'],
        [['settings', 'count'], '5'],
        [['settings', 'half'], '0.5'],
        [['settings', 'on'], 'true'],
        [['settings', 'off'], 'false'],
        [['settings', 'none'], null],
        [['settings', 'theme'], null],
        [['settings', 'missing', 'deeper'], null],
        [['settings', 'locale', 'deeper'], null],
        [['list'], null],
        [['list', '0'], 'zero'],
        [['list', '1', 'deep'], 'one'],
        [['list', '2'], null],
        [['map', '0'], 'zeroth'],
        [['dotted.key'], 'dot'],
        [['quo"ted'], 'quote'],
        [['back\\slash'], 'slash'],
        [["apo'strophe"], 'apostrophe'],
        [['{brace},'], 'brace'],
        [[''], 'empty'],
        [['$'], 'dollar'],
      ]
      for (const [path, expected] of cases) assert.equal(await textAt(path), expected, path.join('__'))
    })

    test('values inside JSON are compared as JSON', async () => {
      const matches = async (path: string[], value: unknown) =>
        (
          await fixture(database.db)
            .selectFrom('thing')
            .select('id')
            .where(jsonEquals(database.db, data, path, value))
            .execute()
        ).length === 1
      const cases: [string[], unknown, boolean][] = [
        [['settings', 'locale'], 'de', true],
        [['settings', 'locale'], 'DE', false],
        [['settings', 'count'], 5, true],
        [['settings', 'count'], '5', false],
        [['settings', 'half'], 0.5, true],
        [['settings', 'on'], true, true],
        [['settings', 'on'], 1, false],
        [['settings', 'on'], 'true', false],
        [['settings', 'off'], false, true],
        [['settings', 'none'], null, true],
        [['settings', 'missing'], null, false],
        [['settings', 'theme'], { base: 'dark' }, true],
        [['settings', 'theme'], {}, false],
        [['list'], ['zero', { deep: 'one' }], true],
        [['list'], [{ deep: 'one' }, 'zero'], false],
      ]
      for (const [path, value, expected] of cases)
        assert.equal(await matches(path, value), expected, `${path.join('__')} = ${JSON.stringify(value)}`)
    })

    test('what is there is told from what is not', async () => {
      const has = async (path: string[]) =>
        (
          await fixture(database.db)
            .selectFrom('thing')
            .select('id')
            .where(jsonHas(database.db, data, path))
            .execute()
        ).length === 1
      assert.deepStrictEqual(
        await Promise.all(
          [
            ['settings', 'none'],
            ['settings', 'nothing'],
            ['list', '1'],
          ].map(has),
        ),
        [true, false, true],
      )
    })

    test('ends with pays no regard to case', async () => {
      assert.deepStrictEqual(await found(iendsWith(database.db, name, 'ger')), ['ÄRGER'])
      assert.deepStrictEqual(await found(iendsWith(database.db, name, 'ÄRGER')), ['ÄRGER'])
      assert.deepStrictEqual(await found(iendsWith(database.db, name, '100%')), ['Straße 100%'])
      assert.deepStrictEqual(await found(iendsWith(database.db, name, '10_%')), [])
    })

    test('numbers are compared as numbers, other values never match', async () => {
      const above = async (path: string[], limit: number) =>
        (
          await fixture(database.db)
            .selectFrom('thing')
            .select('id')
            .where(sql<SqlBool>`${jsonNumberAt(database.db, data, path)} > ${limit}`)
            .execute()
        ).length === 1
      assert.deepStrictEqual(
        [
          await above(['settings', 'count'], 4.5),
          await above(['settings', 'count'], 5),
          await above(['settings', 'half'], 0),
          await above(['settings', 'locale'], 0),
          await above(['nothing'], 0),
        ],
        [true, false, true, false, false],
      )
    })

    test('containing goes into objects and lists', async () => {
      const contains = async (path: string[], expected: unknown) =>
        (
          await fixture(database.db)
            .selectFrom('thing')
            .select('id')
            .where(jsonContains(database.db, data, path, expected))
            .execute()
        ).length === 1
      const cases: [string[], unknown, boolean][] = [
        [[], { settings: { count: 5 } }, true],
        [[], { settings: { theme: { base: 'dark' }, on: true } }, true],
        [[], { settings: { count: '5' } }, false],
        [[], {}, true],
        [['list'], 'zero', true],
        [['list'], ['zero'], true],
        [['list'], [{ deep: 'one' }], true],
        [['list'], 'one', false],
        [['list'], [], true],
        [['settings', 'locale'], 'de', true],
        [['settings', 'locale'], ['de'], false],
        [['settings', 'none'], null, true],
        [['settings', 'half'], 0.5, true],
      ]
      for (const [path, expected, answer] of cases) assert.equal(await contains(path, expected), answer, JSON.stringify([path, expected]))
    })
  })
}
