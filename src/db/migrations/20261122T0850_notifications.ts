import type { Schema } from '../columns.ts'

/** Who is told of which events, and how. */
export async function up(schema: Schema): Promise<void> {
  // Set for entries that some rule may be about, until the rules were asked: what waits is found again after a crash.
  await schema.addColumns('event', t => [t.flag('rules_due').notNull().default(false)])
  await schema.index('event', ['rules_due', 'created'], { where: '"rules_due"' })

  await schema.table('notification_webhook_mapping', t => [
    t.uuid('pm_uuid').primaryKey().references('property_mapping.pm_uuid', 'cascade'),
  ])
  await schema.table('notification_transport', t => [
    t.uuid('uuid').primaryKey(),
    t.text('name').notNull().unique(),
    t.text('mode').notNull(),
    t.text('webhook_url').notNull(),
    t.uuid('webhook_ca').references('keypair.kp_uuid', 'set null'),
    t.uuid('webhook_mapping_body').references('notification_webhook_mapping.pm_uuid', 'set null'),
    t.uuid('webhook_mapping_headers').references('notification_webhook_mapping.pm_uuid', 'set null'),
    t.text('email_subject_prefix').notNull(),
    t.text('email_template').notNull(),
    t.flag('send_once').notNull(),
  ])
  await schema.table('notification_rule', t => [
    t.uuid('pbm_uuid').primaryKey().references('policy_target.pbm_uuid', 'cascade'),
    t.text('name').notNull().unique(),
    t.text('severity').notNull(),
    t.uuid('destination_group').references('group.group_uuid', 'set null'),
    t.flag('destination_event_user').notNull(),
  ])
  await schema.table(
    'notification_rule_transport',
    t => [
      t.uuid('rule').notNull().references('notification_rule.pbm_uuid', 'cascade'),
      t.uuid('transport').notNull().references('notification_transport.uuid', 'cascade').index(),
    ],
    { primaryKey: ['rule', 'transport'] },
  )
  await schema.table(
    'notification',
    t => [
      t.uuid('uuid').primaryKey(),
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.uuid('event').references('event.event_uuid', 'set null'),
      t.text('severity').notNull(),
      t.text('body').notNull(),
      t.text('hyperlink'),
      t.text('hyperlink_label'),
      t.instant('created').notNull(),
      t.flag('seen').notNull(),
      t.instant('expires').notNull().index(),
    ],
    { index: [['user', 'created']] },
  )
}
