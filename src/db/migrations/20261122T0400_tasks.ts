import type { Schema } from '../columns.ts'

/** Jobs: when they are due, which wait or run, and who holds what. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('schedule', t => [
    t.uuid('id').primaryKey(),
    t.text('identifier').notNull().unique(),
    t.text('actor_name').notNull(), // the job
    t.text('crontab').notNull(), // UTC
    t.flag('paused').notNull(),
    t.instant('next_run').notNull().index(),
  ])
  await schema.table(
    'task',
    t => [
      t.uuid('message_id').primaryKey(),
      t.text('actor_name').notNull(),
      t.json('args').notNull(),
      t.text('state').notNull(), // queued → running → done; rejected after the last retry
      t.text('aggregated_status').notNull(), // the state, or the worst that the last run logged
      t.text('uid').notNull(), // what the task is about, for people
      t.uuid('schedule').references('schedule.id', 'set null'),
      t.instant('created').notNull(),
      t.instant('mtime').notNull(),
      t.instant('eta').notNull(),
      t.integer('retries').notNull(),
      t.json('logs').notNull(), // of the last run
      t.json('previous_logs').notNull(),
      // Who runs it, and until when that counts: a process that died loses it then.
      t.text('lease_owner'),
      t.instant('lease_until'),
    ],
    { index: [['state', 'eta'], ['mtime']] },
  )
  // What one process at a time may do.
  await schema.table('lease', t => [t.text('name').primaryKey(), t.text('owner').notNull(), t.instant('expires').notNull()])
}
