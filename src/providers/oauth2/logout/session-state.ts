import { hash } from 'node:crypto'
import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { browserState, BROWSER_STATE_COOKIE, browserStateCookie } from '../../../core/session/browser-state.ts'
import type { Session } from '../../../core/session/session.ts'
import type { Visit } from '../../../flows/visit.ts'
import { cookieOf } from '../../../http/cookie.ts'
import { renderCheckSession } from '../../../interfaces/check-session.ts'
import { siteSource } from '../../../interfaces/security-headers.ts'
import type { Answer } from '../answer.ts'
import type { AuthorizationRequest } from '../authorize/request.ts'
import { notFoundPage, type Browser } from '../browser.ts'
import type { Client } from '../client/client.ts'
import type { RedirectUri } from '../client/redirect-uri.ts'

const SALT_BYTES = 16

/**
 * The `session_state` of an answer, OIDC Session Management §2: what the client's page shows to ours, which then tells whether this is still the
 * same sign-in. Undefined where no page of the client could ask: an application without web pages, or a request that is not OpenID Connect.
 */
export function sessionState(ctx: Ctx, client: Client, request: AuthorizationRequest, user: Row, session: Session): string | undefined {
  const { redirect_uri: uri } = request.delivery
  if (!request.scopes.includes('openid') || !/^https?:/i.test(uri)) return undefined
  const salt = Buffer.from(ctx.randomBytes(SALT_BYTES)).toString('hex')
  const said = [client.client_id, new URL(uri).origin, browserState(ctx, session, user), salt].join(' ')
  return `${hash('sha256', said)}.${salt}`
}

/** Lets our page know of the sign-in, where the browser has yet to hear of it. */
export function showBrowserState(ctx: Ctx, visit: Visit, session: Session, user: Row): void {
  if (cookieOf(ctx, BROWSER_STATE_COOKIE) === browserState(ctx, session, user)) return
  visit.cookies.set(BROWSER_STATE_COOKIE, browserStateCookie(ctx, session, user))
}

/** More than that would not fit into a header. */
const MOST_SITES = 100

/** Sites whose pages may show ours: those that answers are sent to; where addresses are patterns, or all too many, any. */
function framers(clients: readonly Client[]): string[] {
  const patterns = clients.some(({ provider }) => (provider.redirect_uris as RedirectUri[]).some(uri => uri.matching_mode === 'regex'))
  const sites = new Set(clients.flatMap(({ origins }) => [...origins].filter(origin => siteSource(origin) !== undefined)))
  return patterns || sites.size > MOST_SITES ? ['https:', 'http:'] : [...sites]
}

/** The page that pages of these clients ask, in a frame, whether the sign-in is still the same (`check_session_iframe`, §3.2). */
export const checkSession = async (clients: readonly Client[], browser: Browser): Promise<Answer> =>
  clients.length > 0
    ? renderCheckSession(await browser.page(), { cookie: BROWSER_STATE_COOKIE, framers: framers(clients) })
    : notFoundPage(browser)
