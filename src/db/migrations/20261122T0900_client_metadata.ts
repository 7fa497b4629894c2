import type { Schema } from '../columns.ts'

/** What OAuth 2 clients ask for beyond the fields of their provider: RFC 7591 and its kin. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_client_metadata', t => [
    t.uuid('metadata_uuid').primaryKey(),
    t.integer('provider').notNull().unique().references('provider_oauth2.id', 'cascade'),
    t.text('token_endpoint_auth_method'),
    t.json('jwks').notNull(), // a JWK set, RFC 7517 §5
    t.text('jwks_uri').notNull(),
    t.flag('dpop_bound_access_tokens').notNull(),
    t.flag('require_pkce').notNull(),
    t.flag('require_pushed_authorization_requests').notNull(),
  ])
}
