import { sql } from 'kysely'
import type { Ctx } from '../context.ts'

/**
 * Whoever manages people without being a superuser must not hand out, to themselves or others, more than they hold:
 * membership, a parent group and a role are three roads to the same rights.
 */

const SUPERUSER = 'User does not have permission to set superuser status to True.'
const BEYOND = 'Cannot give permissions that you do not have yourself.'

/** Groups with all that stand above them. */
const upwards = (groups: readonly string[]) => sql`
  with recursive above(group_uuid) as (
    select group_uuid from "group" where group_uuid in (${sql.join([...groups])})
    union
    select group_parent.parent from group_parent join above on group_parent.child = above.group_uuid
  )`

/** Whether membership in one of these groups, or in a group above them, makes a superuser. */
export async function makesSuperusers(ctx: Ctx, groups: readonly string[]): Promise<boolean> {
  if (groups.length === 0) return false
  const { rows } = await sql`${upwards(groups)}
    select 1 as found from "group" where is_superuser = ${true} and group_uuid in (select group_uuid from above) limit 1`.execute(ctx.db)
  return rows.length > 0
}

/** Roles that membership in these groups brings, ancestors' included. */
async function rolesThrough(ctx: Ctx, groups: readonly string[]): Promise<string[]> {
  if (groups.length === 0) return []
  const { rows } = await sql<{ role: string }>`${upwards(groups)}
    select distinct role from group_role where "group" in (select group_uuid from above)`.execute(ctx.db)
  return rows.map(row => row.role)
}

/** Whether the caller holds a permission for all objects, or the same grant on the one object. */
async function heldByCaller(ctx: Ctx, grants: { permission: string; object_pk: string }[]): Promise<boolean> {
  const open = grants.filter(({ permission }) => !ctx.caller.permissions.has(permission))
  if (open.length === 0) return true
  if (ctx.caller.roles.length === 0) return false
  const own = await ctx.db
    .selectFrom('role_object_permission')
    .select(['permission', 'object_pk'])
    .where('role', 'in', [...ctx.caller.roles])
    .execute()
  return open.every(grant => own.some(held => held.permission === grant.permission && held.object_pk === grant.object_pk))
}

/**
 * Why the caller may not let somebody have these groups and roles; undefined when they may. Superusers may everything.
 */
export async function beyondCaller(
  ctx: Ctx,
  gains: { groups?: readonly string[]; roles?: readonly string[] },
): Promise<string | undefined> {
  if (ctx.caller.superuser) return undefined
  const { groups = [], roles = [] } = gains
  if (await makesSuperusers(ctx, groups)) return SUPERUSER
  const all = [...new Set([...roles, ...(await rolesThrough(ctx, groups))])]
  if (all.length === 0) return undefined
  const everywhere = await ctx.db.selectFrom('role_permission').select('permission').where('role', 'in', all).execute()
  if (everywhere.some(({ permission }) => !ctx.caller.permissions.has(permission))) return BEYOND
  const single = await ctx.db.selectFrom('role_object_permission').select(['permission', 'object_pk']).where('role', 'in', all).execute()
  return (await heldByCaller(ctx, single)) ? undefined : BEYOND
}

/** Why the caller may not grant these permissions, for all objects of a kind or for one; undefined when they may. */
export async function grantsBeyondCaller(ctx: Ctx, permissions: readonly string[], objectPk?: string): Promise<string | undefined> {
  if (ctx.caller.superuser) return undefined
  if (objectPk === undefined) return permissions.every(name => ctx.caller.permissions.has(name)) ? undefined : BEYOND
  return (await heldByCaller(
    ctx,
    permissions.map(permission => ({ permission, object_pk: objectPk })),
  ))
    ? undefined
    : BEYOND
}
