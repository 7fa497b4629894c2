import { integer, reference, text } from '../../api/fields.ts'
import { Flow } from '../../flows/flow.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Hands out codes to keep on paper. */
export const AuthenticatorStaticStage = defineStageModel({
  name: 'AuthenticatorStaticStage',
  label: 'authentik_stages_authenticator_static.authenticatorstaticstage',
  verboseName: 'Static Authenticator Setup Stage',
  description: 'Hand out recovery codes, each of which works once.',
  component: 'ak-stage-authenticator-static-form',
  table: 'stage_authenticator_static',
  fields: {
    configure_flow: reference(() => Flow, { nullable: true }),
    friendly_name: text({ default: '' }),
    token_count: integer({ default: 6, minimum: 0 }),
    token_length: integer({ default: 12, minimum: 0, maximum: 100 }),
  },
  filters: ['configure_flow', 'friendly_name', 'stage_uuid', 'token_count', 'token_length'],
})

export const authenticatorStaticStages = stageResource('/stages/authenticator/static', AuthenticatorStaticStage)
