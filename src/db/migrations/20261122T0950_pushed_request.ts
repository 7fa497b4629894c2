import type { Schema } from '../columns.ts'

/** Authorization requests that clients sent ahead (RFC 9126), until they are granted or over. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_pushed_request', t => [
    t.text('uri_hash').primaryKey(), // sha-256 of the request URI, base64url
    t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
    t.text('parameters').notNull(), // as a form, RFC 9126 §2.1
    t.instant('expires').notNull().index(),
  ])
}
