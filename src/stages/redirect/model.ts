import { invalidObject } from '../../api/errors.ts'
import { choice, flag, reference, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { Flow } from '../../flows/flow.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Sends the browser elsewhere, or on to another flow. */
export const RedirectStage = defineStageModel({
  name: 'RedirectStage',
  label: 'authentik_stages_redirect.redirectstage',
  verboseName: 'Redirect Stage',
  description: 'Redirect the user to another flow, potentially with all gathered context.',
  component: 'ak-stage-redirect-form',
  table: 'stage_redirect',
  fields: {
    keep_context: flag(true),
    mode: choice(['static', 'flow']),
    target_static: text({ default: '' }),
    target_flow: reference(() => Flow, { nullable: true }),
  },
  filters: [],
})

function clean(_ctx: Ctx, values: Row, current?: Row): Row {
  const after: Row = { ...current, ...values }
  if (after.mode === 'static' && !after.target_static) throw invalidObject('Target URL should be present when mode is Static.')
  if (after.mode === 'flow' && !after.target_flow) throw invalidObject('Target Flow should be present when mode is Flow.')
  return values
}

export const redirectStages = stageResource('/stages/redirect', RedirectStage, { clean })
