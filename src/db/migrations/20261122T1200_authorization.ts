import type { Schema } from '../columns.ts'

/** What clients register about their authorization requests, and what a request asked of the tokens that are made for it. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [
    t.json('request_uris').notNull().default([]), // addresses of request objects, OIDC Registration §2
    t.text('request_object_signing_alg'),
    t.flag('require_signed_request_object').notNull().default(false), // RFC 9101 §10.5
    t.integer('default_max_age'), // seconds
    t.json('default_acr_values').notNull().default([]),
    t.text('initiate_login_uri').notNull().default(''), // OIDC Core §4
  ])
  for (const table of ['oauth2_code', 'oauth2_access_token', 'oauth2_refresh_token'])
    await schema.addColumns(table, t => [t.json('requested_claims')]) // OIDC Core §5.5; null: none
  for (const table of ['oauth2_code', 'oauth2_refresh_token']) await schema.addColumns(table, t => [t.text('acr')]) // null: the usual one
}
