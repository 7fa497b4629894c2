import type { Schema } from '../columns.ts'

/** A client that registered itself stays one when the account is gone that registered it: with the row went what marks it. */
export async function up(schema: Schema): Promise<void> {
  let rows: Record<string, unknown>[] = []
  await schema.data(async db => {
    rows = await db.selectFrom('oauth2_registration').selectAll().execute()
  })
  await schema.dropTable('oauth2_registration')
  await schema.table('oauth2_registration', t => [
    t.integer('provider').primaryKey().references('provider_oauth2.id', 'cascade'),
    // Whose issuer and key the client was told of; null when that provider is gone.
    t.integer('parent').references('provider_oauth2.id', 'set null').index(),
    t.integer('user').references('user.id', 'set null').index(), // who registered it; null when they are gone
    t.text('token_hash').notNull().unique(), // sha-256 of the registration access token, base64url
    t.json('told').notNull(), // what the client says of itself and nothing here uses, RFC 7591 §2
    t.instant('issued').notNull(),
  ])
  await schema.data(async db => {
    for (const row of rows)
      await db
        .insertInto('oauth2_registration')
        .values({ ...row, told: JSON.stringify(row.told) })
        .execute()
  })
}
