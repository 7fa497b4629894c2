import { reference, text } from '../../api/fields.ts'
import { Flow } from '../../flows/flow.ts'
import { defineStageModel, stageResource } from '../model.ts'
import { DIGITS } from './device.ts'

/** Sets up an app that shows codes. */
export const AuthenticatorTOTPStage = defineStageModel({
  name: 'AuthenticatorTOTPStage',
  label: 'authentik_stages_authenticator_totp.authenticatortotpstage',
  verboseName: 'TOTP Authenticator Setup Stage',
  description: 'Set up an app that shows time-based codes.',
  component: 'ak-stage-authenticator-totp-form',
  table: 'stage_authenticator_totp',
  fields: {
    configure_flow: reference(() => Flow, { nullable: true }),
    friendly_name: text({ default: '' }),
    digits: DIGITS,
  },
  filters: ['configure_flow', 'digits', 'friendly_name', 'stage_uuid'],
})

export const authenticatorTotpStages = stageResource('/stages/authenticator/totp', AuthenticatorTOTPStage)
