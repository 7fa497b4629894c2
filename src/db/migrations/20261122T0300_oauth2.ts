import type { Columns, Schema } from '../columns.ts'

/** What clients of OAuth 2 hold. Codes and tokens are stored hashed; what was bought with one code shares a family. */
export async function up(schema: Schema): Promise<void> {
  const common = (t: Columns) => [
    t.id('id'),
    t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
    t.integer('user').notNull().references('user.id', 'cascade'),
    t.uuid('family').notNull().index(),
    t.json('scope').notNull(), // list of names
    t.instant('expires').notNull().index(),
  ]
  // Facts of the sign-in that ID tokens repeat for as long as the grant lives, also when the session is gone.
  const signIn = (t: Columns) => [
    t.text('sid'),
    t.text('nonce'),
    t.instant('auth_time'),
    t.json('amr').notNull(), // list
  ]
  // Consent that was asked for and given: its withdrawal ends the grant. `consent_until` is null when it has no end.
  const consent = (t: Columns) => [t.flag('consented').notNull(), t.instant('consent_until')]

  await schema.table('oauth2_code', t => [
    ...common(t),
    t.text('code_hash').notNull().unique(), // sha-256, base64url
    t.text('session_hash').notNull().references('session.session_hash', 'cascade'),
    ...signIn(t),
    ...consent(t),
    t.text('redirect_uri').notNull(),
    t.text('code_challenge'), // RFC 7636
    t.text('code_challenge_method'),
    t.instant('used_at'),
  ])
  await schema.table('oauth2_access_token', t => [
    ...common(t),
    t.text('token_hash').notNull().unique(),
    // null for machines, and for tokens that were refreshed after the browser's session
    t.text('session_hash').references('session.session_hash', 'cascade'),
    t.json('claims').notNull(), // of the ID token that was made with it
    t.instant('revoked_at'),
  ])
  await schema.table('oauth2_refresh_token', t => [
    ...common(t),
    t.text('token_hash').notNull().unique(),
    t.text('session_hash').references('session.session_hash', 'set null'),
    ...signIn(t),
    ...consent(t),
    t.json('claims').notNull(),
    t.instant('used_at'),
    t.instant('revoked_at'),
  ])
}
