import type { Schema } from '../columns.ts'

/** Whether a client that is told through the browser wants to know whose session ended (OIDC Front-Channel Logout §2). */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [t.flag('frontchannel_logout_session_required').notNull().default(true)])
}
