import { Type } from 'typebox'
import { crud } from '../../api/crud.ts'
import { invalid } from '../../api/errors.ts'
import { choice, computed, flag, reference, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import type { Ctx } from '../../context.ts'
import { CertificateKeyPair } from '../../crypto/model.ts'
import { templateExists } from '../../mail/templates.ts'
import { NotificationWebhookMapping } from './mapping.ts'

/** How a notification travels, and what administrators call that. */
const MODES = {
  local: 'Local notifications',
  webhook: 'Generic Webhook',
  webhook_slack: 'Slack Webhook (Slack/Discord)',
  email: 'Email',
} as const
export type Mode = keyof typeof MODES

const urlError = (url: string): string | undefined =>
  url === '' || (/^https?:$/.test(URL.parse(url)?.protocol ?? '') && url.length <= 8_192) ? undefined : 'Enter a valid URL.'

/** A way by which notifications reach people: on the page, by mail, or a request to another server. */
export const NotificationTransport: Model = defineModel({
  name: 'NotificationTransport',
  label: 'authentik_events.notificationtransport',
  verboseName: 'Notification Transport',
  table: 'notification_transport',
  pk: 'uuid',
  fields: {
    name: text({ unique: true }),
    mode: choice(Object.keys(MODES) as Mode[], 'local'),
    mode_verbose: computed(Type.String()),
    // Whoever knows the address of a chat's webhook may write there.
    webhook_url: { ...text({ default: '', check: urlError }), secret: true },
    /** Whose certificates the server may show, beside those that are trusted anyway. */
    webhook_ca: reference(() => CertificateKeyPair, { nullable: true }),
    webhook_mapping_body: reference(() => NotificationWebhookMapping, { nullable: true }),
    webhook_mapping_headers: reference(() => NotificationWebhookMapping, { nullable: true }),
    email_subject_prefix: text({ default: 'authentik Notification: ' }),
    email_template: text({ default: 'email/event_notification.html', blank: false }),
    /** To the first recipient alone: one message in a chat, however many people a rule has. */
    send_once: flag(false),
  },
  filters: ['name', 'mode', 'send_once', 'webhook_url'],
  search: ['name', 'mode'],
  ordering: ['name'],
  present: (_, rows) => rows.map(row => ({ mode_verbose: MODES[row.mode as Mode] })),
})

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const whole = { mode: 'local', webhook_url: '', ...current, ...values }
  if (whole.mode.startsWith('webhook') && whole.webhook_url === '') throw invalid({ webhook_url: ['Webhook URL may not be empty.'] })
  const template = values.email_template as string | undefined
  if (template !== undefined && !(await templateExists(ctx, template)))
    throw invalid({ email_template: [`Invalid template '${template}' specified.`] })
  return values
}

export const notificationTransports: Resource = {
  path: '/events/transports',
  model: NotificationTransport,
  operations: crud(NotificationTransport, { clean }),
}
