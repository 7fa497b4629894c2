/** A small schema for the contract suites of this folder, with every type of column and every kind of reference. */
import type { Generated, Kysely } from 'kysely'
import type { Database, Db } from './database.ts'
import type { Migration } from './migrate.ts'
import { migrate } from './migrate.ts'

export type Fixture = {
  thing: {
    id: Generated<number>
    thing_uuid: string | null
    name: string
    size: number | null
    ratio: number | null
    flag: Generated<boolean>
    at: Date | null
    data: Generated<unknown>
    raw: Uint8Array | null
  }
  part: { part_id: string; thing: number; label: string; maker: string | null }
  maker: { maker_id: string; name: string }
  tag: { thing: number; name: string }
  scrap: { part: string; why: string }
}

export const fixtureMigration: Migration = {
  name: '20260101T0000_fixture',
  async up(schema) {
    await schema.table('thing', t => [
      t.id(),
      t.uuid('thing_uuid').unique(),
      t.text('name').notNull().unique(),
      t.integer('size').index(),
      t.real('ratio'),
      t.flag('flag').notNull().default(true),
      t.instant('at'),
      t.json('data').notNull().default({ made: 'new' }),
      t.bytes('raw'),
    ])
    // Refers to a table that comes later.
    await schema.table(
      'part',
      t => [
        t.text('part_id').primaryKey(),
        t.integer('thing').notNull().references('thing.id', 'cascade'),
        t.text('label').notNull(),
        t.text('maker').references('maker.maker_id', 'set null'),
      ],
      { unique: [['thing', 'label']] },
    )
    await schema.table('maker', t => [t.text('maker_id').primaryKey(), t.text('name').notNull()])
    await schema.table('tag', t => [t.integer('thing').notNull().references('thing.id', 'restrict'), t.text('name').notNull()], {
      primaryKey: ['thing', 'name'],
    })
    await schema.table('scrap', t => [t.text('part').primaryKey().references('part.part_id', 'cascade'), t.text('why').notNull()])
  },
}

export const at = new Date('2026-01-05T09:00:00.123Z')

export const migrateFixture = async (database: Database, migrations: readonly Migration[] = [fixtureMigration]): Promise<string[]> =>
  migrate(database, migrations, { now: () => at, programVersion: '1.0.0' })

/** The same connection or transaction, knowing the fixture's tables. */
export const fixture = (db: Db): Kysely<Fixture> => db as unknown as Kysely<Fixture>
