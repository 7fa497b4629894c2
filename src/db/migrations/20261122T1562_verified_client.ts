import type { Schema } from '../columns.ts'

/** Whether an administrator has looked at what a client that registered itself says of itself. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [t.flag('verified').notNull().default(false)])
}
