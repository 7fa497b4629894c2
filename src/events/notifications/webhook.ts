import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { makeOutgoing, type OutgoingResponse } from '../../http/outgoing/outgoing.ts'
import { evaluateMapping, type MappingRow } from '../../mappings/evaluate.ts'
import { VERSION } from '../../version.ts'
import { Event } from '../event.ts'
import { NotificationWebhookMapping } from './mapping.ts'
import { detailsOf } from './summary.ts'

/** What one person is told of an event. */
export type Notice = {
  severity: string
  body: string
  /** Null when the entry is no longer kept, and in tests of a transport. */
  event: Row | null
  user: Row
}

const TIMEOUT = 15_000 // ms
const MAX_ANSWER = 65_536 // bytes; nobody reads it
const MAX_FIELDS = 25

/** The request could not be made, or was not taken. Its message names neither address nor answer. */
export class WebhookError extends Error {}

/** What a webhook without a mapping gets. */
function plainBody({ severity, body, event, user }: Notice): Row {
  const by = event?.user as Row | undefined
  return {
    body,
    severity,
    user_email: user.email,
    user_username: user.username,
    ...(by && by.pk !== null && by.pk !== undefined && { event_user_email: by.email, event_user_username: by.username }),
  }
}

/** A message as Slack takes it, and whoever takes Slack's. */
function slackBody({ severity, body, event, user }: Notice): Row {
  const fields = [
    { title: 'Severity', value: severity, short: true },
    { title: 'Dispatched for user', value: String(user.username), short: true },
    ...detailsOf(event).map(([title, value]) => ({ title, value: value.slice(0, 1_000), short: value.length < 40 })),
  ]
  const attachment = {
    author_name: 'Signet',
    author_link: '',
    author_icon: '',
    title: body,
    color: '#fd4b2d',
    fields: fields.slice(0, MAX_FIELDS),
    footer: `Signet ${VERSION}`,
  }
  return { username: 'Signet', icon_url: '', attachments: [attachment] }
}

/** What a mapping makes of a notification. @throws WebhookError when it fails; the event that tells why is written */
async function mapped(ctx: Ctx, key: string, notice: Notice): Promise<unknown> {
  const mapping = await findObject(ctx, NotificationWebhookMapping, key)
  if (!mapping) throw new WebhookError('the mapping is gone')
  const { Facts } = await import('../../expression/host/request.ts')
  const result = await evaluateMapping(ctx, mapping as MappingRow, {
    user: notice.user,
    variables: (scope, user) => ({
      notification: new Facts('Notification', 'authentik.events.models', {
        body: () => notice.body,
        severity: () => notice.severity,
        event: () => notice.event && scope.conversion.object(Event.label, notice.event),
        user: () => user,
        hyperlink: () => null,
        hyperlink_label: () => null,
      }),
    }),
  })
  if (result === undefined) throw new WebhookError(`the mapping ${String(eventModel(NotificationWebhookMapping, mapping).name)} failed`)
  return result
}

function headersOf(made: unknown): Record<string, string> {
  if (typeof made !== 'object' || made === null || Array.isArray(made))
    throw new WebhookError('the mapping of the headers must return a dict')
  return Object.fromEntries(Object.entries(made).map(([name, value]) => [name, String(value)]))
}

/** A client that trusts one more certificate, where the transport names it. */
async function clientFor(ctx: Ctx, transport: Row) {
  if (transport.webhook_ca === null) return makeOutgoing(ctx.config.outgoing_allow)
  const ca = ctx.db
    .selectFrom('keypair')
    .select('certificate_data')
    .where('kp_uuid', '=', transport.webhook_ca as string)
  return makeOutgoing(ctx.config.outgoing_allow, { ca: (await ca.executeTakeFirstOrThrow()).certificate_data })
}

/**
 * Sends a notification to the server of a transport: resolves to its answer when that took it.
 * @throws WebhookError, OutgoingError
 */
export async function callWebhook(ctx: Ctx, transport: Row, notice: Notice): Promise<OutgoingResponse> {
  const body = transport.webhook_mapping_body
    ? await mapped(ctx, transport.webhook_mapping_body as string, notice)
    : transport.mode === 'webhook_slack'
      ? slackBody(notice)
      : plainBody(notice)
  const headers = transport.webhook_mapping_headers ? headersOf(await mapped(ctx, transport.webhook_mapping_headers as string, notice)) : {}
  const call = await clientFor(ctx, transport)
  const answer = await call(transport.webhook_url as string, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    timeout: TIMEOUT,
    maxBytes: MAX_ANSWER,
    redirects: 0,
  })
  if (answer.status < 200 || answer.status > 299) throw new WebhookError(`the server answered with ${answer.status}`)
  return answer
}
