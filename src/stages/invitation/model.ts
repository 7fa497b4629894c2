import { sql } from 'kysely'
import { flag } from '../../api/fields.ts'
import { parseFlag } from '../../api/filters.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Lets through who was invited. */
export const InvitationStage = defineStageModel({
  name: 'InvitationStage',
  label: 'authentik_stages_invitation.invitationstage',
  verboseName: 'Invitation Stage',
  description: 'Let people enrol by invitation.',
  component: 'ak-stage-invitation-form',
  table: 'stage_invitation',
  fields: {
    /** Without an invitation the flow goes on as if the stage were not there; otherwise it ends. */
    continue_flow_without_invitation: flag(false),
  },
  filters: {
    continue_flow_without_invitation: {},
    stage_uuid: {},
    no_flows: {
      type: 'boolean',
      apply: (_, [value]) =>
        sql<boolean>`(not exists (select 1 from flow_stage_binding where flow_stage_binding.stage = stage.stage_uuid)) = ${parseFlag(value) ?? false}`,
    },
  },
})

export const invitationStages = stageResource('/stages/invitation/stages', InvitationStage)
