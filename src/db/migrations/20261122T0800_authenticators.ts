import type { Schema } from '../columns.ts'

/** Second factors: what every kind of device shares. */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'authenticator',
    t => [
      t.id('id'),
      t.text('kind').notNull(), // label of the model whose table holds the rest
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.text('name').notNull(),
      t.uuid('draft').notNull().unique(), // the set-up that made it, which makes one device
      t.flag('confirmed').notNull(),
      t.instant('created').notNull(),
      t.instant('last_updated').notNull(),
      t.instant('last_used'),
      t.instant('deleted').index(), // null: in use
      t.integer('deleted_by').references('user.id', 'set null'),
      t.integer('failures').notNull(), // wrong codes in a row
      t.instant('refuses_until'), // no code is looked at before
    ],
    { index: [['user', 'kind']] },
  )
}
