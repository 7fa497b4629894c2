import { sql } from 'kysely'
import type { Schema } from '../columns.ts'

/**
 * Tokens that were given out before tokens named their family (20261122T1550): who brings one is led to its row by its hash, until the last of
 * them has ended. Rows do not tell which those are, so that all are listed which live now.
 */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_earlier_token', t => [
    t.text('token_hash').primaryKey(),
    t.uuid('family').notNull(),
    t.instant('expires').notNull().index(),
  ])
  await schema.data(async db => {
    for (const table of ['oauth2_access_token', 'oauth2_refresh_token']) {
      await sql`insert into oauth2_earlier_token (token_hash, family, expires)
        select token_hash, family, expires from ${sql.table(table)} where expires > ${schema.now}`.execute(db)
    }
  })
}
