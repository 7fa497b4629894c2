import type { Model, Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { belongsTo, permissionCatalogue } from './catalogue.ts'

/**
 * Gives the roles of whoever makes an object what they are to have on it from the beginning (`/rbac/initial_permissions/`). Call in the transaction that
 * makes it.
 * @returns the permissions by their full names, each once
 */
export async function grantInitially(ctx: Ctx, model: Model, row: Row): Promise<string[]> {
  const { roles } = ctx.caller
  if (roles.length === 0) return []
  const found = await ctx.db
    .selectFrom('initial_permissions')
    .select(['role', 'permissions'])
    .where('role', 'in', [...roles])
    .execute()
  if (found.length === 0) return []
  const own = permissionCatalogue(ctx).filter(entry => belongsTo(entry, model))
  const grants = found.flatMap(({ role, permissions }) => {
    const wanted = new Set(permissions as unknown as number[])
    const object_pk = String(row[model.pk])
    return own.filter(({ id }) => wanted.has(id)).map(({ full }) => ({ role, permission: full, model: model.label, object_pk }))
  })
  if (grants.length === 0) return []
  await ctx.db
    .insertInto('role_object_permission')
    .values(grants)
    .onConflict(conflict => conflict.doNothing())
    .execute()
  return [...new Set(grants.map(({ permission }) => permission))]
}

/** An object goes, and what anybody was allowed to do with it. */
export async function forgetGrants(ctx: Ctx, model: Model, row: Row): Promise<void> {
  await ctx.db
    .deleteFrom('role_object_permission')
    .where('object_pk', '=', String(row[model.pk]))
    .where('model', '=', model.label)
    .execute()
}
