import type { Schema } from '../columns.ts'

/** How clients want authorization responses signed and encrypted, JARM §3. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_client_metadata', t => [
    t.text('authorization_signed_response_alg'),
    t.text('authorization_encrypted_response_alg'),
    t.text('authorization_encrypted_response_enc'),
  ])
}
