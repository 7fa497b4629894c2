import type { Schema } from '../columns.ts'

/** Second factors: what every kind of device shares, and how often codes were tried. */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'authenticator',
    t => [
      t.id('id'),
      t.text('kind').notNull(), // label of the model whose table holds the rest
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.text('name').notNull(),
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
  // How often a code was tried, by a hash of whose or from where.
  await schema.table('code_attempt', t => [
    t.text('key_hash').primaryKey(), // sha-256, base64url
    t.integer('count').notNull(),
    t.instant('expires').notNull().index(), // end of the window
  ])
}
