import { text } from '../../api/fields.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Refuses whoever gets here. */
export const DenyStage = defineStageModel({
  name: 'DenyStage',
  label: 'authentik_stages_deny.denystage',
  verboseName: 'Deny Stage',
  description: 'Statically deny the flow. To use this stage effectively, disable evaluation on plan and bind policies to it.',
  component: 'ak-stage-deny-form',
  table: 'stage_deny',
  fields: { deny_message: text({ default: '' }) },
  filters: ['deny_message', 'stage_uuid'],
})

export const denyStages = stageResource('/stages/deny', DenyStage)
