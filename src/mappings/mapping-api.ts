import { Type } from 'typebox'
import { objectAt } from '../api/objects.ts'
import { invalid } from '../api/errors.ts'
import { type Row, modelLabelled } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { mayTouch, requireObject } from '../api/permissions.ts'
import { polymorphic, typesRoute } from '../api/polymorphic.ts'
import { findObject } from '../api/store.ts'
import { body, checked } from '../api/validate.ts'
import type { Ctx } from '../context.ts'
import { Group, User } from '../core/people.ts'
import { asObject } from '../flows/objects.ts'
import { runMapping } from './evaluate.ts'
import { PropertyMapping } from './mapping.ts'

export const propertyMappings: Resource = {
  path: '/propertymappings/all',
  model: PropertyMapping,
  operations: polymorphic(PropertyMapping),
}

const Test = body(
  {
    user: Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: 2_147_483_647 }),
    group: Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid' }),
    context: Type.Unsafe<Row>({ type: 'object', additionalProperties: {} }),
  },
  ['user', 'group', 'context'],
)

/** Whoever may try out a text may run what they like: that takes the right to change it, here or for all of its kind. */
async function requireEdit(ctx: Ctx, kind: string, key: string): Promise<void> {
  const model = modelLabelled(ctx, kind)
  if (model && (await mayTouch(ctx, model, key, 'change'))) return
  await requireObject(ctx, PropertyMapping, key, 'change')
}

async function chosen(ctx: Ctx, model: typeof User, name: string, key: unknown): Promise<Row | null> {
  if (key === undefined || key === null) return null
  const row = await findObject(ctx, model, key)
  if (!row || !(await mayTouch(ctx, model, key as string, 'view')))
    throw invalid({ [name]: [`Invalid pk "${String(key)}" - object does not exist.`] })
  return row
}

export const mappingRoutes: Record<string, SpecialOperation> = {
  'GET /propertymappings/all/types/': { ...typesRoute(PropertyMapping), response: 'TypeCreate', many: 'list' },
  /** What a mapping returns for a user (or group) and a context of the caller's own making, as JSON text. */
  'POST /propertymappings/all/:pk/test/': {
    response: 'PropertyMappingTestResult',
    body: Test,
    bodyName: 'PropertyMappingTestRequest',
    query: { format_result: { type: 'boolean' } },
    handler: async (ctx, request) => {
      const mapping = await objectAt(ctx, PropertyMapping, (request.params as { pk: string }).pk)
      const key = mapping.pm_uuid as string
      const { kind } = await ctx.db.selectFrom('property_mapping').select('kind').where('pm_uuid', '=', key).executeTakeFirstOrThrow()
      await requireEdit(ctx, kind, key)
      const sent = checked<{ user?: number | null; group?: string | null; context?: Row }>(Test, request.body)
      const user = await chosen(ctx, User, 'user', sent.user)
      const group = await chosen(ctx, Group, 'group', sent.group)
      const context = sent.context ?? {}
      try {
        const result = await runMapping(ctx, mapping as { pm_uuid: string; name: string; expression: string }, {
          user,
          context,
          // Whatever the context names is there by its name, as where the mapping is used.
          variables: {
            provider: null,
            token: null,
            connection: null,
            source: null,
            ...context,
            ...(group && { group: asObject(Group, group) }),
          },
        })
        return {
          result: JSON.stringify(
            result ?? null,
            null,
            (request.query as { format_result?: string }).format_result === 'true' ? 4 : undefined,
          ),
          successful: true,
        }
      } catch (error) {
        const { messageOf } = await import('../expression/host/run.ts')
        return { result: messageOf(error), successful: false }
      }
    },
  },
}
