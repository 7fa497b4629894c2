import { duration, reference, text } from '../../api/fields.ts'
import { Flow } from '../../flows/flow.ts'
import { cleanTemplate, smtpFields } from '../../mail/stage-fields.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Sets up a second factor whose codes come by mail. */
export const AuthenticatorEmailStage = defineStageModel({
  name: 'AuthenticatorEmailStage',
  label: 'authentik_stages_authenticator_email.authenticatoremailstage',
  verboseName: 'Email Authenticator Setup Stage',
  description: 'Set up a second factor whose codes are sent by email.',
  component: 'ak-stage-authenticator-email-form',
  table: 'stage_authenticator_email',
  fields: {
    /** With what people set it up for themselves; null: they cannot. */
    configure_flow: reference(() => Flow, { nullable: true }),
    friendly_name: text({ default: '' }),
    ...smtpFields,
    subject: text({ default: 'authentik Sign-in code', blank: false }),
    token_expiry: duration('minutes=30'),
    template: text({ default: 'email/email_otp.html', blank: false }),
  },
  filters: [
    'configure_flow',
    'friendly_name',
    'from_address',
    'host',
    'port',
    'stage_uuid',
    'subject',
    'template',
    'timeout',
    'token_expiry',
    'use_global_settings',
    'use_ssl',
    'use_tls',
    'username',
  ],
})

export const authenticatorEmailStages = stageResource('/stages/authenticator/email', AuthenticatorEmailStage, { clean: cleanTemplate })
