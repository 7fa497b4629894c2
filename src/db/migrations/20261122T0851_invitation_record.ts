import type { Schema } from '../columns.ts'

/** What became of invitations, also of those that are spent, over or deleted; and what they give beyond what other clients know. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('invitation_record', t => [
    t.uuid('invite_uuid').primaryKey(), // of the invitation, which may be gone
    t.text('name').notNull(),
    t.uuid('flow').references('flow.flow_uuid', 'set null'),
    t.integer('created_by').references('user.id', 'set null'),
    t.flag('single_use').notNull(),
    t.instant('expires'), // null: never
    t.text('email').notNull(), // whom it is for; empty: nobody in particular
    t.uuid('batch').index(), // of those that were made in one call
    t.instant('created').notNull().index(),
    t.instant('opened'), // first
    t.integer('opened_count').notNull(),
    t.integer('use_count').notNull(),
    t.instant('ended'), // spent or deleted
    t.instant('changed').notNull().index(),
  ])
  await schema.table(
    'invitation_use',
    t => [
      t.uuid('use_uuid').primaryKey(),
      t.uuid('invitation').notNull().references('invitation_record.invite_uuid', 'cascade'),
      t.integer('user').references('user.id', 'set null'),
      t.text('username').notNull(), // stays when the account goes
      t.instant('used').notNull(),
    ],
    { index: [['invitation', 'used']] },
  )
  // Groups that the account joins.
  await schema.table(
    'invitation_group',
    t => [
      t.uuid('invitation').notNull().references('invitation_record.invite_uuid', 'cascade'),
      t.uuid('group').notNull().references('group.group_uuid', 'cascade').index(),
    ],
    { primaryKey: ['invitation', 'group'] },
  )
  await schema.data(async db => {
    const known = await db.selectFrom('invitation').select(['invite_uuid', 'name', 'flow', 'created_by', 'single_use', 'expires']).execute()
    for (const invitation of known) {
      const counts = { opened: null, opened_count: 0, use_count: 0, ended: null, changed: schema.now, created: schema.now }
      await db
        .insertInto('invitation_record')
        .values({ ...invitation, email: '', batch: null, ...counts })
        .execute()
    }
  })
}
