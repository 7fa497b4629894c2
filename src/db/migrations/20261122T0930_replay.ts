import type { Schema } from '../columns.ts'

/** What may come once: identifiers of assertions and proofs (RFC 7523 §3, RFC 9449 §11.1), kept until they are over anyway. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('oauth2_seen', t => [t.text('seen_hash').primaryKey(), t.instant('expires').notNull().index()])
}
