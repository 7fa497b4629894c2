import type { Ctx } from '../../context.ts'
import type { OwnSession } from '../../interfaces/owned.ts'
import { parseUserAgent } from '../../http/user-agent.ts'

/** More browsers than anybody looks through: the latest. */
const MOST = 50

/** The browsers that the caller is signed in with, this one first. */
export async function ownSessions(ctx: Ctx): Promise<OwnSession[]> {
  const rows = await ctx.db
    .selectFrom('session')
    .select(['uuid', 'last_ip', 'last_user_agent', 'last_used'])
    .where('user', '=', ctx.caller.user!.id as number)
    .where('expires', '>', ctx.now())
    .orderBy('last_used', 'desc')
    .limit(MOST)
    .execute()
  const sessions = rows.map(({ uuid, last_ip: address, last_user_agent: agent, last_used: lastUsed }): OwnSession => {
    const { user_agent: browser, os } = parseUserAgent(agent)
    return { uuid, browser: browser.family, system: os.family, address, lastUsed, current: ctx.caller.session?.uuid === uuid }
  })
  return sessions.toSorted((a, b) => Number(b.current) - Number(a.current))
}
