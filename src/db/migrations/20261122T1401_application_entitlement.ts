import type { Schema } from '../columns.ts'

/** What people may do inside an application, granted by bindings. */
export async function up(schema: Schema): Promise<void> {
  await schema.table(
    'application_entitlement',
    t => [
      t.uuid('pbm_uuid').primaryKey().references('policy_target.pbm_uuid', 'cascade'),
      t.text('name').notNull(),
      t.uuid('app').notNull().references('application.pbm_uuid', 'cascade'),
      t.json('attributes').notNull(),
    ],
    { unique: [['app', 'name']] },
  )
}
