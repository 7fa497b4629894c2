import { transact, visitor } from '../context.ts'
import type { Row } from '../api/model.ts'
import { BROWSER_STATE_COOKIE, browserStateCookie } from '../core/session/browser-state.ts'
import { callerFor } from '../core/callers.ts'
import { endSession, endSessionsOf, startSession, SESSION_COOKIE, sessionCookieOptions } from '../core/session/session.ts'
import { changeReputation } from '../policies/reputation/score.ts'
import { recordEvent } from '../events/record.ts'
import type { Run } from './stage.ts'
import { adoptSession, carriedData, rotateCsrf } from './visit.ts'

/** The browser's session ended, or was replaced, while a request worked with it. */
export class Superseded extends Error {
  constructor() {
    super('The session was replaced by another request.')
    this.name = 'Superseded'
  }
}

export type SignIn = {
  user: Row
  /** ms; 0 ends with the browser. */
  lifetime: number
  authMethod?: string
  authMethodArgs: Row
  terminateOthers: boolean
  /** Further things the new session remembers. */
  data?: Row
  /** Further things that the event tells. */
  facts?: Row
}

/**
 * Signs somebody in: a session with a key of its own takes the place of the one the browser had, which is gone with everything that
 * hung on it. Of two requests that do this for one session, one wins. Leaves the event and the date of the login.
 * @throws Superseded when the browser's session is gone
 */
export async function signIn(run: Pick<Run, 'ctx' | 'visit'>, login: SignIn): Promise<void> {
  const { ctx, visit } = run
  const { user } = login
  const id = user.id as number
  const old = visit.session
  // Outside of the transaction: the row is also that of those who guess at the name from the same address, and would be held until the commit.
  await changeReputation(ctx, user.username as string, 1)
  const { key, session } = await transact(ctx, async ctx => {
    if (old) await claim(ctx, old.session_hash)
    const started = await startSession(ctx, {
      user: id,
      data: { ...carriedData(old), ...login.data },
      lifetime: login.lifetime,
      authMethod: login.authMethod,
      authMethodArgs: login.authMethodArgs,
    })
    if (login.terminateOthers) await endSessionsOf(ctx, id, started.session.session_hash)
    await recordEvent(
      ctx,
      'login',
      { auth_method: login.authMethod ?? null, auth_method_args: login.authMethodArgs, ...login.facts },
      { user },
    )
    // Last, since it is one row for all sign-ins of this person: whoever holds it lets the others wait until the commit.
    await ctx.db.updateTable('user').set({ last_login: ctx.now() }).where('id', '=', id).execute()
    return started
  })
  await adoptSession(ctx, visit, key, session, user)
  rotateCsrf(ctx, visit)
  run.ctx = { ...ctx, caller: await callerFor(ctx, user, { session: session as unknown as Row }) }
}

async function claim(ctx: Run['ctx'], hash: string): Promise<void> {
  const { numDeletedRows } = await ctx.db.deleteFrom('session').where('session_hash', '=', hash).executeTakeFirst()
  if (numDeletedRows === 0n) throw new Superseded()
}

/**
 * Ends the browser's session. What is left of the flow goes on as a visitor, in a session that is new when one is needed; before that,
 * those who took part in the session hear of its end where only the browser can tell them.
 */
export async function signOut(run: Run): Promise<void> {
  const { ctx, visit } = run
  const { session } = visit
  const { user } = ctx.caller
  if (session) {
    const farewells = await Promise.all(ctx.registry.farewells.map(farewell => farewell(ctx, session)))
    for (const stage of farewells.flat().reverse()) run.plan.insertStage(stage)
    await transact(ctx, async ctx => {
      await endSession(ctx, session)
      if (user) await recordEvent(ctx, 'logout', {}, { user })
    })
    visit.session = null
    visit.cookies.set(SESSION_COOKIE, { value: '', options: { ...sessionCookieOptions(ctx, { persistent: true, expires: new Date(0) }) } })
    visit.cookies.set(BROWSER_STATE_COOKIE, browserStateCookie(ctx, null, null))
    rotateCsrf(ctx, visit)
  }
  run.ctx = { ...ctx, caller: visitor }
}
