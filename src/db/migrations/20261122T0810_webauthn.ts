import type { Schema } from '../columns.ts'

/** Passkeys and security keys, their types, and the stage that sets them up. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('webauthn_device_type', t => [t.uuid('aaguid').primaryKey(), t.text('description').notNull()])
  await schema.table('webauthn_device', t => [
    t.integer('id').primaryKey().references('authenticator.id', 'cascade'),
    t.text('aaguid').notNull(),
    t.uuid('device_type').references('webauthn_device_type.aaguid', 'set null'),
    t.text('credential_id').unique(), // base64url; null: a draft
    t.text('public_key'), // COSE, base64url
    t.integer('sign_count').notNull(),
    t.text('rp_id').notNull(),
    t.json('transports').notNull(),
  ])
  await schema.table('stage_authenticator_webauthn', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null'),
    t.text('friendly_name').notNull(),
    t.text('user_verification').notNull(),
    t.text('authenticator_attachment'), // null: either
    t.text('resident_key_requirement').notNull(),
    t.json('hints').notNull(),
    t.integer('max_attempts').notNull(), // 0: without limit
  ])
  await schema.table(
    'stage_authenticator_webauthn_device_type',
    t => [
      t.uuid('stage').notNull().references('stage_authenticator_webauthn.stage_uuid', 'cascade'),
      t.uuid('device_type').notNull().references('webauthn_device_type.aaguid', 'restrict'),
    ],
    { primaryKey: ['stage', 'device_type'] },
  )
}
