import type { Schema } from '../columns.ts'

/** Rules that a client keeps as a whole, beyond what it asks for one by one. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [t.text('security_profile')])
}
