import type { Schema } from '../columns.ts'

/** What roles are given on each object that somebody makes by them. Grants on an object go with it, and are found by it alone for that. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('initial_permissions', t => [
    t.id(),
    t.text('name').notNull().unique(),
    t.uuid('role').notNull().references('role.role_uuid', 'cascade').index(),
    t.json('permissions').notNull(),
  ])
  await schema.index('role_object_permission', ['object_pk', 'model'])
}
