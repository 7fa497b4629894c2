import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { CSRF_COOKIE } from '../core/session/session.ts'
import { cookieOf } from '../http/cookie.ts'
import { renderCsrfFailure, renderStepOver } from '../interfaces/errors.ts'
import { CSRF_FIELD, formFields, parseFlowForm, renderFlowPage } from '../interfaces/flow.ts'
import { LANGUAGE_COOKIE } from '../interfaces/language.ts'
import { sendPage, type PageContext } from '../interfaces/page.ts'
import { isLanguage } from '../../web/flow/languages.ts'
import { secretsEqual } from '../lib/constant-time.ts'
import { pathOf } from './addresses.ts'
import { askingOf } from './asking.ts'
import type { FlowDefinition } from './definition.ts'
import { execute, type FlowAnswer } from './executor.ts'
import { flowInfo } from './present.ts'
import type { Challenge } from './stage.ts'
import { ensureCsrf, openVisit, PLAN, sendCookies, type Visit } from './visit.ts'

/** The page of a flow: shows what is due, and takes answers as plain forms from browsers without JavaScript. */

const pageAddress = (request: FastifyRequest): string => request.raw.url!

const YEAR = 31_536_000 // seconds

/** Whoever chose a language by the page's menu finds it there next time. */
function rememberLanguage(ctx: Ctx, visit: Visit): void {
  const chosen = new URLSearchParams(ctx.request?.query ?? '').get('locale')
  if (chosen === null || !isLanguage(chosen)) return
  const secure = ctx.request?.origin.startsWith('https:') ?? false
  visit.cookies.set(LANGUAGE_COOKIE, {
    value: chosen,
    options: { path: ctx.config.web.path, httpOnly: true, secure, sameSite: 'lax', maxAge: YEAR },
  })
}

/** Whose page is answered with: the request, its answer, the flow, and what all pages say. */
type Asked = { request: FastifyRequest; reply: FastifyReply; definition: FlowDefinition; context: PageContext }

/** @param posted what a form brought that has to be filled in once more */
function sendFlowPage({ request, reply, definition, context }: Asked, visit: Visit, challenge: Challenge, posted?: Row): FastifyReply {
  const { ctx } = request
  const csrf = ensureCsrf(ctx, visit)
  rememberLanguage(ctx, visit)
  sendCookies(reply, visit)
  const page = renderFlowPage({
    ...context,
    executor: pathOf(ctx, `/api/v3/flows/executor/${String(definition.flow.slug)}/`),
    query: ctx.request?.query ?? '',
    challenge,
    asking: askingOf(visit),
    csrf,
    ...(posted && { posted: formFields(posted) }),
  })
  return sendPage(reply, page)
}

const run = (ctx: Ctx, definition: FlowDefinition, visit: Visit, method: 'GET' | 'POST', body?: unknown): Promise<FlowAnswer> => {
  const query = new URLSearchParams(ctx.request?.query ?? '')
  return execute(ctx, definition, { method, body, query, outerQuery: query }, visit)
}

/** Browsers say where a request comes from and what for (Fetch Metadata); old ones and programs say nothing. */
const fetchMetadata = (request: FastifyRequest, name: 'dest' | 'site'): string | undefined => request.headers[`sec-fetch-${name}`]

/**
 * Whether another site may be making the browser sign out: it led here, somebody is signed in, and no plan of ours (an
 * application's verified request to sign out) brought them.
 */
function isForeignSignOut(request: FastifyRequest, { flow }: FlowDefinition, visit: Visit): boolean {
  if (flow.designation !== 'invalidation' || request.ctx.caller.user === null) return false
  if (plannedFlow(visit) === flow.flow_uuid) return false
  return fetchMetadata(request, 'site') === 'cross-site' || fetchMetadata(request, 'site') === 'same-site'
}

/** The plan that this browser is in, as its session keeps it. */
const plannedFlow = (visit: Visit): string | undefined => (visit.session?.data[PLAN] as { flow?: string } | undefined)?.flow

