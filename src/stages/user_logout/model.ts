import { defineStageModel, stageResource } from '../model.ts'

/** Ends the session. */
export const UserLogoutStage = defineStageModel({
  name: 'UserLogoutStage',
  label: 'authentik_stages_user_logout.userlogoutstage',
  verboseName: 'User Logout Stage',
  description: "Log out the user's session.",
  component: 'ak-stage-user-logout-form',
  table: 'stage_user_logout',
  fields: {},
  filters: ['stage_uuid'],
})

export const userLogoutStages = stageResource('/stages/user_logout', UserLogoutStage)
