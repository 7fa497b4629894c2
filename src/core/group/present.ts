import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { amongKeys } from '../../db/sql/keys.ts'
import { groupNumber } from './number.ts'
import { byKey, partialUser, presentRole } from '../user/present.ts'

type Include = { users: boolean; children: boolean; parents: boolean; inheritedRoles: boolean }

const relatedGroup = (group: Row): Row => ({
  pk: group.group_uuid,
  group_uuid: group.group_uuid,
  name: group.name,
  is_superuser: group.is_superuser,
  attributes: group.attributes,
})

/** The computed fields of groups: a bounded number of queries, whatever the number of rows. */
export async function presentGroups(ctx: Ctx, groups: Row[], include: Include): Promise<Row[]> {
  const keys = groups.map(group => group.group_uuid as string)
  const edges = keys.length ? await ctx.db.selectFrom('group_parent').selectAll().where('parent', 'in', keys).execute() : []
  const ancestors = include.inheritedRoles ? await ancestorsOf(ctx, keys) : new Map<string, string[]>()
  const related = await byKey(wanted => ctx.db.selectFrom('group').selectAll().where('group_uuid', 'in', wanted).execute(), 'group_uuid', [
    ...(include.parents ? groups.flatMap(group => group.parents as string[]) : []),
    ...(include.children ? edges.map(edge => edge.child) : []),
  ])
  const users = await byKey(
    wanted =>
      ctx.db
        .selectFrom('user')
        .select(['id', 'username', 'name', 'is_active', 'last_login', 'email', 'attributes'])
        .where(amongKeys(ctx.db, sql.ref('id'), wanted))
        .execute(),
    'id',
    include.users ? groups.flatMap(group => group.users as number[]) : [],
  )
  const above = [...new Set([...ancestors.values()].flat())]
  const inherited = above.length ? await ctx.db.selectFrom('group_role').selectAll().where('group', 'in', above).execute() : []
  const roles = await byKey(wanted => ctx.db.selectFrom('role').selectAll().where('role_uuid', 'in', wanted).execute(), 'role_uuid', [
    ...groups.flatMap(group => group.roles as string[]),
    ...inherited.map(row => row.role),
  ])
  return groups.map(group => {
    const key = group.group_uuid as string
    const children = edges.filter(edge => edge.parent === key).map(edge => edge.child)
    const fromAbove = [...new Set(inherited.filter(row => ancestors.get(key)?.includes(row.group)).map(row => row.role))]
    return {
      num_pk: groupNumber(key),
      children,
      // Several queries: who was deleted between two of them is left out.
      users_obj: include.users
        ? (group.users as number[])
            .map(key => users.get(key))
            .filter(user => user !== undefined)
            .map(user => partialUser(ctx, user))
        : null,
      parents_obj: include.parents ? (group.parents as string[]).map(parent => relatedGroup(related.get(parent)!)) : null,
      children_obj: include.children ? children.map(child => relatedGroup(related.get(child)!)) : null,
      roles_obj: (group.roles as string[]).map(role => presentRole(roles.get(role)!)),
      inherited_roles_obj: include.inheritedRoles ? fromAbove.map(role => presentRole(roles.get(role)!)) : null,
    }
  })
}

/** All groups above each of the given ones, without those themselves. */
async function ancestorsOf(ctx: Ctx, keys: string[]): Promise<Map<string, string[]>> {
  const edges = await ctx.db.selectFrom('group_parent').selectAll().execute()
  const parents = Map.groupBy(edges, edge => edge.child)
  const climb = (key: string, seen: Set<string>): Set<string> => {
    for (const { parent } of parents.get(key) ?? []) {
      if (seen.has(parent)) continue
      seen.add(parent)
      climb(parent, seen)
    }
    return seen
  }
  return new Map(keys.map(key => [key, [...climb(key, new Set())]]))
}
