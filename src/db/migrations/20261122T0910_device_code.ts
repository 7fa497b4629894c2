import type { Schema } from '../columns.ts'

/** Devices that wait for somebody to let them in (RFC 8628). What the device holds is stored hashed; what the person types is not a secret for long. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_device_code', t => [
    t.id('id'),
    t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
    t.text('device_code_hash').notNull().unique(), // sha-256, base64url
    t.text('user_code').notNull().unique(), // nine digits
    t.json('scope').notNull(), // list of names
    t.instant('expires').notNull().index(),
    t.integer('interval').notNull(), // seconds between two questions of the device
    t.instant('asked_at'), // when the device asked last
    // Who let it in; null until somebody does.
    t.integer('user').references('user.id', 'cascade'),
    t.text('session_hash').references('session.session_hash', 'cascade'),
    t.text('sid'),
    t.instant('auth_time'),
    t.json('amr').notNull(), // list
    t.flag('consented').notNull().default(false),
    t.instant('consent_until'),
    t.uuid('family').notNull(),
    t.instant('used_at'),
  ])
}
