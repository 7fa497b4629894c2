import type { Schema } from '../columns.ts'

/** Tokens that programs get belong to no session: they need no place in the index that finds the tokens of one. */
export async function up(schema: Schema): Promise<void> {
  for (const table of ['oauth2_access_token', 'oauth2_refresh_token']) {
    await schema.dropIndex(table, ['session_hash'])
    await schema.index(table, ['session_hash'], { where: '"session_hash" is not null' })
  }
}
