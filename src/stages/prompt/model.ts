import { sql } from 'kysely'
import { crud } from '../../api/crud.ts'
import { presentObjects } from '../../api/present.ts'
import { choice, computed, flag, integer, many, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { listOf } from '../../api/shapes.ts'
import { findObjects } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { PolicyBase } from '../../policies/base.ts'
import { defineStageModel, stageResource } from '../model.ts'

export const PROMPT_TYPES = [
  'text',
  'text_area',
  'text_read_only',
  'text_area_read_only',
  'username',
  'email',
  'password',
  'number',
  'checkbox',
  'radio-button-group',
  'dropdown',
  'date',
  'date-time',
  'file',
  'separator',
  'hidden',
  'static',
  'alert_info',
  'alert_warning',
  'alert_danger',
  'ak-locale',
] as const
export type PromptType = (typeof PROMPT_TYPES)[number]

/** One field of a form. */
export const Prompt: Model = defineModel({
  name: 'Prompt',
  label: 'authentik_stages_prompt.prompt',
  verboseName: 'Prompt',
  table: 'prompt',
  pk: 'prompt_uuid',
  fields: {
    name: text({ unique: true }),
    field_key: text(),
    label: text(),
    type: choice(PROMPT_TYPES),
    required: flag(true),
    placeholder: text({ default: '' }),
    initial_value: text({ default: '' }),
    order: integer({ default: 0 }),
    prompt_stages_obj: computed(listOf('PromptStage')),
    sub_text: text({ default: '' }),
    placeholder_expression: flag(false),
    initial_value_expression: flag(false),
  },
  filters: ['field_key', 'name', 'label', 'type', 'placeholder'],
  search: ['field_key', 'name', 'label', 'type', 'placeholder'],
  ordering: ['field_key'],
  present: presentPrompts,
})

/** A form. */
export const PromptStage: Model = defineStageModel({
  name: 'PromptStage',
  label: 'authentik_stages_prompt.promptstage',
  verboseName: 'Prompt Stage',
  description: 'Prompt the user for input.',
  component: 'ak-stage-prompt-form',
  table: 'stage_prompt',
  fields: {
    fields: many(() => Prompt, { table: 'stage_prompt_field', ours: 'stage', theirs: 'prompt' }, { required: true }),
    validation_policies: many(() => PolicyBase, { table: 'stage_prompt_validation', ours: 'stage', theirs: 'policy' }),
  },
  filters: ['fields', 'name', 'stage_uuid', 'validation_policies'],
})

async function presentPrompts(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  if (rows.length === 0) return []
  const keys = rows.map(row => row.prompt_uuid as string)
  const uses = await ctx.db.selectFrom('stage_prompt_field').selectAll().where('prompt', 'in', keys).execute()
  const stageKeys = [...new Set(uses.map(use => use.stage))]
  const found = stageKeys.length
    ? await findObjects(ctx, PromptStage, { where: [sql<boolean>`stage_prompt.stage_uuid in (${sql.join(stageKeys)})`] })
    : []
  const shown = await presentObjects(ctx, PromptStage, found)
  return keys.map(key => ({
    prompt_stages_obj: shown.filter(stage => uses.some(use => use.prompt === key && use.stage === stage.pk)),
  }))
}

export const prompts: Resource = { path: '/stages/prompt/prompts', model: Prompt, operations: crud(Prompt) }
export const promptStages = stageResource('/stages/prompt/stages', PromptStage)
