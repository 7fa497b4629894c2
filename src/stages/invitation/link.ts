import type { Row } from '../../api/model.ts'
import { parseUuid } from '../../api/filters.ts'
import type { Ctx } from '../../context.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import { flowLink } from '../../mail/links.ts'
import { groupsOfInvitation } from './groups.ts'

/**
 * The key that a link carries. Whoever may see invitations sees their identifiers, which for plain ones are the whole key, as clients of
 * the API know it. One that leads into groups takes a proof beside it, which is shown only to those who may give the groups: otherwise
 * everybody who may look at invitations could walk into them.
 */

const proofOf = (ctx: Pick<Ctx, 'secrets'>, invitation: string): string => ctx.secrets.hmac('invitation', invitation).slice(0, 32)

/** What the link of an invitation carries as `itoken`. */
export const invitationKey = (ctx: Pick<Ctx, 'secrets'>, invitation: string, groups: readonly unknown[]): string =>
  groups.length === 0 ? invitation : `${invitation}.${proofOf(ctx, invitation)}`

/** Takes a key apart; undefined when it can be none. `proven`: it holds the proof, and not a wrong one. */
export function readKey(ctx: Pick<Ctx, 'secrets'>, key: string): { uuid: string; proven: boolean } | undefined {
  const [name = '', proof] = key.split('.', 2)
  const uuid = parseUuid(name)
  if (uuid === undefined) return undefined
  if (proof === undefined) return { uuid, proven: false }
  return secretsEqual(proof, proofOf(ctx, uuid)) ? { uuid, proven: true } : undefined
}

/** The address that lets somebody in by this invitation. */
export const invitationLink = async (ctx: Ctx, invitation: Row, slug: string): Promise<string> => {
  const uuid = invitation.invite_uuid as string
  const itoken = invitationKey(ctx, uuid, await groupsOfInvitation(ctx, uuid))
  return flowLink(ctx, slug, new URLSearchParams({ itoken }))
}
