import { takesBodies } from '../../http/body.ts'
import { FORM } from '../../http/form.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { explainRefusal } from '../../explain/record.ts'
import { flowPath, pathOf } from '../../flows/addresses.ts'
import { loadPlan } from '../../flows/plan.ts'
import { startPlan } from '../../flows/start.ts'
import { identifyBrowser } from '../../core/callers.ts'
import { pageContext, type Pages } from '../../core/page-context.ts'
import { sendPage } from '../../interfaces/page.ts'
import { GET, openVisit, PLAN, sendCookies, type Visit } from '../../flows/visit.ts'
import { renderAccessDenied, renderNotFound, renderSignInFailure } from '../../interfaces/errors.ts'
import { refusalBeforehand } from '../access.ts'
import type { Arrived } from '../arrive.ts'
import { enabledSource } from '../source.ts'
import { backchannelLogout } from './backchannel-logout.ts'
import { callback, noteFailure } from './callback.ts'
import { SourceError } from './error.ts'
import { backOf, begin } from './login.ts'
import { OAuthSource } from './model.ts'

/** Larger than any honest answer that a browser posts. */
const BODY_LIMIT = 64 * 1024 // bytes

type Slug = { Params: { slug: string } }

/** Where whoever did not get through can begin again: the flow that their browser is in, else the sign-in page. */
async function beginning(ctx: Ctx, visit: Visit): Promise<string> {
  const plan = await loadPlan(ctx, visit.session?.data[PLAN])
  if (!plan) return ctx.caller.user === null ? pathOf(ctx, '/flows/-/default/authentication/') : pathOf(ctx, '/if/user/')
  const query = new URLSearchParams((visit.session?.data[GET] as Record<string, string> | undefined) ?? {})
  return flowPath(ctx, plan.flow.slug as string, query.toString())
}

/** Whether the source's policies keep somebody from even going there; undefined when they do not. */
async function refusal(ctx: Ctx, source: Row): Promise<{ messages: string[]; explanationId: string } | undefined> {
  const { user } = ctx.caller
  const decision = await refusalBeforehand(ctx, OAuthSource, source)
  if (!decision) return undefined
  const { messages } = decision
  await recordEvent(ctx, 'login_failed', { source: eventModel(OAuthSource, source), reason: 'policies' })
  const target = { application: null, flow: null, name: source.name as string }
  const explanationId = explainRefusal(ctx, { kind: 'source', surface: 'source', target, user, reason: 'policies', messages, decision })
  return { messages, explanationId }
}

/** Another site must not make a signed-in browser connect anything: only our own pages and the person themselves begin that. */
const isForeign = (ctx: Ctx): boolean => ['cross-site', 'same-site'].includes(String(ctx.request?.headers['sec-fetch-site']))

/** What sources tell us without a browser (OpenID Connect Back-Channel Logout §2.5, §2.8): whoever has the right token is heard. */
function backchannel(app: FastifyInstance): void {
  app.post<Slug>('/source/oauth/logout/:slug/', async (request, reply) => {
    const { ctx } = request
    void reply.header('cache-control', 'no-store')
    const source = await enabledSource(ctx, OAuthSource, request.params.slug)
    if (!source) return reply.code(404).send({ error: 'not_found' })
    const token = new URLSearchParams(typeof request.body === 'string' ? request.body : '').get('logout_token')
    if (token === null) return reply.code(400).send({ error: 'invalid_request', error_description: 'There is no logout_token.' })
    try {
      const sessions = await backchannelLogout(ctx, source, token)
      ctx.log.info({ source: source.slug, sessions }, 'a source ended sessions')
      return await reply.code(200).send()
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      ctx.log.info({ source: source.slug, reason: error.message, err: error.cause }, 'a logout token was refused')
      return reply.code(400).send({ error: 'invalid_request', error_description: error.message })
    }
  })
}

/** Where browsers go to sources and come back from them. Mount it at the root of the server. */
export async function oauthSourceSurface(app: FastifyInstance, pages: Pages): Promise<void> {
  app.addHook('onRequest', identifyBrowser)
  takesBodies(app, FORM, BODY_LIMIT)
  const notFound = async ({ ctx }: FastifyRequest, reply: FastifyReply) => sendPage(reply, renderNotFound(await pageContext(ctx, pages)))
  const failed = async ({ ctx, id }: FastifyRequest, reply: FastifyReply, visit: Visit, text: string) => {
    sendCookies(reply, visit)
    const href = await beginning(ctx, visit)
    return sendPage(reply, renderSignInFailure(await pageContext(ctx, pages), { text, href, requestId: id }))
  }
  const denied = async ({ ctx, id }: FastifyRequest, reply: FastifyReply, why: { messages: string[]; explanationId?: string }) =>
    sendPage(reply, renderAccessDenied(await pageContext(ctx, pages), { ...why, messages: why.messages.filter(Boolean), requestId: id }))

  app.get<Slug>('/source/oauth/login/:slug/', async (request, reply) => {
    const { ctx } = request
    const source = await enabledSource(ctx, OAuthSource, request.params.slug)
    if (!source) return notFound(request, reply)
    const refused = await refusal(ctx, source)
    if (refused) return denied(request, reply, refused)
    const visit = await openVisit(ctx)
    const back = await backOf(ctx, visit, new URLSearchParams(ctx.request?.query))
    // An administrator who looks through another's eyes must not connect their own account with it.
    if (back.connect !== undefined && (isForeign(ctx) || ctx.caller.impersonator !== null))
      return reply.redirect(pathOf(ctx, '/if/user/#/settings;page-sources'))
    try {
      const address = await begin(ctx, visit, source, back)
      sendCookies(reply, visit)
      return await reply.redirect(address)
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      return failed(request, reply, visit, error.message)
    }
  })

  const arrived = async (request: FastifyRequest, reply: FastifyReply, visit: Visit, what: Arrived) => {
    const { ctx } = request
    switch (what.kind) {
      case 'flow': {
        const path = await startPlan(ctx, visit, what.plan, { query: what.query })
        sendCookies(reply, visit)
        return reply.redirect(path)
      }
      case 'linked':
        sendCookies(reply, visit)
        return reply.redirect(what.to)
      case 'denied':
        sendCookies(reply, visit)
        return denied(request, reply, { messages: what.messages, explanationId: what.explanation })
      case 'misconfigured':
        return failed(request, reply, visit, what.text)
    }
  }

  const back = async (request: FastifyRequest<Slug>, reply: FastifyReply) => {
    const { ctx } = request
    const source = await enabledSource(ctx, OAuthSource, request.params.slug)
    if (!source) return notFound(request, reply)
    const visit = await openVisit(ctx)
    const posted = typeof request.body === 'string' ? request.body : undefined
    const params = new URLSearchParams(posted ?? ctx.request?.query)
    try {
      return await arrived(request, reply, visit, await callback(ctx, visit, source, params))
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      await noteFailure(ctx, source, error)
      return failed(request, reply, visit, `Authentication failed: ${error.message}`)
    }
  }
  backchannel(app)
  app.get<Slug>('/source/oauth/callback/:slug/', back)
  app.post<Slug>('/source/oauth/callback/:slug/', back)
}
