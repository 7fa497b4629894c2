import type { FastifyReply } from 'fastify'
import { isDeepStrictEqual } from 'node:util'
import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import {
  CSRF_COOKIE,
  SESSION_COOKIE,
  findSession,
  saveSessionData,
  sessionCookieOptions,
  sessionCookieValue,
  startSession,
  type Session,
} from '../core/session/session.ts'
import { cookieOf } from '../http/cookie.ts'
import { BROWSER_STATE_COOKIE, browserStateCookie } from '../core/session/browser-state.ts'
import { toBase64url } from '../lib/base64url.ts'
import { savePlan, type Plan } from './plan.ts'

type Cookie = { value: string; options: Parameters<FastifyReply['setCookie']>[2] }

/** One browser during one request: its session, and the cookies that the answer will set. */
export type Visit = {
  session: Session | null
  /** By name; the last one wins. */
  cookies: Map<string, Cookie>
}

/** Where sessions keep what flows remember; expressions read these names. */
export const PLAN = 'authentik/flows/plan'
export const GET = 'authentik/flows/get'
export const DEVICE_COOKIE = 'authentik_device'

/** The browser behind a request; without a session when it has none yet. */
export async function openVisit(ctx: Ctx): Promise<Visit> {
  const known = ctx.caller.session as Session | null
  return { session: known ?? (await findSession(ctx, cookieOf(ctx, SESSION_COOKIE))) ?? null, cookies: new Map() }
}

const YEAR = 31_536_000 // seconds

/** Gives the browser a CSRF token. Scripts of our pages read it; other sites cannot. */
export function rotateCsrf(ctx: Ctx, visit: Visit): string {
  const value = toBase64url(ctx.randomBytes(32))
  const secure = ctx.request?.origin.startsWith('https:') ?? false
  const { path } = ctx.config.web
  const domain = ctx.config.cookie_domain ? { domain: ctx.config.cookie_domain } : {}
  visit.cookies.set(CSRF_COOKIE, { value, options: { path, secure, sameSite: 'lax', httpOnly: false, maxAge: YEAR, ...domain } })
  return value
}

/** The browser's CSRF token, made now if it has none. */
export const ensureCsrf = (ctx: Ctx, visit: Visit): string =>
  visit.cookies.get(CSRF_COOKIE)?.value ?? (cookieOf(ctx, CSRF_COOKIE) || rotateCsrf(ctx, visit))

/** Makes a session the browser's own: its key goes into the cookie and nowhere else. */
export async function adoptSession(ctx: Ctx, visit: Visit, key: string, session: Session, user: Row | null): Promise<void> {
  visit.session = session
  visit.cookies.set(SESSION_COOKIE, { value: sessionCookieValue(ctx, key, user), options: sessionCookieOptions(ctx, session) })
  if (user || cookieOf(ctx, BROWSER_STATE_COOKIE)) visit.cookies.set(BROWSER_STATE_COOKIE, browserStateCookie(ctx, session, user))
}

/** What a session carries over when its key changes: the flow under way, and nothing of whoever used the browser before. */
export const carriedData = (session: Session | null): Row =>
  Object.fromEntries(Object.entries(session?.data ?? {}).filter(([key]) => key.startsWith('authentik/flows/')))

/** Keeps a plan in the browser's session, which is opened for that when there is none. `null` forgets the plan. */
export async function storePlan(ctx: Ctx, visit: Visit, plan: Plan | null, query?: URLSearchParams): Promise<void> {
  const rest: Row = { ...visit.session?.data }
  delete rest[PLAN]
  delete rest[GET]
  if (plan === null) {
    if (visit.session && PLAN in visit.session.data) await saveSessionData(ctx, visit.session, rest)
    return
  }
  const data = { ...rest, [PLAN]: savePlan(ctx, plan), ...(query && { [GET]: Object.fromEntries(query) }) }
  if (visit.session) {
    if (!isDeepStrictEqual(visit.session.data, JSON.parse(JSON.stringify(data)))) await saveSessionData(ctx, visit.session, data)
    return
  }
  const { key, session } = await startSession(ctx, { data })
  await adoptSession(ctx, visit, key, session, null)
}

/** Puts the visit's cookies on an answer. */
export function sendCookies(reply: FastifyReply, visit: Visit): void {
  for (const [name, { value, options }] of visit.cookies) void reply.setCookie(name, value, options)
}
