import { rekeySession } from '../core/session/session.ts'
import type { Run } from './stage.ts'
import { Superseded } from './sign-in.ts'
import { adoptSession } from './visit.ts'

/**
 * Gives the browser's session a new key: whoever knew the old one from before holds nothing. What hangs on the session stays with it.
 * @throws Superseded when another request was quicker
 */
export async function rotateSession(run: Pick<Run, 'ctx' | 'visit'>): Promise<void> {
  const { ctx, visit } = run
  if (!visit.session) return
  const rekeyed = await rekeySession(ctx, visit.session)
  if (!rekeyed) throw new Superseded()
  await adoptSession(ctx, visit, rekeyed.key, rekeyed.session, ctx.caller.user)
  if (ctx.caller.session) run.ctx = { ...ctx, caller: { ...ctx.caller, session: rekeyed.session } }
}
