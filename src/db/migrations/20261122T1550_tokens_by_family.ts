import type { Schema } from '../columns.ts'

/** Codes and tokens are found by their family, which begins with the time, and their hash: each index by hash alone changed a page for every row. */
export async function up(schema: Schema): Promise<void> {
  await schema.dropIndex('oauth2_code', ['code_hash'])
  for (const table of ['oauth2_access_token', 'oauth2_refresh_token']) {
    await schema.dropIndex(table, ['token_hash'])
    await schema.dropIndex(table, ['family'])
    await schema.index(table, ['family', 'token_hash'], { unique: true })
  }
}
