import type { Schema } from '../columns.ts'

/** Wrong passwords, counted by account, by address, and by both. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('password_attempt', t => [
    t.text('key_hash').primaryKey(),
    t.integer('failures').notNull(),
    t.instant('last').notNull(),
    t.instant('expires').notNull().index(),
  ])
}
