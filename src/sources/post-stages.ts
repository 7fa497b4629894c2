import type { Row } from '../api/model.ts'
import { isStored } from '../flows/objects.ts'
import { defineMemoryStage, denied, next, type Run } from '../flows/stage.ts'
import { connect, CONNECT, Taken, type ConnectData } from './connect.ts'
import { takeGroups, type GroupsData } from './groups.ts'

/** What follows in the plans of source sign-ins, once the flow's own stages are done. None of them asks anything. */

export const GROUPS = 'source-groups'

/** The account that the flow has signed in; undefined where it signed nobody in. */
function signedIn({ ctx, plan }: Run): Row | undefined {
  const pending = plan.context.pending_user as Row | undefined
  const { user } = ctx.caller
  return user && isStored(pending, 'id') && user.id === pending.id ? user : undefined
}

/**
 * Connects the identity with whoever is signed in now, and notes that this session came from the source. Where it was to be a certain
 * account, nobody else gets it.
 */
export const connectStage = defineMemoryStage({
  kind: CONNECT,
  async challenge(run) {
    const data = run.stage as unknown as ConnectData
    const user = signedIn(run)
    if (!user || (data.user !== null && data.user !== user.id)) return next()
    const { ctx, visit } = run
    try {
      await connect(ctx, data, user)
    } catch (error) {
      if (error instanceof Taken) return denied(error.message)
      throw error
    }
    if (data.session && visit.session) {
      const { sub, sid } = data.session
      await ctx.db
        .insertInto('source_session')
        .values({ session: visit.session.session_hash, source: data.source.pbm_uuid, sub, sid })
        .onConflict(conflict => conflict.column('session').doUpdateSet({ source: data.source.pbm_uuid, sub, sid }))
        .execute()
    }
    return next()
  },
})

/** Takes over the groups that the source tells of, for the account that the flow signed in or made. */
export const groupsStage = defineMemoryStage({
  kind: GROUPS,
  async challenge(run) {
    const user = signedIn(run)
    if (user) await takeGroups(run.ctx, run.stage as unknown as GroupsData, user.id as number)
    return next()
  },
})
