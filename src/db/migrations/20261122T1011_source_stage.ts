import type { Schema } from '../columns.ts'

/** Stages that send somebody through a login source in the middle of a flow. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('stage_source', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.uuid('source').notNull().references('source.pbm_uuid', 'cascade').index(),
    t.text('resume_timeout').notNull(),
    t.json('resume_on_match_failures').notNull(), // list
  ])
}
