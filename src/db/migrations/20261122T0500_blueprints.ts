import type { Schema } from '../columns.ts'

/** What was applied from blueprints, so that an upgrade keeps what an operator changed. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('blueprint_instance', t => [
    t.text('name').primaryKey(),
    t.text('path').notNull().unique(),
    t.text('status').notNull(),
    t.text('last_applied_hash').notNull(), // SHA-512 of the file
    t.text('models_hash').notNull(), // of the list of models that the program had then
    t.instant('last_applied').notNull(),
  ])
  await schema.table(
    'blueprint_ledger',
    t => [
      t.text('blueprint').notNull(),
      t.text('entry').notNull(),
      t.text('model').notNull(),
      t.text('pk').notNull(),
      t.text('origin').notNull(), // created | adopted
      t.json('fingerprints').notNull(), // field → digest of the value after our last write
    ],
    { primaryKey: ['blueprint', 'entry'], index: [['model', 'pk']] },
  )
}
