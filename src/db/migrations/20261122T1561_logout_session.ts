import type { Schema } from '../columns.ts'

/** Whether a client that is told by us wants to know whose session ended (OIDC Back-Channel Logout §2.2). */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [t.flag('backchannel_logout_session_required').notNull().default(false)])
}
