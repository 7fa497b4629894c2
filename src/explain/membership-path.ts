import type { Ctx } from '../context.ts'
import { groupsOf, type GroupRow } from '../core/group/membership.ts'

/** How somebody comes to be in their groups. */
export type Memberships = {
  /** Names from a group that they are in themselves up to this one; undefined when they are not in it. */
  pathTo: (group: string) => string[] | undefined
  /** The same for the first group that makes superusers. */
  superuserPath: string[] | undefined
}

const none: Memberships = { pathTo: () => undefined, superuserPath: undefined }

/** The groups of an account, each with the shortest way to it. Three queries, whatever their number. */
export async function membershipsOf(ctx: Ctx, user: number | null): Promise<Memberships> {
  const groups = user === null ? [] : await groupsOf(ctx.db, user)
  if (user === null || groups.length === 0) return none
  const byKey = new Map(groups.map((group): [string, GroupRow] => [group.group_uuid, group]))
  const direct = await ctx.db.selectFrom('user_group').select('group').where('user', '=', user).execute()
  const edges = await ctx.db
    .selectFrom('group_parent')
    .select(['child', 'parent'])
    .where('child', 'in', [...byKey.keys()])
    .execute()
  const parents = Map.groupBy(edges, edge => edge.child)
  const paths = new Map<string, string[]>()
  // Breadth first, so that the first way found is a shortest one.
  const queue = direct.map(({ group }) => group).sort((a, b) => byKey.get(a)!.name.localeCompare(byKey.get(b)!.name))
  for (const key of queue) paths.set(key, [byKey.get(key)!.name])
  for (const key of queue) {
    for (const { parent } of parents.get(key) ?? []) {
      if (paths.has(parent)) continue
      paths.set(parent, [...paths.get(key)!, byKey.get(parent)!.name])
      queue.push(parent)
    }
  }
  const maker = groups.find(group => group.is_superuser)
  return { pathTo: group => paths.get(group), superuserPath: maker && paths.get(maker.group_uuid) }
}
