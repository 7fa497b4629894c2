import { Type } from 'typebox'
import { objectAt } from '../../api/crud.ts'
import { invalid } from '../../api/errors.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import { body, checked } from '../../api/validate.ts'
import { transact } from '../../context.ts'
import { currentBrand } from '../../core/brand.ts'
import { flowSlug } from '../../flows/definition.ts'
import { flowLink } from '../../mail/links.ts'
import { queueMail } from '../../mail/queue.ts'
import { isMailAddress } from '../../mail/send.ts'
import { templateExists } from '../../mail/templates.ts'
import { Invitation } from './invitation.ts'

const MAX_ADDRESSES = 100

const addresses = Type.Array(Type.Unknown(), { maxItems: MAX_ADDRESSES })
const Request = body(
  { email_addresses: addresses, cc_addresses: addresses, bcc_addresses: addresses, template: Type.String({ minLength: 1 }) },
  ['cc_addresses', 'bcc_addresses', 'template'],
)
type Sent = { email_addresses: unknown[]; cc_addresses?: unknown[]; bcc_addresses?: unknown[]; template?: string }

/** A template by its whole name, or by its bare one: `invitation`. */
const templateName = (name: string): string => (name.includes('/') ? name : `email/${name}.html`)

function readAddresses(field: string, given: unknown[] = []): string[] {
  const wrong = given.filter(address => typeof address !== 'string' || !isMailAddress(address))
  if (wrong.length > 0) throw invalid({ [field]: ['Enter a valid email address.'] })
  return given as string[]
}

export const invitationRoutes: Record<string, SpecialOperation> = {
  /** Mails the link of an invitation: a mail to each address, with the copies that are asked for. */
  'POST /stages/invitation/invitations/:pk/send_email/': {
    status: 204,
    body: Request,
    bodyName: 'InvitationSendEmailRequest',
    handler: async (ctx, request) => {
      const invitation = await objectAt(ctx, Invitation, (request.params as { pk: string }).pk)
      // Whoever may mail the link holds it: that is more than seeing that it exists.
      await requireObject(ctx, Invitation, invitation.invite_uuid as string, 'change')
      const sent = checked<Sent>(Request, request.body)
      const to = readAddresses('email_addresses', sent.email_addresses)
      if (to.length === 0) throw invalid({ error: 'No email addresses provided' })
      const slug = invitation.flow === null ? undefined : await flowSlug(ctx, invitation.flow as string)
      if (slug === undefined) throw invalid({ error: 'Invitation has no associated flow' })
      const template = templateName(sent.template ?? 'invitation')
      if (!(await templateExists(ctx, template))) throw invalid({ template: [`Invalid template '${sent.template}' specified.`] })
      const cc = readAddresses('cc_addresses', sent.cc_addresses)
      const bcc = readAddresses('bcc_addresses', sent.bcc_addresses)
      const url = await flowLink(ctx, slug, new URLSearchParams({ itoken: invitation.invite_uuid as string }))
      const { host } = new URL(url)
      const { title: brand } = await currentBrand(ctx)
      const expires = invitation.expires as Date | null
      await transact(ctx, async ctx => {
        for (const [index, address] of to.entries()) {
          await queueMail(ctx, {
            to: [address],
            // Once each, however many are invited.
            ...(index === 0 && { cc, bcc }),
            subject: `You have been invited to ${host}`,
            template,
            variables: {
              url,
              host,
              brand,
              user: { pk: null, username: '', name: '', email: address },
              expires: expires?.toISOString() ?? null,
              token: invitation.invite_uuid,
            },
            stage: null,
            until: expires?.toISOString() ?? null,
            user: null,
          })
        }
      })
    },
  },
}
