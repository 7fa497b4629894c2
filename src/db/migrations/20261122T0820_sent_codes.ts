import type { Schema } from '../columns.ts'

/** Second factors by mail, text message and Duo: their set-up stages, their devices, and the codes that are on their way. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('stage_authenticator_email', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null'),
    t.text('friendly_name').notNull(),
    t.flag('use_global_settings').notNull(),
    t.text('host').notNull(),
    t.integer('port').notNull(),
    t.text('username').notNull(),
    t.text('password').notNull(), // sealed under the secret key
    t.flag('use_tls').notNull(),
    t.flag('use_ssl').notNull(),
    t.integer('timeout').notNull(), // seconds
    t.text('from_address').notNull(),
    t.text('subject').notNull(),
    t.text('token_expiry').notNull(),
    t.text('template').notNull(),
  ])
  await schema.table('stage_authenticator_sms', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null'),
    t.text('friendly_name').notNull(),
    t.text('provider').notNull(),
    t.text('from_number').notNull(),
    t.text('account_sid').notNull(), // of Twilio, or the address of another provider
    t.text('auth').notNull(), // sealed under the secret key
    t.text('auth_password').notNull(), // sealed
    t.text('auth_type').notNull(),
    t.flag('verify_only').notNull(),
    t.uuid('mapping').references('property_mapping.pm_uuid', 'set null'),
  ])
  await schema.table('stage_authenticator_duo', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null'),
    t.text('friendly_name').notNull(),
    t.text('client_id').notNull(),
    t.text('client_secret').notNull(), // sealed
    t.text('api_hostname').notNull(),
    t.text('admin_integration_key').notNull(),
    t.text('admin_secret_key').notNull(), // sealed
  ])
  // A device without its stage can send nothing: it goes with it, and what the kinds share goes along.
  for (const [kind, address] of [
    ['email', 'email'],
    ['sms', 'phone_number'],
    ['duo', 'duo_user_id'],
  ] as const) {
    const table = `authenticator_${kind}`
    await schema.table(
      table,
      t => [
        t.integer('id').primaryKey().references('authenticator.id', 'cascade'),
        t.uuid('stage').references(`stage_authenticator_${kind}.stage_uuid`, 'cascade'), // null: a draft of the API
        t.text(address).notNull(),
      ],
      { index: [['stage', address]] },
    )
    await schema.sql({
      sqlite: `create trigger ${table}_gone after delete on ${table} begin delete from authenticator where id = old.id; end`,
      postgres: [
        `create function ${table}_gone() returns trigger language plpgsql as $$
          begin delete from authenticator where id = old.id; return null; end $$`,
        `create trigger ${table}_gone after delete on ${table} for each row execute function ${table}_gone()`,
      ],
    })
  }
  // Codes that were sent and not yet used: one for each device and each set-up under way.
  await schema.table('authenticator_code', t => [
    t.text('key').primaryKey(),
    t.text('code_hash').notNull(), // HMAC under the secret key, since a code has six digits only
    t.instant('expires').notNull().index(),
  ])
}
