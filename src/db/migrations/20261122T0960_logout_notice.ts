import type { Schema } from '../columns.ts'

/**
 * Clients that have to be told when a session ends. Not tied to the session's row: that it is gone, however that came about, is what makes a
 * notice due.
 */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'oauth2_logout_notice',
    t => [
      t.id('id'),
      t.uuid('session').notNull(), // the session's uuid, which stays when its key changes
      t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
      t.text('issuer').notNull(), // as the client knows it
      t.text('sub').notNull(),
      t.text('sid').notNull(),
      t.integer('tries').notNull().default(0),
      t.instant('due').notNull().index(), // not before then
    ],
    { unique: [['session', 'provider']] },
  )
}
