import type { Schema } from '../columns.ts'

/** The key that what is given out is bound to: its JWK thumbprint (RFC 7638, RFC 9449 §6); null: whoever holds it may use it. */
export async function up(schema: Schema): Promise<void> {
  for (const table of ['oauth2_code', 'oauth2_access_token', 'oauth2_refresh_token']) await schema.addColumns(table, t => [t.text('jkt')])
}
