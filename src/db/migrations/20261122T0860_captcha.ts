import type { Schema } from '../columns.ts'

/** Stages that keep programs out, and stages that delete accounts. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('stage_captcha', t => [
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade'),
    t.text('public_key').notNull(),
    t.text('private_key').notNull(), // sealed
    t.text('js_url').notNull(),
    t.text('api_url').notNull(),
    t.text('request_content_type').notNull(),
    t.flag('interactive').notNull(),
    t.real('score_min_threshold').notNull(),
    t.real('score_max_threshold').notNull(),
    t.flag('error_on_invalid_score').notNull(),
  ])
  await schema.table('stage_user_delete', t => [t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade')])
  await schema.addColumns('stage_identification', t => [t.uuid('captcha_stage').references('stage_captcha.stage_uuid', 'set null').index()])
}
