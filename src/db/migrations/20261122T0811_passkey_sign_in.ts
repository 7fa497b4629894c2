import type { Schema } from '../columns.ts'

/** Which types of devices a stage takes as proof, and the stage by whose rules the page that asks for a name takes passkeys. */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'stage_authenticator_validate_device_type',
    t => [
      t.uuid('stage').notNull().references('stage_authenticator_validate.stage_uuid', 'cascade'),
      // With its last type gone a stage would take all of them.
      t.uuid('device_type').notNull().references('webauthn_device_type.aaguid', 'restrict'),
    ],
    { primaryKey: ['stage', 'device_type'] },
  )
  await schema.addColumns('stage_identification', t => [
    t.uuid('webauthn_stage').references('stage_authenticator_validate.stage_uuid', 'set null'),
  ])
}
