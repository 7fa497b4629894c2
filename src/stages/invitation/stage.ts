import type { Row } from '../../api/model.ts'
import { transact } from '../../context.ts'
import { asObject } from '../../flows/objects.ts'
import { defineStage, denied, next, type Run } from '../../flows/stage.ts'
import { deepMerge } from '../../lib/deep-merge.ts'
import { UserWriteStage } from '../user_write/model.ts'
import { Invitation } from './invitation.ts'
import { InvitationStage } from './model.ts'
import { readKey } from './link.ts'
import { noteOpened } from './record.ts'
import { acceptedIn, INVALID, InvitationGone, spendInvitation, validInvitation } from './spend.ts'

/** The key of the invitation: of the page's link, or what a form or expression left. */
function keyOf({ plan, query }: Run): string | undefined {
  const gathered = (plan.context.prompt_data as Row | undefined)?.token
  return [query.get('itoken'), query.get('token'), gathered].find(key => typeof key === 'string' && key !== '') as string | undefined
}

/** An account will be written further on, and that is what uses the invitation up. */
const willWrite = ({ plan }: Run): boolean => plan.stages.some(stage => stage.kind === 'bound' && stage.stage.kind === UserWriteStage.label)

export const invitation = defineStage({
  model: InvitationStage,

  async challenge(run) {
    const { ctx, flow, plan, stage } = run
    const key = keyOf(run)
    // A flow that began anew with what it had gathered, or after a way to a login source, holds the data already; lists would grow.
    const known = plan.context.invitation as Row | null | undefined
    const same = key !== undefined && known?.invite_uuid !== undefined && readKey(ctx, key)?.uuid === known.invite_uuid
    const row = key === undefined ? undefined : await validInvitation(ctx, key, same ? acceptedIn(plan) : flow)
    if (!row) return stage.continue_flow_without_invitation ? next() : denied(INVALID)
    if (known?.invite_uuid !== row.invite_uuid) {
      plan.context.prompt_data = deepMerge((plan.context.prompt_data as Row | undefined) ?? {}, row.fixed_data as Row)
      await noteOpened(ctx, row)
    }
    plan.context.invitation = asObject(Invitation, row)
    plan.context.invitation_in_effect = true
    if (willWrite(run)) return next()
    try {
      plan.context.invitation = await transact(ctx, ctx => spendInvitation(ctx, plan, ctx.caller.user))
      return next()
    } catch (error) {
      if (error instanceof InvitationGone) return denied(error.message)
      throw error
    }
  },
})
