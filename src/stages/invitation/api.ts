import { Type } from 'typebox'
import { objectAt } from '../../api/objects.ts'
import { invalid } from '../../api/errors.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import { body, checked } from '../../api/validate.ts'
import { transact } from '../../context.ts'
import { Invitation } from './invitation.ts'
import { mailInvitation, MAX_ADDRESSES, readAddresses, readTemplate, requireGrant } from './mail.ts'
import { ownRoutes } from './own-api.ts'

const addresses = Type.Array(Type.Unknown(), { maxItems: MAX_ADDRESSES })
const Request = body(
  { email_addresses: addresses, cc_addresses: addresses, bcc_addresses: addresses, template: Type.String({ minLength: 1 }) },
  ['cc_addresses', 'bcc_addresses', 'template'],
)
type Sent = { email_addresses: unknown[]; cc_addresses?: unknown[]; bcc_addresses?: unknown[]; template?: string }

export const invitationRoutes: Record<string, SpecialOperation> = {
  ...ownRoutes,
  /** Mails the link of an invitation: a mail to each address, with the copies that are asked for. */
  'POST /stages/invitation/invitations/:pk/send_email/': {
    status: 204,
    body: Request,
    bodyName: 'InvitationSendEmailRequest',
    handler: async (ctx, request) => {
      const invitation = await objectAt(ctx, Invitation, (request.params as { pk: string }).pk)
      const key = invitation.invite_uuid as string
      // Whoever may mail the link holds it: that is more than seeing that it exists.
      await requireObject(ctx, Invitation, key, 'change')
      await requireGrant(ctx, key)
      const sent = checked<Sent>(Request, request.body)
      const to = readAddresses('email_addresses', sent.email_addresses)
      if (to.length === 0) throw invalid({ error: 'No email addresses provided' })
      if (invitation.flow === null) throw invalid({ error: 'Invitation has no associated flow' })
      const template = await readTemplate(ctx, sent.template)
      const cc = readAddresses('cc_addresses', sent.cc_addresses)
      const bcc = readAddresses('bcc_addresses', sent.bcc_addresses)
      await transact(ctx, ctx => mailInvitation(ctx, invitation, { to, cc, bcc, template }))
    },
  },
}
