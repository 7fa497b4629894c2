import { transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { endSession, type Session } from './sessions.ts'

/** Under which a session keeps that it belongs to the network or place it was opened from; written by the login stage. */
export const BINDING = 'authentik/stages/user_login/binding'

/**
 * Ends a bound session that is used from another address; answers whether it did. What an address belongs to (AS, city) is not known
 * here, and a binding that cannot be checked counts as broken.
 */
export async function endBrokenBinding(ctx: Ctx, session: Session): Promise<boolean> {
  if (!(BINDING in session.data) || ctx.request === null || ctx.request.clientIp === session.last_ip) return false
  const user =
    session.user === null ? undefined : await ctx.db.selectFrom('user').selectAll().where('id', '=', session.user).executeTakeFirst()
  await transact(ctx, async ctx => {
    await endSession(ctx, session)
    await recordEvent(
      ctx,
      'logout',
      { reason: 'Session binding broken', binding: session.data[BINDING], previous_ip: session.last_ip },
      { user: user ?? null },
    )
  })
  return true
}
