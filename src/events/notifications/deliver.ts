import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { User } from '../../core/people.ts'
import { queueMail, type QueuedMail } from '../../mail/queue.ts'
import type { Job } from '../../tasks/job.ts'
import { enqueue } from '../../tasks/queue.ts'
import { Event } from '../event.ts'
import { actionTitle, detailsOf } from './summary.ts'
import { NotificationTransport } from './transport.ts'
import { callWebhook, type Notice } from './webhook.ts'

/** A mail that tells of an event. */
export function noticeMail(transport: Row, { severity, body, event, user }: Notice): QueuedMail {
  const title = event ? actionTitle(event.action as string) : body.slice(0, 75)
  return {
    to: [user.email as string],
    subject: `${String(transport.email_subject_prefix)}${title}`.replaceAll(/[\r\n]+/g, ' '),
    template: transport.email_template as string,
    variables: {
      title,
      body,
      severity,
      key_value: Object.fromEntries(detailsOf(event).filter(([name]) => name !== 'message')),
      user: { pk: user.id, username: user.username, name: user.name, email: user.email },
      brand: 'Signet',
      expires: null,
    },
    stage: null,
    until: null,
    user: user.id as number,
  }
}

/** Queues what a transport sends; whoever has no mail address gets no mail. What stays on the page is not its concern. */
export async function queueNotice(ctx: Ctx, transport: Row, notice: Notice): Promise<void> {
  if (transport.mode === 'email') {
    if (notice.user.email !== '') await queueMail(ctx, noticeMail(transport, notice))
    return
  }
  const { severity, body, event, user } = notice
  const args = { transport: transport.uuid, severity, body, event: event?.event_uuid ?? null, user: user.id }
  await enqueue(ctx, sendWebhook.name, args, { uid: transport.name as string })
}

/** Calls webhooks; what is not taken is tried again for about an hour. */
export const sendWebhook: Job = {
  name: 'notification_webhook',
  description: 'Send a notification to a webhook.',
  maxRetries: 8,
  timeLimit: 60_000,
  async run(ctx, args, { log }) {
    const transport = await findObject(ctx, NotificationTransport, args.transport)
    const user = await findObject(ctx, User, args.user)
    if (!transport?.mode || !String(transport.mode).startsWith('webhook') || !user)
      return log('warning', 'The transport or whom it was for is gone.')
    const event = args.event === null ? null : ((await findObject(ctx, Event, args.event)) ?? null)
    const { status } = await callWebhook(ctx, transport, { severity: args.severity as string, body: args.body as string, event, user })
    log('info', 'webhook called', { transport: transport.name, status })
  },
}
