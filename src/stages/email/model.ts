import { duration, flag, integer, text } from '../../api/fields.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireCaller } from '../../api/permissions.ts'
import { EMAIL_STAGE } from '../../mail/queue.ts'
import { cleanTemplate, smtpFields } from '../../mail/stage-fields.ts'
import { listTemplates } from '../../mail/templates.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Proves that somebody reads the mail of an address: sends a link that brings them back here. */
export const EmailStage = defineStageModel({
  name: 'EmailStage',
  label: EMAIL_STAGE,
  verboseName: 'Email Stage',
  description: 'Send an email to the user with a link, to confirm their address or to let them in again.',
  component: 'ak-stage-email-form',
  table: 'stage_email',
  fields: {
    ...smtpFields,
    activate_user_on_success: flag(false),
    subject: text({ default: 'authentik', blank: false }),
    template: text({ default: 'email/password_reset.html', blank: false }),
    token_expiry: duration('minutes=30'),
    /** How many mails one address gets within the window. */
    recovery_max_attempts: integer({ default: 5, minimum: 0 }),
    recovery_cache_timeout: duration('minutes=5'),
  },
  filters: [
    'activate_user_on_success',
    'from_address',
    'host',
    'port',
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

export const emailStages = stageResource('/stages/email', EmailStage, { clean: cleanTemplate })

export const emailStageRoutes: Record<string, SpecialOperation> = {
  'GET /stages/email/templates/': {
    response: 'TypeCreate',
    many: 'list',
    handler: async ctx => {
      requireCaller(ctx)
      return (await listTemplates(ctx)).map(choice => ({ ...choice, component: '', model_name: '' }))
    },
  },
}
