import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { objectAt } from '../api/objects.ts'
import { ApiError, notFound, permissionDenied } from '../api/errors.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { requireObject, requirePermission } from '../api/permissions.ts'
import type { Ctx } from '../context.ts'
import { User } from '../core/people.ts'
import { escapeHtml } from '../lib/html.ts'
import { cachedFlows, flowDefinition, forgetFlows } from './definition.ts'
import { execute, unexplainedError, type FlowAnswer } from './executor.ts'
import { Flow } from './flow.ts'
import { asObject } from './objects.ts'
import { planFlow } from './planner.ts'
import { startPlan } from './start.ts'
import { ensureCsrf, openVisit, sendCookies } from './visit.ts'

const slugOf = (request: FastifyRequest): string => (request.params as { slug: string }).slug

/** The flow's answer over HTTP: a challenge is 200, "ask again" a redirect to exactly the address that was asked. */
function answerWith(request: FastifyRequest, reply: FastifyReply, answer: FlowAnswer): unknown {
  void reply.header('X-Frame-Options', 'SAMEORIGIN').header('Cache-Control', 'no-store')
  if (answer.kind === 'challenge') return reply.send(answer.challenge)
  return reply.code(302).header('Location', request.raw.url).send()
}

function executor(method: 'GET' | 'POST'): SpecialOperation {
  return {
    anonymous: true,
    operationId: method === 'GET' ? 'flows_executor_get' : 'flows_executor_solve',
    query: { query: { type: 'string' } },
    ...(method === 'POST' && { bodyName: 'FlowChallengeResponseRequest' }),
    response: 'ChallengeTypes',
    async handler(ctx, request, response) {
      // A flow may do things without asking (sign out, for one); other sites must not set it in motion.
      if (request.headers['sec-fetch-site'] === 'cross-site') throw permissionDenied()
      const definition = await flowDefinition(ctx, slugOf(request))
      if (!definition) throw notFound('Flow')
      const outerQuery = new URLSearchParams(ctx.request?.query ?? '')
      const visit = await openVisit(ctx)
      const answer = await execute(
        ctx,
        definition,
        { method, body: request.body, query: new URLSearchParams(outerQuery.get('query') ?? ''), outerQuery },
        visit,
      )
      ensureCsrf(ctx, visit)
      sendCookies(response, visit)
      return answerWith(request, response, answer)
    },
    // A body that is no JSON is shown by the page like everything else that goes wrong in a flow.
    async failed(ctx: Ctx, error: FastifyError, response: FastifyReply) {
      if (!(error instanceof ApiError) || error.status !== 400) throw error
      return answerWith(response.request, response, unexplainedError(ctx))
    },
  }
}

export const flowRoutes: Record<string, SpecialOperation> = {
  'GET /flows/executor/:slug/': executor('GET'),
  'POST /flows/executor/:slug/': executor('POST'),

  'GET /flows/instances/cache_info/': {
    response: 'Cache',
    handler: async ctx => {
      requirePermission(ctx, 'authentik_flows.view_flow_cache')
      return { count: cachedFlows(ctx) }
    },
  },

  'POST /flows/instances/cache_clear/': {
    status: 204,
    handler: async ctx => {
      requirePermission(ctx, 'authentik_flows.clear_flow_cache')
      forgetFlows(ctx)
    },
  },

  'GET /flows/instances/:slug/execute/': {
    response: 'Link',
    async handler(ctx, request, response) {
      const flow = await objectAt(ctx, Flow, slugOf(request))
      await requireObject(ctx, Flow, flow.flow_uuid as string, 'view')
      const definition = await flowDefinition(ctx, flow.slug as string)
      if (!definition) throw notFound('Flow')
      const planned = await planFlow(ctx, definition, { pending_user: asObject(User, ctx.caller.user!) })
      if (!planned.ok) {
        const reason =
          planned.messages.join('\n') || (planned.reason === 'empty' ? 'The flow has no stages.' : 'Flow does not apply to current user.')
        const page = `<!doctype html><title>Bad request</title><p>Flow not applicable to current user/request: ${escapeHtml(reason)}</p>`
        return response.code(400).type('text/html; charset=utf-8').send(page)
      }
      const visit = await openVisit(ctx)
      const link = (ctx.request?.origin ?? '') + (await startPlan(ctx, visit, planned.plan))
      sendCookies(response, visit)
      return { link }
    },
  },
}
