import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { Type } from 'typebox'
import { eventModel, objectAt } from '../api/objects.ts'
import { paginated } from '../api/page.ts'
import { invalid, notFound } from '../api/errors.ts'
import { parseKey } from '../api/filters.ts'
import { type Model, type Query, type Row, modelLabelled } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { mayTouch, requireObject, visibility } from '../api/permissions.ts'
import { countObjects, findObjects } from '../api/store.ts'
import { body, checked } from '../api/validate.ts'
import { transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { belongsTo, permissionCatalogue, permissionNamed, type Permission } from './catalogue.ts'
import { beyondCaller, grantsBeyondCaller } from './escalation.ts'
import { Role } from './role.ts'

type Grant = { role: string; permission: string; object_pk: string | null }

/** A number by which lists can tell grants apart. */
export const grantId = ({ role, permission, object_pk: key }: Grant): number =>
  createHash('sha256')
    .update(`${role} ${permission} ${key ?? ''}`)
    .digest()
    .readUInt32BE(0) & 0x7fffffff

const grantFields = {
  permissions: Type.Array(Type.String({ minLength: 1 }), { maxItems: 500 }),
  model: Type.String({ minLength: 1 }),
  object_pk: Type.String({ minLength: 1 }),
}

const Grants = body(grantFields, ['model', 'object_pk'])

/** Takes nothing away when it names nothing. */
const Withdrawals = body(grantFields, ['permissions', 'model', 'object_pk'])

type Sent = { permissions: string[]; model?: string; object_pk?: string }

/** The permissions and the object of a body, each checked against what there is. */
async function readGrants(ctx: Ctx, sent: Sent): Promise<{ entries: Permission[]; target?: { model: Model; key: string } }> {
  const target = await readTarget(ctx, sent)
  const entries: Permission[] = []
  for (const name of sent.permissions) {
    const entry = permissionNamed(ctx, name, target?.model.app)
    if (!entry || (target && !belongsTo(entry, target.model))) throw invalid({ permissions: [`"${name}" is not a valid choice.`] })
    entries.push(entry)
  }
  return { entries, target }
}

async function readTarget(ctx: Ctx, sent: Sent): Promise<{ model: Model; key: string } | undefined> {
  if (sent.object_pk === undefined) return undefined
  if (sent.model === undefined) throw invalid({ model: ['This field is required.'] })
  const model = modelLabelled(ctx, sent.model)
  if (!model) throw invalid({ model: [`"${sent.model}" is not a valid choice.`] })
  const key = parseKey(model, sent.object_pk)
  const [object] =
    key === undefined
      ? []
      : await findObjects(ctx, model, { where: [sql<boolean>`${sql.ref(`${model.table}.${model.pk}`)} = ${key}`], limit: 1 })
  // A right on one object says nothing of another that the body names: whoever grants must see it.
  if (!object || !(await mayTouch(ctx, model, key!, 'view'))) throw invalid({ object_pk: ['Object does not exist.'] })
  return { model, key: String(key) }
}

async function roleFor(ctx: Ctx, params: unknown, verb: string): Promise<Row> {
  const role = await objectAt(ctx, Role, (params as { pk: string }).pk)
  await requireObject(ctx, Role, role.role_uuid as string, `authentik_rbac.${verb}_role_permissions`)
  return role
}

const noted = (ctx: Ctx, role: Row, verb: string, entries: Permission[], target?: { model: Model; key: string }) =>
  recordEvent(ctx, 'model_updated', {
    model: eventModel(Role, role),
    diff: { permissions: { [verb]: entries.map(entry => entry.full) } },
    ...(target && { object: { model: target.model.label, pk: target.key } }),
  })

/** Roles that may do something with the objects of a kind, or with one of them. */
async function assigned(ctx: Ctx, query: Query): Promise<unknown> {
  const label = [query.model].flat()[0] ?? ''
  if (label === '') throw invalid({ model: ['This field is required.'] })
  const model = modelLabelled(ctx, label)
  if (!model) throw invalid({ model: [`Select a valid choice. ${label} is not one of the available choices.`] })
  const objectPk = [query.object_pk].flat()[0] || undefined
  const entries = new Map(
    permissionCatalogue(ctx)
      .filter(entry => belongsTo(entry, model))
      .map(entry => [entry.full, entry]),
  )
  const names = sql.join([...entries.keys()])
  const single = sql`select role from role_object_permission where model = ${model.label}${objectPk === undefined ? sql`` : sql` and object_pk = ${objectPk}`}`
  const where = [
    visibility(ctx, Role),
    sql<boolean>`role.role_uuid in (select role from role_permission where permission in (${names}) union ${single})`,
  ]
  return paginated(ctx, query, await countObjects(ctx, Role, where), async (limit, offset) => {
    const roles = await findObjects(ctx, Role, { where, orderBy: [sql`role.name`], limit, offset })
    const keys = roles.map(role => role.role_uuid as string)
    if (keys.length === 0) return []
    const everywhere = await ctx.db
      .selectFrom('role_permission')
      .selectAll()
      .where('role', 'in', keys)
      .where('permission', 'in', [...entries.keys()])
      .execute()
    let one = ctx.db.selectFrom('role_object_permission').selectAll().where('role', 'in', keys).where('model', '=', model.label)
    if (objectPk !== undefined) one = one.where('object_pk', '=', objectPk)
    const grants = await one.orderBy('object_pk').orderBy('permission').execute()
    const shown = (grant: Grant) => {
      const entry = entries.get(grant.permission)
      return {
        id: grantId(grant),
        codename: grant.permission.split('.').at(-1),
        model: model.modelName,
        app_label: model.app,
        name: entry?.name ?? grant.permission,
      }
    }
    return roles.map(role => ({
      role_pk: role.role_uuid,
      name: role.name,
      object_permissions: grants
        .filter(grant => grant.role === role.role_uuid)
        .map(grant => ({ ...shown(grant), object_pk: grant.object_pk })),
      model_permissions: everywhere.filter(grant => grant.role === role.role_uuid).map(grant => shown({ ...grant, object_pk: null })),
    }))
  })
}

export const grantRoutes: Record<string, SpecialOperation> = {
  'GET /rbac/permissions/assigned_by_roles/': {
    response: 'RoleAssignedObjectPermission',
    many: 'page',
    query: Object.fromEntries(['model', 'object_pk', 'search', 'ordering'].map(name => [name, { type: 'string' }])),
    handler: (ctx, request) => assigned(ctx, request.query as Query),
  },
  'POST /rbac/permissions/assigned_by_roles/:pk/assign/': {
    operationId: 'rbac_permissions_assigned_by_roles_assign',
    body: Grants,
    bodyName: 'PermissionAssignRequest',
    response: 'PermissionAssignResult',
    many: 'list',
    handler: async (ctx, request) => {
      const role = await roleFor(ctx, request.params, 'assign')
      const { entries, target } = await readGrants(ctx, checked<Sent>(Grants, request.body))
      const text = await grantsBeyondCaller(
        ctx,
        entries.map(entry => entry.full),
        target?.key,
      )
      if (text !== undefined) throw invalid({ permissions: [text] })
      const key = role.role_uuid as string
      await transact(ctx, async ctx => {
        for (const { full } of entries) {
          if (target) {
            await ctx.db
              .insertInto('role_object_permission')
              .values({ role: key, permission: full, model: target.model.label, object_pk: target.key })
              .onConflict(conflict => conflict.doNothing())
              .execute()
          } else {
            await ctx.db
              .insertInto('role_permission')
              .values({ role: key, permission: full })
              .onConflict(conflict => conflict.doNothing())
              .execute()
          }
        }
        await noted(ctx, role, 'add', entries, target)
      })
      return entries.map(({ full }) => ({ id: String(grantId({ role: key, permission: full, object_pk: target?.key ?? null })) }))
    },
  },
  'PATCH /rbac/permissions/assigned_by_roles/:pk/unassign/': {
    status: 204,
    body: Withdrawals,
    bodyName: 'PatchedPermissionAssignRequest',
    handler: async (ctx, request) => {
      const role = await roleFor(ctx, request.params, 'unassign')
      const { entries, target } = await readGrants(ctx, { permissions: [], ...checked<Partial<Sent>>(Withdrawals, request.body ?? {}) })
      const key = role.role_uuid as string
      const names = entries.map(entry => entry.full)
      if (names.length === 0) return
      await transact(ctx, async ctx => {
        if (target) {
          await ctx.db
            .deleteFrom('role_object_permission')
            .where('role', '=', key)
            .where('permission', 'in', names)
            .where('object_pk', '=', target.key)
            .execute()
        } else {
          await ctx.db.deleteFrom('role_permission').where('role', '=', key).where('permission', 'in', names).execute()
        }
        await noted(ctx, role, 'remove', entries, target)
      })
    },
  },
}

const UserKey = body({ pk: Type.Integer() })

/** Gives a role to one account, or takes it away; doing it twice changes nothing. */
function holder(verb: 'add' | 'remove'): SpecialOperation {
  return {
    status: 204,
    body: UserKey,
    bodyName: 'UserAccountSerializerForRoleRequest',
    handler: async (ctx, request) => {
      const role = await objectAt(ctx, Role, (request.params as { pk: string }).pk)
      const key = role.role_uuid as string
      await requireObject(ctx, Role, key, 'change')
      const { pk } = checked<{ pk: number }>(UserKey, request.body)
      const User = modelLabelled(ctx, 'authentik_core.user')!
      const user = await objectAt(ctx, User, String(pk))
      if (!(await mayTouch(ctx, User, pk, 'view'))) throw notFound('User')
      const text = verb === 'add' ? await beyondCaller(ctx, { roles: [key] }) : undefined
      if (text !== undefined) throw invalid({ non_field_errors: [text] })
      await transact(ctx, async ctx => {
        if (verb === 'add')
          await ctx.db
            .insertInto('user_role')
            .values({ user: user.id as number, role: key })
            .onConflict(conflict => conflict.doNothing())
            .execute()
        else
          await ctx.db
            .deleteFrom('user_role')
            .where('user', '=', user.id as number)
            .where('role', '=', key)
            .execute()
        await recordEvent(ctx, 'model_updated', { model: eventModel(Role, role), diff: { users: { [verb]: [pk] } } })
      })
    },
  }
}

export const roleRoutes: Record<string, SpecialOperation> = {
  'POST /rbac/roles/:pk/add_user/': holder('add'),
  'POST /rbac/roles/:pk/remove_user/': holder('remove'),
}
