import type { Schema } from '../columns.ts'

/** OAuth 2 and OpenID providers that people come from. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('source_oauth', t => [
    t.uuid('pbm_uuid').primaryKey().references('source.pbm_uuid', 'cascade'),
    t.text('provider_type').notNull(),
    t.text('request_token_url'),
    t.text('authorization_url'),
    t.text('access_token_url'),
    t.text('profile_url'),
    t.text('pkce').notNull(),
    t.text('consumer_key').notNull(),
    t.text('consumer_secret').notNull(), // sealed under the secret key
    t.text('additional_scopes').notNull(),
    t.text('oidc_well_known_url').notNull(),
    t.text('oidc_jwks_url').notNull(),
    t.json('oidc_jwks').notNull(), // {"keys": [...]} or {}
    t.text('authorization_code_auth_method').notNull(),
  ])
  await schema.table('oauth_source_mapping', t => [t.uuid('pm_uuid').primaryKey().references('property_mapping.pm_uuid', 'cascade')])
  await schema.table('user_oauth_source_connection', t => [
    t.integer('id').primaryKey().references('user_source_connection.id', 'cascade'),
    t.text('access_token'), // sealed under the secret key, as the next
    t.text('refresh_token'),
    t.instant('expires'), // of the access token
  ])
  await schema.table('group_oauth_source_connection', t => [
    t.integer('id').primaryKey().references('group_source_connection.id', 'cascade'),
  ])
}
