import type { Schema } from '../columns.ts'

/** Invitations, and the stages that take them and that send mail. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('stage_invitation', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.flag('continue_flow_without_invitation').notNull(),
  ])
  await schema.table('invitation', t => [
    t.uuid('invite_uuid').primaryKey(), // what the link carries
    t.text('name').notNull(),
    t.instant('expires').index(), // null: never
    t.json('fixed_data').notNull(),
    t.integer('created_by').references('user.id', 'cascade'), // null: made by a blueprint
    t.flag('single_use').notNull(),
    // An invitation to a flow that is gone must not become one to every flow.
    t.uuid('flow').references('flow.flow_uuid', 'cascade'),
  ])
  await schema.table('stage_email', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.flag('use_global_settings').notNull(),
    t.text('host').notNull(),
    t.integer('port').notNull(),
    t.text('username').notNull(),
    t.text('password').notNull(), // sealed under the secret key
    t.flag('use_tls').notNull(),
    t.flag('use_ssl').notNull(),
    t.integer('timeout').notNull(), // seconds
    t.text('from_address').notNull(),
    t.flag('activate_user_on_success').notNull(),
    t.text('subject').notNull(),
    t.text('template').notNull(),
    t.text('token_expiry').notNull(),
    t.integer('recovery_max_attempts').notNull(),
    t.text('recovery_cache_timeout').notNull(),
  ])
  // How often mail was asked for, by a hash of who was named.
  await schema.table('email_attempt', t => [
    t.text('key_hash').primaryKey(), // sha-256, base64url
    t.integer('count').notNull(),
    t.instant('expires').notNull().index(), // end of the window
  ])
}