/** Nobody agrees to anything without an application that asks: such a flow begins there, and not at its page. */
const isOver = ({ flow }: FlowDefinition, visit: Visit): boolean =>
  flow.designation === 'authorization' && plannedFlow(visit) !== flow.flow_uuid

/** A question with one button: pressing it sends an answer from our own page, which begins the flow. */
const confirmation = async (ctx: Ctx, { flow }: FlowDefinition): Promise<Challenge> => ({
  flow_info: await flowInfo(ctx, flow, {}, new URLSearchParams(ctx.request?.query ?? '')),
  component: 'ak-stage-dummy',
  name: String(flow.title),
})

/**
 * Whether the browser is here because a form of this very page was answered with a redirect. Browsers hold the page's policy for
 * forms (CSP3 `form-action`, Chromium) against every redirect that follows a form, and where an application sends people after its callback nobody
 * knows. So such a chain of redirects ends with a page, which the browser then leaves by itself.
 */
function followsForm(request: FastifyRequest): boolean {
  const { referer } = request.headers
  return referer !== undefined && URL.canParse(referer) && new URL(referer).pathname === pageAddress(request).split('?', 1)[0]
}

/** `GET /if/flow/<slug>/` */
export async function showFlow(asked: Asked): Promise<FastifyReply> {
  const { request, reply, definition, context } = asked
  const { ctx } = request
  const dest = fetchMetadata(request, 'dest')
  // Images, scripts and the like have no page to show; a flow must not move because another site embeds its address.
  if (dest !== undefined && dest !== 'document' && fetchMetadata(request, 'site') !== 'same-origin') return reply.code(403).send()
  const visit = await openVisit(ctx)
  if (isForeignSignOut(request, definition, visit)) return sendFlowPage(asked, visit, await confirmation(ctx, definition))
  if (isOver(definition, visit)) return sendPage(reply, renderStepOver(context))
  const answer = await run(ctx, definition, visit, 'GET')
  const shown = answer.kind === 'challenge' && (answer.challenge.component !== 'xak-flow-redirect' || followsForm(request))
  if (shown) return sendFlowPage(asked, visit, answer.challenge)
  ensureCsrf(ctx, visit)
  sendCookies(reply, visit)
  return reply.redirect(answer.kind === 'step' ? pageAddress(request) : String(answer.challenge.to))
}

/** `POST /if/flow/<slug>/`: the answer in a form. 303 to the page itself when the flow went on, else a page: the challenge again, or the last one. */
export async function submitFlow(asked: Asked): Promise<FastifyReply> {
  const { request, reply, definition, context } = asked
  const { ctx } = request
  const form = (request.body ?? {}) as Row
  const expected = cookieOf(ctx, CSRF_COOKIE)
  const sent = form[CSRF_FIELD]
  if (!expected || typeof sent !== 'string' || !secretsEqual(sent, expected)) {
    return sendPage(reply, renderCsrfFailure(context, { href: pageAddress(request) }))
  }
  const visit = await openVisit(ctx)
  if (isOver(definition, visit)) return sendPage(reply, renderStepOver(context))
  const before = visit.session?.session_hash
  const due = await run(ctx, definition, visit, 'GET')
  // With another session than the form was made in, the form is about something else.
  const isSame = before !== undefined && visit.session?.session_hash === before
  if (due.kind === 'challenge' && isForm(due.challenge) && !isSame) {
    sendCookies(reply, visit)
    return reply.redirect(pageAddress(request), 303)
  }
  const answer =
    due.kind === 'challenge' && isForm(due.challenge) ? await run(ctx, definition, visit, 'POST', parseFlowForm(form, due.challenge)) : due
  if (answer.kind === 'challenge') return sendFlowPage(asked, visit, answer.challenge, form)
  ensureCsrf(ctx, visit)
  sendCookies(reply, visit)
  return reply.redirect(pageAddress(request), 303)
}

const LAST_WORDS = new Set([
  'xak-flow-redirect',
  'ak-stage-access-denied',
  'ak-stage-flow-error',
  'ak-stage-session-end',
  'ak-stage-autosubmit',
  'xak-flow-shell',
])

const isForm = (challenge: Challenge): boolean => !LAST_WORDS.has(challenge.component)
