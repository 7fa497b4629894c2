import { choice, flag, hidden, reference, sealed, text } from '../../api/fields.ts'
import { Flow } from '../../flows/flow.ts'
import { NotificationWebhookMapping } from '../../events/notifications/mapping.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Sets up a second factor whose codes come as text messages, or proves a number without keeping it. */
export const AuthenticatorSMSStage = defineStageModel({
  name: 'AuthenticatorSMSStage',
  label: 'authentik_stages_authenticator_sms.authenticatorsmsstage',
  verboseName: 'SMS Authenticator Setup Stage',
  description: 'Set up a second factor whose codes are sent as text messages.',
  component: 'ak-stage-authenticator-sms-form',
  table: 'stage_authenticator_sms',
  fields: {
    /** With what people set it up for themselves; null: they cannot. */
    configure_flow: reference(() => Flow, { nullable: true }),
    friendly_name: text({ default: '' }),
    provider: choice(['twilio', 'generic']),
    from_number: text(),
    /** Account SID of Twilio, or the address that a generic provider is called at. */
    account_sid: text(),
    auth: hidden(sealed(text())),
    auth_password: hidden(sealed(text({ default: '' }))),
    auth_type: choice(['basic', 'bearer'], 'basic'),
    /** Only a hash of the number is kept: it proves somebody once and is no second factor. */
    verify_only: flag(false),
    /** Makes what a generic provider is sent. */
    mapping: reference(() => NotificationWebhookMapping, { nullable: true }),
  },
  filters: [
    'account_sid',
    'auth_type',
    'configure_flow',
    'friendly_name',
    'from_number',
    'mapping',
    'provider',
    'stage_uuid',
    'verify_only',
  ],
})

export const authenticatorSmsStages = stageResource('/stages/authenticator/sms', AuthenticatorSMSStage)
