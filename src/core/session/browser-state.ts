import { createHmac } from 'node:crypto'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { sessionCookieOptions, type Session } from './session.ts'

/**
 * What a browser may know of its sign-in: a value that changes when somebody signs in or out, and says nothing else (OIDC Session Management
 * §3.2). Our page in a client's frame compares it; so scripts of ours can read the cookie, unlike the session's.
 */
export const BROWSER_STATE_COOKIE = 'authentik_browser_state'

/** The value for a session and the person it belongs to; it stays when the session's key changes. */
export function browserState(ctx: Ctx, session: Pick<Session, 'sid' | 'session_hash'>, user: Row): string {
  const about = `browser state\n${session.sid ?? session.session_hash}\n${String(user.id)}`
  const known = told.get(session)
  if (known?.about === about) return known.value
  const value = createHmac('sha256', ctx.secrets.sessionKey).update(about).digest('base64url')
  told.set(session, { about, value })
  return value
}

// One request asks several times.
const told = new WeakMap<object, { about: string; value: string }>()

/** The cookie for a browser that somebody is signed in with; without them, one that is gone at once. */
export function browserStateCookie(ctx: Ctx, session: Session | null, user: Row | null) {
  const gone = { persistent: true, expires: new Date(0) }
  return {
    value: session && user ? browserState(ctx, session, user) : '',
    options: { ...sessionCookieOptions(ctx, session && user ? session : gone), httpOnly: false },
  }
}
