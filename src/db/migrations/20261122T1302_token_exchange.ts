import type { Schema } from '../columns.ts'

/** Whose tokens a client may exchange and for whom (RFC 8693), whose assertions it may bring, and certificates that clients hold (RFC 8705). */
export async function up(schema: Schema): Promise<void> {
  for (const table of ['oauth2_exchange_subject', 'oauth2_exchange_audience'])
    await schema.table(
      table,
      t => [
        t.uuid('client').notNull().references('oauth2_client_metadata.metadata_uuid', 'cascade'),
        t.integer('provider').notNull().references('provider_oauth2.id', 'cascade').index(),
      ],
      { primaryKey: ['client', 'provider'] },
    )
  await schema.table(
    'provider_oauth2_federation_source',
    t => [
      t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
      t.uuid('source').notNull().references('source_oauth.pbm_uuid', 'cascade').index(),
    ],
    { primaryKey: ['provider', 'source'] },
  )
  await schema.addColumns('oauth2_client_metadata', t => [
    t.text('tls_client_auth_subject_dn').notNull().default(''),
    t.text('tls_client_auth_san_dns').notNull().default(''),
    t.text('tls_client_auth_san_uri').notNull().default(''),
    t.text('tls_client_auth_san_ip').notNull().default(''),
    t.text('tls_client_auth_san_email').notNull().default(''),
    t.uuid('tls_client_auth_ca').references('keypair.kp_uuid', 'set null'),
    t.flag('tls_client_certificate_bound_access_tokens').notNull().default(false),
    t.flag('dpop_nonce_required').notNull().default(false),
  ])
  // SHA-256 of the certificate that the token is bound to, base64url; null: to none.
  for (const table of ['oauth2_access_token', 'oauth2_refresh_token']) await schema.addColumns(table, t => [t.text('x5t')])
}
