import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { asObject, isStored } from '../../flows/objects.ts'
import type { Plan, PlanContext } from '../../flows/plan.ts'
import { groupsOfInvitation } from './groups.ts'
import { Invitation } from './invitation.ts'
import { invitationKey } from './link.ts'
import { ACCEPTED_IN, acceptedIn, validInvitation } from './spend.ts'

/**
 * How an invitation survives the way to a login source and back, where another plan begins: the one that the person has opened goes
 * on counting, in the flow in which it was opened, and is spent by the account that comes of it.
 */

/** The invitation that a plan has taken and not spent: the key of its link, and of the flow. */
export async function takenBy(ctx: Ctx, plan: Plan): Promise<{ key: string; flow: string } | undefined> {
  const invitation = plan.context.invitation as Row | null | undefined
  if (plan.context.invitation_in_effect !== true || !isStored(invitation, 'invite_uuid')) return undefined
  const uuid = invitation.invite_uuid as string
  return { key: invitationKey(ctx, uuid, await groupsOfInvitation(ctx, uuid)), flow: acceptedIn(plan).flow_uuid as string }
}

/** What a new plan has to hold for such an invitation to be in effect; undefined when it is worth nothing any more. */
export async function inEffect(
  ctx: Ctx,
  { key, flow }: { key: string; flow: string },
): Promise<(PlanContext & { fixed_data: Row }) | undefined> {
  const row = await validInvitation(ctx, key, { flow_uuid: flow })
  if (!row) return undefined
  const { fixed_data } = row as { fixed_data: Row }
  return { invitation: asObject(Invitation, row), invitation_in_effect: true, [ACCEPTED_IN]: flow, fixed_data }
}
