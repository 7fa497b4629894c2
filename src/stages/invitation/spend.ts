import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { asObject } from '../../flows/objects.ts'
import type { Plan } from '../../flows/plan.ts'
import { groupsOfInvitation, joinGroups } from './groups.ts'
import { Invitation } from './invitation.ts'
import { readKey } from './link.ts'
import { noteUsed } from './record.ts'

/** What is said of a link that opens nothing, whatever is wrong with it. */
export const INVALID = 'Invalid invite/invite not found'
/** To whoever fills in the form while another uses the same invitation up. */
export const USED = 'This invitation was already used.'

/** The invitation is worth nothing any more; its message is for the person who holds it. */
export class InvitationGone extends Error {}

/** Under which a plan keeps the flow whose invitation it took, where that is another one: people come back from login sources in a new plan. */
export const ACCEPTED_IN = 'goauthentik.io/stages/invitation/flow'

/** The flow in which the plan's invitation was opened. */
export const acceptedIn = ({ flow, context }: Pick<Plan, 'flow' | 'context'>): Row =>
  typeof context[ACCEPTED_IN] === 'string' ? { flow_uuid: context[ACCEPTED_IN] } : flow

/**
 * Good for every flow, for this one, or for one whose page links here as its other way, without a password: whoever opens the link of an
 * invitation chooses between them there.
 */
const isFor = (flow: Row) => sql<boolean>`(invitation.flow is null or invitation.flow = ${flow.flow_uuid} or invitation.flow in (
  select binding.target from flow_stage_binding as binding
  join stage_identification as page on page.stage_uuid = binding.stage
  where page.passwordless_flow = ${flow.flow_uuid}))`

const isValid = (ctx: Ctx, flow: Row) => sql<boolean>`(invitation.expires is null or invitation.expires > ${ctx.now()}) and ${isFor(flow)}`

/** The invitation behind a link's key, if it is good for this flow at this instant. Looking does not use it up. */
export async function validInvitation(ctx: Ctx, key: string, flow: Row): Promise<Row | undefined> {
  const read = readKey(ctx, key)
  if (!read) return undefined
  const { uuid, proven } = read
  const row = await ctx.db.selectFrom('invitation').selectAll().where('invite_uuid', '=', uuid).where(isValid(ctx, flow)).executeTakeFirst()
  // One that leads into groups takes more than the identifier that lists of invitations show.
  return row && !proven && (await groupsOfInvitation(ctx, uuid)).length > 0 ? undefined : row
}

/**
 * Uses the plan's invitation, inside the transaction that writes what it was for: if that fails, it stays as it was. Of several that use
 * a single-use invitation at once one gets through, since the deletion of the row decides. Nothing happens in a plan without an
 * invitation, or whose invitation was counted already. The account joins the groups that the invitation gives.
 * @param user whom it let in
 * @returns the invitation for the plan to keep, once the transaction holds
 * @throws InvitationGone when another was quicker, or its time ended meanwhile
 */
export async function spendInvitation(ctx: Ctx, plan: Plan, user: Row | null): Promise<Row | undefined> {
  if (plan.context.invitation_in_effect !== true) return undefined
  const invitation = plan.context.invitation as Row | null
  // Plans keep the key alone: what was deleted since is null.
  if (invitation === null) throw new InvitationGone(USED)
  if (invitation.invite_uuid === null) return undefined
  const key = invitation.invite_uuid as string
  const row = invitation.single_use
    ? await ctx.db
        .deleteFrom('invitation')
        .where('invite_uuid', '=', key)
        .where(isValid(ctx, acceptedIn(plan)))
        .returningAll()
        .executeTakeFirst()
    : await ctx.db
        .selectFrom('invitation')
        .selectAll()
        .where('invite_uuid', '=', key)
        .where(isValid(ctx, acceptedIn(plan)))
        .executeTakeFirst()
  if (!row) {
    const left = await ctx.db.selectFrom('invitation').select('invite_uuid').where('invite_uuid', '=', key).executeTakeFirst()
    throw new InvitationGone(left ? INVALID : USED)
  }
  await noteUsed(ctx, row, user)
  if (user) await joinGroups(ctx, row, user)
  await recordEvent(ctx, 'invitation_used', { invitation_uuid: key.replaceAll('-', ''), invitation_name: row.name }, { user })
  // Without its key: what is left is a note of what it said, for policies of later stages.
  return asObject(Invitation, { ...row, invite_uuid: null })
}
