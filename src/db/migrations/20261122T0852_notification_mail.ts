import type { Schema } from '../columns.ts'

/** What was mailed last by each rule, so that the same sentence does not fill mailboxes. */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'notification_mail',
    t => [
      t.uuid('rule').notNull().references('notification_rule.pbm_uuid', 'cascade'),
      t.text('digest').notNull(), // of what was said
      t.instant('sent').notNull().index(),
      t.integer('left_out').notNull(), // since then
    ],
    { primaryKey: ['rule', 'digest'] },
  )
}
