import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { objectAt } from '../../api/objects.ts'
import { notFound } from '../../api/errors.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { flowDefinition, type FlowDefinition } from '../definition.ts'
import { flowDiagram } from './diagram.ts'
import { exportFlow } from './export.ts'
import { Flow } from '../flow.ts'
import { inspect } from './inspector.ts'

/** For those who build flows: what one looks like, how far a browser got in it, and how to take it elsewhere. */

const slugOf = (request: FastifyRequest): string => (request.params as { slug: string }).slug

async function definitionAt(ctx: Ctx, slug: string): Promise<FlowDefinition> {
  const definition = await flowDefinition(ctx, slug)
  if (!definition) throw notFound('Flow')
  return definition
}

export const flowToolRoutes: Record<string, SpecialOperation> = {
  'GET /flows/inspector/:slug/': {
    operationId: 'flows_inspector_get',
    response: 'FlowInspection',
    async handler(ctx, request, response) {
      const inspection = await inspect(ctx, await definitionAt(ctx, slugOf(request)))
      // The page asks after each step, and must not be shown what was.
      void response.header('Cache-Control', 'no-store')
      return inspection ?? response.code(400).send()
    },
  },

  'GET /flows/instances/:slug/diagram/': {
    response: 'FlowDiagram',
    async handler(ctx, request) {
      const flow = await objectAt(ctx, Flow, slugOf(request))
      await requireObject(ctx, Flow, flow.flow_uuid as string, 'view')
      return { diagram: await flowDiagram(ctx, await definitionAt(ctx, slugOf(request))) }
    },
  },

  'GET /flows/instances/:slug/export/': {
    response: Type.String({ format: 'binary' }),
    async handler(ctx, request, response) {
      const flow = await objectAt(ctx, Flow, slugOf(request))
      await requireObject(ctx, Flow, flow.flow_uuid as string, 'authentik_flows.export_flow')
      const text = await exportFlow(ctx, flow)
      return response
        .type('application/yaml; charset=utf-8')
        .header('Content-Disposition', `attachment; filename="${String(flow.slug)}.yaml"`)
        .send(text)
    },
  },
}
