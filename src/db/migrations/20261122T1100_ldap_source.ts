import type { Schema } from '../columns.ts'

/** Directories that people and groups come from. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('source_ldap', t => [
    t.uuid('pbm_uuid').primaryKey().references('source.pbm_uuid', 'cascade'),
    t.text('server_uri').notNull(),
    t.uuid('peer_certificate').references('keypair.kp_uuid', 'set null'),
    t.uuid('client_certificate').references('keypair.kp_uuid', 'set null'),
    t.text('bind_cn').notNull(),
    t.text('bind_password').notNull(), // sealed under the secret key
    t.flag('start_tls').notNull(),
    t.flag('sni').notNull(),
    t.text('base_dn').notNull(),
    t.text('additional_user_dn').notNull(),
    t.text('additional_group_dn').notNull(),
    t.text('user_object_filter').notNull(),
    t.text('group_object_filter').notNull(),
    t.text('group_membership_field').notNull(),
    t.text('user_membership_attribute').notNull(),
    t.text('object_uniqueness_field').notNull(),
    t.flag('lookup_groups_from_user').notNull(),
    t.flag('password_login_update_internal_password').notNull(),
    t.flag('sync_users').notNull(),
    t.flag('sync_users_password').notNull(),
    t.flag('sync_groups').notNull(),
    t.flag('sync_group_hierarchy').notNull(),
    t.uuid('sync_parent_group').references('group.group_uuid', 'set null'),
    t.flag('delete_not_found_objects').notNull(),
    t.text('sync_outgoing_trigger_mode').notNull(),
    t.json('connectivity'), // of each server, as of the last look
  ])
  await schema.table('ldap_source_mapping', t => [t.uuid('pm_uuid').primaryKey().references('property_mapping.pm_uuid', 'cascade')])
  await schema.table('user_ldap_source_connection', t => [
    t.integer('id').primaryKey().references('user_source_connection.id', 'cascade'),
    t.text('dn').notNull(), // as the directory writes it
    t.text('member_key').notNull(), // by which groups name the person; the same for all spellings
    t.flag('own').notNull(), // the account was made for the entry, and goes with it
    t.flag('disabled').notNull(), // the directory had switched it off when it was last asked
    t.instant('missing_since'), // the entry is gone, the account has stayed
  ])
  await schema.table('group_ldap_source_connection', t => [
    t.integer('id').primaryKey().references('group_source_connection.id', 'cascade'),
    t.text('dn').notNull(),
    t.text('member_key').notNull(),
    t.flag('own').notNull(),
  ])
}
