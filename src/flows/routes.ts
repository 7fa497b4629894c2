import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseUuid } from '../api/filters.ts'
import { guestApplication } from '../core/brand/model.ts'
import { identifyBrowser } from '../core/callers.ts'
import { pageContext, type Pages } from '../core/page-context.ts'
import { User } from '../core/people.ts'
import type { Ctx } from '../context.ts'
import { BODY_LIMIT, takesBodies } from '../http/body.ts'
import { FORM } from '../http/form.ts'
import { renderNotFound } from '../interfaces/errors.ts'
import { sendPage } from '../interfaces/page.ts'
import { flowPath, isReturnPath, pathOf, signInPath, withQuery } from './addresses.ts'
import { flowByKey, flowDefinition, stageByKey, type FlowDefinition } from './definition.ts'
import { asObject } from './objects.ts'
import { showFlow, submitFlow } from './page.ts'
import { PLAN, openVisit, sendCookies, storePlan } from './visit.ts'
import { planFlow } from './planner.ts'
import { SETUP_SLUG, setupPending } from './setup.ts'
import { defaultFlow, startPlan } from './start.ts'

const queryOf = (ctx: Ctx): string => ctx.request?.query ?? ''

/** Forgets a plan of any other flow than `keep`. */
async function dropPlan(ctx: Ctx, reply: FastifyReply, keep?: FlowDefinition): Promise<void> {
  const visit = await openVisit(ctx)
  const stored = visit.session?.data[PLAN] as { flow?: string } | undefined
  if (stored && stored.flow !== keep?.flow.flow_uuid) await storePlan(ctx, visit, null)
  sendCookies(reply, visit)
}

/** The start page: the application that guests of this brand are here for, or one's own page. */
async function home(ctx: Ctx): Promise<string> {
  if (ctx.caller.user === null) {
    if ((await flowDefinition(ctx, SETUP_SLUG)) && (await setupPending(ctx))) return flowPath(ctx, SETUP_SLUG)
    return signInPath(ctx)
  }
  if (ctx.caller.user.type === 'external') {
    const slug = await guestApplication(ctx)
    if (slug !== undefined) return pathOf(ctx, `/application/launch/${slug}/`)
  }
  return withQuery(pathOf(ctx, '/if/user/'), queryOf(ctx))
}

/** The flow by which a stage is configured, planned for whoever is signed in. */
async function configure(ctx: Ctx, reply: FastifyReply, stageKey: string): Promise<string | undefined> {
  const key = parseUuid(stageKey)
  const stage = key === undefined ? undefined : await stageByKey(ctx, key)
  const definition = typeof stage?.configure_flow === 'string' ? await flowByKey(ctx, stage.configure_flow) : undefined
  if (!definition) return undefined
  const planned = await planFlow(ctx, definition, { pending_user: asObject(User, ctx.caller.user!) })
  if (!planned.ok) return undefined
  const visit = await openVisit(ctx)
  const next = new URLSearchParams(queryOf(ctx)).get('next')
  const path = await startPlan(ctx, visit, planned.plan, { query: new URLSearchParams(next === null ? {} : { next }) })
  sendCookies(reply, visit)
  return path
}

/** The addresses that browsers know of flows. Mount it at the root of the server. */
export async function flowPages(app: FastifyInstance, pages: Pages): Promise<void> {
  app.addHook('onRequest', identifyBrowser)
  takesBodies(app, FORM, BODY_LIMIT, text => Object.fromEntries(new URLSearchParams(text)))
  const notFound = async (request: FastifyRequest, reply: FastifyReply) =>
    sendPage(reply, renderNotFound(await pageContext(request.ctx, pages)))

  app.get('/', async (request, reply) => reply.redirect(await home(request.ctx)))

  for (const designation of ['authentication', 'invalidation'] as const) {
    app.get(`/flows/-/default/${designation}/`, async (request, reply) => {
      const definition = await defaultFlow(request.ctx, designation)
      if (!definition) return notFound(request, reply)
      await dropPlan(request.ctx, reply, definition)
      return reply.redirect(flowPath(request.ctx, definition.flow.slug as string, queryOf(request.ctx)))
    })
  }

  app.get('/flows/-/cancel/', async (request, reply) => {
    await dropPlan(request.ctx, reply)
    const next = new URLSearchParams(queryOf(request.ctx)).get('next')
    return reply.redirect(next !== null && isReturnPath(request.ctx, next) ? next : pathOf(request.ctx, '/flows/-/default/invalidation/'))
  })

  app.get<{ Params: { stage: string } }>('/flows/-/configure/:stage/', async (request, reply) => {
    if (request.ctx.caller.user === null) return reply.redirect(signInPath(request.ctx))
    const path = await configure(request.ctx, reply, request.params.stage)
    return path === undefined ? notFound(request, reply) : reply.redirect(path)
  })

  const flowAt = (request: FastifyRequest) => flowDefinition(request.ctx, (request.params as { slug: string }).slug)
  app.get('/if/flow/:slug/', async (request, reply) => {
    const definition = await flowAt(request)
    if (!definition) return notFound(request, reply)
    return showFlow({ request, reply, definition, context: await pageContext(request.ctx, pages) })
  })
  app.post('/if/flow/:slug/', async (request, reply) => {
    const definition = await flowAt(request)
    if (!definition) return notFound(request, reply)
    return submitFlow({ request, reply, definition, context: await pageContext(request.ctx, pages) })
  })
}
