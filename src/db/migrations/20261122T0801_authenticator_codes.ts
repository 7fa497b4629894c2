import type { Schema } from '../columns.ts'

/** Codes of an app, codes on paper, the stages that set them up, and the stage that asks for a second factor. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('totp_device', t => [
    t.integer('id').primaryKey().references('authenticator.id', 'cascade'),
    t.text('key').notNull(), // base32, sealed under the secret key
    t.integer('digits').notNull(),
    t.integer('drift').notNull(), // steps by which the app's clock is ahead
    t.integer('last_step').notNull(), // the last one that was accepted
  ])
  await schema.table('static_device', t => [t.integer('id').primaryKey().references('authenticator.id', 'cascade')])
  await schema.table(
    'static_token',
    t => [
      t.integer('device').notNull().references('static_device.id', 'cascade'),
      t.text('token_hash').notNull(), // keyed: short codes could be guessed from a plain hash
    ],
    { primaryKey: ['device', 'token_hash'] },
  )
  await schema.table('stage_authenticator_totp', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null'),
    t.text('friendly_name').notNull(),
    t.text('digits').notNull(),
  ])
  await schema.table('stage_authenticator_static', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null'),
    t.text('friendly_name').notNull(),
    t.integer('token_count').notNull(),
    t.integer('token_length').notNull(),
  ])
  await schema.table('stage_authenticator_validate', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.text('not_configured_action').notNull(),
    t.json('device_classes').notNull(),
    t.text('last_auth_threshold').notNull(),
    t.text('webauthn_user_verification').notNull(),
    t.json('webauthn_hints').notNull(),
    t.real('email_otp_throttling_factor').notNull(),
    t.real('sms_otp_throttling_factor').notNull(),
    t.real('totp_otp_throttling_factor').notNull(),
    t.real('static_otp_throttling_factor').notNull(),
  ])
  await schema.table(
    'stage_authenticator_validate_configuration',
    t => [
      t.uuid('stage').notNull().references('stage_authenticator_validate.stage_uuid', 'cascade'),
      t.uuid('configuration').notNull().references('stage.stage_uuid', 'cascade').index(),
    ],
    { primaryKey: ['stage', 'configuration'] },
  )
  // By which clients know a session whose key has changed since: the hash of its first key.
  await schema.addColumns('session', t => [t.text('sid')])
}
