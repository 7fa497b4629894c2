import type { Schema } from '../columns.ts'

/** What OAuth 2 clients ask for beyond the fields of their provider: RFC 7591 and its kin. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_client_metadata', t => [
    t.uuid('metadata_uuid').primaryKey(),
    t.integer('provider').notNull().unique().references('provider_oauth2.id', 'cascade'),
    t.text('token_endpoint_auth_method'),
    t.json('jwks').notNull(), // a JWK set, RFC 7517 §5
    t.text('jwks_uri').notNull(),
    t.text('tls_client_auth_subject_dn').notNull(),
    t.text('tls_client_auth_san_dns').notNull(),
    t.text('tls_client_auth_san_uri').notNull(),
    t.text('tls_client_auth_san_ip').notNull(),
    t.text('tls_client_auth_san_email').notNull(),
    t.flag('tls_client_certificate_bound_access_tokens').notNull(),
    t.flag('dpop_bound_access_tokens').notNull(),
    t.flag('require_pkce').notNull(),
    t.flag('require_pushed_authorization_requests').notNull(),
    t.flag('require_signed_request_object').notNull(),
    t.text('request_object_signing_alg'),
    t.json('request_uris').notNull(), // list of URLs
    t.text('id_token_signed_response_alg'),
    t.text('userinfo_signed_response_alg'),
    t.text('authorization_signed_response_alg'),
    t.integer('default_max_age'), // seconds
    t.flag('require_auth_time').notNull(),
    t.json('default_acr_values').notNull(), // list of names
    t.text('initiate_login_uri').notNull(),
    t.flag('frontchannel_logout_session_required').notNull(),
    t.flag('backchannel_logout_session_required').notNull(),
    t.json('token_exchange_subjects').notNull(), // list of providers' keys
    t.flag('token_exchange_impersonation').notNull(),
  ])
}
