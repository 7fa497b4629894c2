import { invalid, permissionDenied } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { flowSlug } from '../../flows/definition.ts'
import { queueMail } from '../../mail/queue.ts'
import { isMailAddress } from '../../mail/send.ts'
import { templateExists } from '../../mail/templates.ts'
import { groupRefusal, groupsOfInvitation } from './groups.ts'
import { invitationLink } from './link.ts'

export const MAX_ADDRESSES = 100

/** What a mail is made of, besides the invitation. */
type Letter = { to: string[]; cc?: string[]; bcc?: string[]; template?: string }

/** A template by its whole name, or by its bare one: `invitation`. */
const templateName = (name: string): string => (name.includes('/') ? name : `email/${name}.html`)

/** The addresses of a body. @throws the 400 that names the field */
export function readAddresses(field: string, given: unknown[] = []): string[] {
  const wrong = given.filter(address => typeof address !== 'string' || !isMailAddress(address))
  if (wrong.length > 0) throw invalid({ [field]: ['Enter a valid email address.'] })
  return given as string[]
}

/** Refuses whoever may not give the groups that an invitation leads into: its link is theirs to hand out and nobody else's. */
export async function requireGrant(ctx: Ctx, invitation: string): Promise<void> {
  for (const group of await groupsOfInvitation(ctx, invitation))
    if ((await groupRefusal(ctx, group)) !== undefined) throw permissionDenied()
}

/** A mail's template that exists, by the name that was sent. @throws the 400 that says that there is none */
export async function readTemplate(ctx: Ctx, sent = 'invitation'): Promise<string> {
  const template = templateName(sent)
  if (!(await templateExists(ctx, template))) throw invalid({ template: [`Invalid template '${sent}' specified.`] })
  return template
}

/** Queues the link of an invitation: a mail to each address, with the copies that are asked for. */
export async function mailInvitation(ctx: Ctx, invitation: Row, { to, cc = [], bcc = [], template }: Letter): Promise<void> {
  const slug = invitation.flow === null ? undefined : await flowSlug(ctx, invitation.flow as string)
  if (slug === undefined) throw invalid({ error: 'Invitation has no associated flow' })
  const url = await invitationLink(ctx, invitation, slug)
  const { host } = new URL(url)
  const { title: brand } = await currentBrand(ctx)
  const expires = (invitation.expires as Date | null)?.toISOString() ?? null
  for (const [index, address] of to.entries()) {
    await queueMail(ctx, {
      to: [address],
      // Once each, however many are invited.
      ...(index === 0 && { cc, bcc }),
      subject: `You have been invited to ${host}`,
      template: template ?? templateName('invitation'),
      variables: {
        url,
        host,
        brand,
        user: { pk: null, username: '', name: '', email: address },
        expires,
        token: new URL(url).searchParams.get('itoken'),
      },
      stage: null,
      until: expires,
      user: null,
    })
  }
}
