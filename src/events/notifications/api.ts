import { objectAt } from '../../api/objects.ts'
import { ApiError } from '../../api/errors.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import { unnoticed, type Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { sendNow } from '../../mail/queue.ts'
import { noticeMail } from './deliver.ts'
import { store } from './evaluate.ts'
import { notificationRoutes as ownNotifications } from './notification.ts'
import { NotificationTransport } from './transport.ts'
import { callWebhook, WebhookError, type Notice } from './webhook.ts'

/** Sends a notification to the caller by a transport, and waits for it. Returns what there is to say. */
async function tryOut(ctx: Ctx, transport: Row): Promise<string[]> {
  const notice: Notice = { severity: 'notice', body: 'Test notification', event: null, user: ctx.caller.user! }
  if (transport.mode === 'local') {
    await store(ctx, [notice.user], { severity: notice.severity, body: notice.body, event: null })
    return []
  }
  if (transport.mode !== 'email') return [String((await callWebhook(ctx, transport, notice)).status)]
  if (notice.user.email === '') throw new WebhookError('you have no email address')
  await sendNow(ctx, noticeMail(transport, notice))
  return [`Email sent to ${String(notice.user.email)}`]
}

export const notificationRoutes: Record<string, SpecialOperation> = {
  ...ownNotifications,
  'POST /events/transports/:pk/test/': {
    response: 'NotificationTransportTest',
    handler: async (ctx, request) => {
      const transport = await objectAt(ctx, NotificationTransport, (request.params as { pk: string }).pk)
      await requireObject(ctx, NotificationTransport, transport.uuid as string, 'change')
      try {
        return { messages: await tryOut(unnoticed(ctx), transport) }
      } catch (error) {
        if (!(error instanceof OutgoingError || error instanceof WebhookError || transport.mode === 'email')) throw error
        throw new ApiError(500, { detail: (error as Error).message }, { cause: error })
      }
    },
  },
}
