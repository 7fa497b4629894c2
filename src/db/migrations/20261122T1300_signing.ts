import type { Schema } from '../columns.ts'

/** How clients want tokens signed, encrypted and named (OIDC Registration §2), and keys that signed what is still out. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [
    t.text('id_token_signed_response_alg'),
    t.text('id_token_encrypted_response_alg'),
    t.text('id_token_encrypted_response_enc'),
    t.text('userinfo_signed_response_alg'),
    t.text('userinfo_encrypted_response_alg'),
    t.text('userinfo_encrypted_response_enc'),
    t.text('subject_type').notNull().default('public'),
    t.text('sector_identifier_uri').notNull().default(''),
  ])
  await schema.table(
    'oauth2_retired_key',
    t => [
      t.id('id'),
      t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
      t.text('kid').notNull(),
      t.json('jwk').notNull(), // public half, RFC 7517
      t.instant('expires').notNull().index(),
    ],
    { unique: [['provider', 'kid']] },
  )
}
