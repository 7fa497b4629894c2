import type { Schema } from '../columns.ts'

/** Policies that compare events. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('policy_event_matcher', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.text('action'),
    t.text('client_ip'),
    t.text('app'),
    t.text('model'),
    t.text('query'),
  ])
}
