import type { Schema } from '../columns.ts'

/** Plans that a link in a mail brings back, and what identification looks accounts up by. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('flow_token', t => [
    t.uuid('flow_token_uuid').primaryKey(),
    t.text('key_hash').notNull().unique(), // sha-256, base64url
    t.uuid('flow').notNull().references('flow.flow_uuid', 'cascade'),
    t.integer('user').references('user.id', 'cascade'),
    t.json('plan').notNull(),
    t.flag('single_use').notNull(),
    t.instant('expires').notNull().index(),
  ])
  // Sign-ins look accounts up without regard to case.
  const lookups = ['create index user_username_lower on "user" (lower(username))', 'create index user_email_lower on "user" (lower(email))']
  await schema.sql({ sqlite: lookups, postgres: lookups })
}
