import type { Schema } from '../columns.ts'

/** Policies that are written as an expression. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('policy_expression', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.text('expression').notNull(),
  ])
}
