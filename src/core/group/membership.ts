import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import type { Db } from '../../db/database.ts'

export type GroupRow = { group_uuid: string; name: string; is_superuser: boolean; attributes: Record<string, unknown> }

/** Keys of the groups that a user is in, directly or through a group's ancestors: a member of a child is a member of its parents. */
export const groupsAndAbove = (user: number) => sql<{ group_uuid: string }>`
  with recursive membership(group_uuid) as (
    select "group" from user_group where "user" = ${user}
    union
    select group_parent.parent from group_parent join membership on group_parent.child = membership.group_uuid
  )
  select group_uuid from membership`

/** All groups of a user, inherited ones included, by name. */
export async function groupsOf(db: Db, user: number): Promise<GroupRow[]> {
  const rows = await db
    .selectFrom('group')
    .select(['group_uuid', 'name', 'is_superuser', 'attributes'])
    .where('group_uuid', 'in', sql`(${groupsAndAbove(user)})` as never)
    .orderBy('name')
    .execute()
  return rows as GroupRow[]
}

/** Whether one of the groups of a user, inherited ones included, makes superusers. */
export async function isSuperuser(db: Db, user: number): Promise<boolean> {
  return (await groupsOf(db, user)).some(group => group.is_superuser)
}

/** Those of `users` who are superusers. One query, whatever their number. */
export async function superusersAmong(db: Db, users: number[]): Promise<Set<number>> {
  if (users.length === 0) return new Set()
  const { rows } = await sql<{ user: number }>`
    with recursive makers(group_uuid) as (
      select group_uuid from "group" where is_superuser = ${true}
      union
      select group_parent.child from group_parent join makers on group_parent.parent = makers.group_uuid
    )
    select distinct "user" from user_group
    where "group" in (select group_uuid from makers) and "user" in (${sql.join(users)})`.execute(db)
  return new Set(rows.map(row => row.user))
}

/** Keys of the roles that a user holds, directly or through any of their groups. */
export async function rolesOf(db: Db, user: number, groups: readonly GroupRow[]): Promise<string[]> {
  const own = await db.selectFrom('user_role').select('role').where('user', '=', user).execute()
  const keys = groups.map(group => group.group_uuid)
  const inherited = keys.length ? await db.selectFrom('group_role').select('role').where('group', 'in', keys).execute() : []
  return [...new Set([...own, ...inherited].map(row => row.role))]
}

/** Global permissions of a set of roles, as `app.codename`. */
export async function permissionsOf(db: Db, roles: readonly string[]): Promise<Set<string>> {
  if (roles.length === 0) return new Set()
  const rows = await db
    .selectFrom('role_permission')
    .select('permission')
    .where('role', 'in', [...roles])
    .execute()
  return new Set(rows.map(row => row.permission))
}

/** Whether adding `parents` above a group would close a circle. */
export async function wouldCycle(ctx: Ctx, group: string, parents: readonly string[]): Promise<boolean> {
  if (parents.includes(group)) return true
  if (parents.length === 0) return false
  const { rows } = await sql<{ found: number }>`
    with recursive above(group_uuid) as (
      select group_uuid from "group" where group_uuid in (${sql.join([...parents])})
      union
      select group_parent.parent from group_parent join above on group_parent.child = above.group_uuid
    )
    select 1 as found from above where group_uuid = ${group}`.execute(ctx.db)
  return rows.length > 0
}
