import type { Schema } from '../columns.ts'

/** Why somebody was refused, kept for a while. */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'explanation',
    t => [
      t.uuid('explanation_uuid').primaryKey(),
      t.text('id').notNull().unique(), // what the person in front of the page reads out
      t.text('kind').notNull(), // application, flow, stage
      t.text('surface').notNull(), // where it happened: flow, authorize, launch …
      t.text('reason').notNull(),
      // Without foreign keys: the explanation outlives what it is about, until its own end.
      t.uuid('application'),
      t.uuid('flow'),
      t.text('target_name').notNull(),
      t.integer('user').references('user.id', 'cascade'), // null for visitors
      t.text('username').notNull(),
      t.json('trace').notNull(),
      t.text('client_ip'),
      t.text('request_id'),
      t.integer('count').notNull(),
      t.instant('created').notNull(),
      t.instant('last_seen').notNull(),
      t.instant('expires').notNull().index(),
    ],
    { index: [['last_seen', 'explanation_uuid'], ['application'], ['flow']] },
  )
}
