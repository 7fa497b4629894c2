import type { Schema } from '../columns.ts'

/** Clients that register themselves, RFC 7591 and RFC 7592: what a provider lets them have, and who they are. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_dcr', t => [
    t.uuid('pbm_uuid').primaryKey().references('policy_target.pbm_uuid', 'cascade'),
    t.integer('provider').notNull().unique().references('provider_oauth2.id', 'cascade'),
    t.text('default_application_group').notNull(),
    t.uuid('override_authorization_flow').references('flow.flow_uuid', 'set null').index(),
    t.uuid('override_invalidation_flow').references('flow.flow_uuid', 'set null').index(),
    t.text('access_token_validity').notNull(),
    t.text('refresh_token_validity').notNull(),
    t.json('allowed_grant_types').notNull(), // list; empty: those of the provider
  ])
  await schema.table(
    'oauth2_dcr_mapping',
    t => [
      t.uuid('dcr').notNull().references('oauth2_dcr.pbm_uuid', 'cascade'),
      t.uuid('mapping').notNull().references('scope_mapping.pm_uuid', 'cascade').index(),
    ],
    { primaryKey: ['dcr', 'mapping'] },
  )
  await schema.table('oauth2_registration', t => [
    t.integer('provider').primaryKey().references('provider_oauth2.id', 'cascade'),
    // Whose issuer and key the client was told of; null when that provider is gone.
    t.integer('parent').references('provider_oauth2.id', 'set null').index(),
    t.integer('user').notNull().references('user.id', 'cascade').index(), // who registered it
    t.text('token_hash').notNull().unique(), // sha-256 of the registration access token, base64url
    t.json('told').notNull(), // what the client says of itself and nothing here uses, RFC 7591 §2
    t.instant('issued').notNull(),
  ])
}
