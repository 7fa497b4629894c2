import type { Row } from '../../api/model.ts'
import { mayTouch } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { callerFor } from '../../core/callers.ts'
import { Group } from '../../core/people.ts'
import { recordEvent } from '../../events/record.ts'
import { beyondCaller } from '../../rbac/escalation.ts'

const DENIED = 'You may not add people to this group.'

/** Why the caller may not let somebody into a group; undefined when they may. */
export async function groupRefusal(ctx: Ctx, group: string): Promise<string | undefined> {
  if (!(await mayTouch(ctx, Group, group, 'authentik_core.add_user_to_group'))) return DENIED
  return beyondCaller(ctx, { groups: [group] })
}

/** Keys of the groups that an invitation leads into. */
export const groupsOfInvitation = async (ctx: Ctx, invitation: string): Promise<string[]> =>
  (await ctx.db.selectFrom('invitation_group').select('group').where('invitation', '=', invitation).execute()).map(row => row.group)

/** The same program, seen with the rights that whoever made an invitation has now; those of nobody when they were switched off. */
async function asCreator(ctx: Ctx, invitation: Row): Promise<Ctx | undefined> {
  const creator = ctx.db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', invitation.created_by as number)
    .where('is_active', '=', true)
  const user = invitation.created_by === null ? undefined : await creator.executeTakeFirst()
  return user && { ...ctx, caller: await callerFor(ctx, user) }
}

/**
 * Lets a new account into the groups of the invitation that it came by, in the transaction that makes it. Whoever made the invitation
 * must still be allowed to; a group that they may not give any more is left out, with an event that says so.
 */
export async function joinGroups(ctx: Ctx, invitation: Row, user: Row): Promise<void> {
  const groups = await groupsOfInvitation(ctx, invitation.invite_uuid as string)
  if (groups.length === 0) return
  const creator = await asCreator(ctx, invitation)
  for (const group of groups) {
    const refusal = creator ? await groupRefusal(creator, group) : DENIED
    if (refusal === undefined) {
      const row = { user: user.id as number, group }
      await ctx.db
        .insertInto('user_group')
        .values(row)
        .onConflict(conflict => conflict.doNothing())
        .execute()
      continue
    }
    const message = `Invitation ${String(invitation.name)} gave no group, since its creator may not give it any more: ${refusal}`
    await recordEvent(ctx, 'configuration_warning', { message, group }, { user })
  }
}
