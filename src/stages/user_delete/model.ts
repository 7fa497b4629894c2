import { defineStageModel, stageResource } from '../model.ts'

/** Deletes the account that the flow is about. */
export const UserDeleteStage = defineStageModel({
  name: 'UserDeleteStage',
  label: 'authentik_stages_user_delete.userdeletestage',
  verboseName: 'User Delete Stage',
  description: 'Delete the user of this flow, for good.',
  component: 'ak-stage-user-delete-form',
  table: 'stage_user_delete',
  fields: {},
  filters: ['stage_uuid'],
})

export const userDeleteStages = stageResource('/stages/user_delete', UserDeleteStage)
