import { duration, flag, hidden, integer, sealed, text } from '../../api/fields.ts'
import { invalid } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireCaller } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { EMAIL_STAGE } from '../../mail/queue.ts'
import { listTemplates, templateExists } from '../../mail/templates.ts'
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
    /** The installation's mail server counts, and the connection below does not. */
    use_global_settings: flag(false),
    host: text({ default: 'localhost', blank: false }),
    port: integer({ default: 25 }),
    username: text({ default: '' }),
    password: hidden(sealed(text({ default: '' }))),
    use_tls: flag(false),
    use_ssl: flag(false),
    /** Seconds. */
    timeout: integer({ default: 10 }),
    from_address: text({ default: 'system@authentik.local', blank: false, format: 'email', maxLength: 254 }),
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

async function clean(ctx: Ctx, values: Row): Promise<Row> {
  const { template } = values
  if (typeof template === 'string' && !(await templateExists(ctx, template)))
    throw invalid({ template: [`Invalid template '${template}' specified.`] })
  return values
}

export const emailStages = stageResource('/stages/email', EmailStage, { clean })

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
