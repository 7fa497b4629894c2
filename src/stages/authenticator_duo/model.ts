import { hidden, reference, sealed, text } from '../../api/fields.ts'
import { Flow } from '../../flows/flow.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Sets up Duo as a second factor: its app asks on the person's phone. */
export const AuthenticatorDuoStage = defineStageModel({
  name: 'AuthenticatorDuoStage',
  label: 'authentik_stages_authenticator_duo.authenticatorduostage',
  verboseName: 'Duo Authenticator Setup Stage',
  description: 'Set up Duo as a second factor.',
  component: 'ak-stage-authenticator-duo-form',
  table: 'stage_authenticator_duo',
  fields: {
    /** With what people set it up for themselves; null: they cannot. */
    configure_flow: reference(() => Flow, { nullable: true }),
    friendly_name: text({ default: '' }),
    /** Integration key of an "Auth API" application. */
    client_id: text(),
    client_secret: hidden(sealed(text())),
    api_hostname: text(),
    /** Of an "Admin API" application, which imports need. */
    admin_integration_key: text({ default: '' }),
    admin_secret_key: hidden(sealed(text({ default: '' }))),
  },
  filters: ['api_hostname', 'client_id', 'configure_flow'],
})

export const authenticatorDuoStages = stageResource('/stages/authenticator/duo', AuthenticatorDuoStage)
