import { paginated } from '../api/page.ts'
import { invalid, notFound } from '../api/errors.ts'
import { parseUuid } from '../api/filters.ts'
import { type Query, type Row, modelLabelled } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { requireObject } from '../api/permissions.ts'
import { findObject, findObjects } from '../api/store.ts'
import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import { permissionCatalogue, type Permission } from './catalogue.ts'
import { grantId } from './grants.ts'
import { Role } from './role.ts'

const shown = ({ full: _, ...rest }: Permission): Row => rest

const one = (query: Query, name: string): string | undefined => {
  const value = [query[name]].flat()[0]
  return value === '' ? undefined : value
}

/** Keys of the names that a role holds for all objects; the filter wants a role that exists. */
async function heldBy(ctx: Ctx, sent: string): Promise<Set<string>> {
  const key = parseUuid(sent)
  if (key === undefined) throw invalid({ role: ['Enter a valid UUID.'] })
  return new Set(
    (await ctx.db.selectFrom('role_permission').select('permission').where('role', '=', key).execute()).map(row => row.permission),
  )
}

async function matching(ctx: Ctx, query: Query): Promise<Permission[]> {
  const role = one(query, 'role')
  const held = role === undefined ? undefined : await heldBy(ctx, role)
  const wanted = {
    codename: one(query, 'codename'),
    app_label: one(query, 'content_type__app_label'),
    model: one(query, 'content_type__model'),
  }
  const words = (one(query, 'search') ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .slice(0, 16)
  return permissionCatalogue(ctx).filter(
    entry =>
      (held === undefined || held.has(entry.full)) &&
      Object.entries(wanted).every(([name, value]) => value === undefined || entry[name as 'codename'] === value) &&
      words.every(word => [entry.codename, entry.name, entry.app_label, entry.model].some(text => text.toLowerCase().includes(word))),
  )
}

/** What an object is called, for lists of grants; null when it is gone or of a kind that is not served. */
async function describe(ctx: Ctx, label: string, key: string): Promise<string | null> {
  const model = modelLabelled(ctx, label)
  if (!model) return null
  const integer = (model.keySchema as { type?: string }).type === 'integer'
  const object = await findObject(ctx, model, integer ? Number(key) : key)
  return object ? `${model.verboseName} ${String(object[model.display] ?? key)}` : null
}

export const permissionRoutes: Record<string, SpecialOperation> = {
  'GET /rbac/permissions/': {
    response: 'Permission',
    many: 'page',
    query: Object.fromEntries(
      ['codename', 'content_type__app_label', 'content_type__model', 'role', 'search', 'ordering'].map(name => [name, { type: 'string' }]),
    ),
    handler: async (ctx, request) => {
      const query = request.query as Query
      const found = await matching(ctx, query)
      return paginated(ctx, query, found.length, async (limit, offset) => found.slice(offset, offset + limit).map(shown))
    },
  },
  'GET /rbac/permissions/:id/': {
    response: 'Permission',
    handler: async (ctx, request) => {
      const { id } = request.params as { id: string }
      const found = permissionCatalogue(ctx).find(entry => String(entry.id) === id)
      if (!found) throw notFound('Permission')
      return shown(found)
    },
  },
  /** What a role may do with single objects. */
  'GET /rbac/permissions/roles/': {
    response: 'ExtraRoleObjectPermission',
    many: 'page',
    query: { uuid: { type: 'string', format: 'uuid' }, search: { type: 'string' }, ordering: { type: 'string' } },
    handler: async (ctx, request) => {
      const query = request.query as Query
      const key = parseUuid(one(query, 'uuid') ?? '')
      if (key === undefined) throw invalid({ uuid: [one(query, 'uuid') === undefined ? 'This field is required.' : 'Enter a valid UUID.'] })
      const [role] = await findObjects(ctx, Role, { where: [sql<boolean>`role.role_uuid = ${key}`] })
      if (!role) throw notFound('Role')
      await requireObject(ctx, Role, key, 'view')
      const count = await ctx.db
        .selectFrom('role_object_permission')
        .select(eb => eb.fn.countAll().as('count'))
        .where('role', '=', key)
        .executeTakeFirstOrThrow()
      return paginated(ctx, query, Number(count.count), async (limit, offset) => {
        const grants = await ctx.db
          .selectFrom('role_object_permission')
          .selectAll()
          .where('role', '=', key)
          .orderBy('model')
          .orderBy('object_pk')
          .orderBy('permission')
          .limit(limit)
          .offset(offset)
          .execute()
        const entries = new Map(permissionCatalogue(ctx).map(entry => [entry.full, entry]))
        return Promise.all(
          grants.map(async grant => {
            const entry = entries.get(grant.permission)
            const [app = '', model = ''] = grant.model.split('.')
            return {
              id: grantId(grant),
              codename: grant.permission.split('.').at(-1),
              model: entry?.model ?? model,
              app_label: entry?.app_label ?? app,
              object_pk: grant.object_pk,
              name: entry?.name ?? grant.permission,
              app_label_verbose: entry?.app_label_verbose ?? app,
              model_verbose: entry?.model_verbose ?? model,
              object_description: await describe(ctx, grant.model, grant.object_pk),
            }
          }),
        )
      })
    },
  },
}
