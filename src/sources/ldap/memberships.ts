import { AndFilter, EqualityFilter, ExtensibleFilter, type Filter } from 'ldapts'
import { wouldCycle } from '../../core/group/membership.ts'
import { parseFilter } from './client.ts'
import { below, normalDn } from './dn.ts'
import { textOf, valuesOf, type Entry } from './entry.ts'
import { groupConnectionsOf, memberKeys, sourceMembers } from './objects.sql.ts'
import type { Sync } from './run.ts'

/** Rows that one statement writes. */
const BATCH = 1_000

type GroupWithMembers = { group: string; members: readonly string[] }

/**
 * Who is in which group. Only those who come from the source are looked at: others who were put into its groups here stay in them.
 */
export class Memberships {
  readonly #sync: Sync
  readonly #people: ReadonlyMap<string, number>
  /** Groups by the names of those within them that are nobody's, which are groups, or nothing that was brought here. */
  readonly #within = new Map<string, Set<string>>()

  private constructor(sync: Sync, people: ReadonlyMap<string, number>) {
    this.#sync = sync
    this.#people = people
  }

  static async of(sync: Sync): Promise<Memberships> {
    return new Memberships(sync, await memberKeys(sync.ctx, sync.source.pbm_uuid))
  }

  /** The keys of a group's members: as the group lists them, or as people say where they belong. */
  async read(group: Entry): Promise<string[]> {
    const { source, directory } = this.#sync
    if (!source.lookup_groups_from_user) return valuesOf(group, source.group_membership_field).map(value => normalDn(textOf(value)))
    const found: string[] = []
    const filter = new AndFilter({
      filters: [parseFilter(source.user_object_filter), membershipFilter(source.group_membership_field, group.dn)],
    })
    const wanted = source.user_membership_attribute
    const byName = wanted.toLowerCase() === 'distinguishedname'
    const attribute = wanted === 'ldap_uniq' ? source.object_uniqueness_field : wanted
    const pages = directory.pages(below(source.base_dn, source.additional_user_dn), filter, {
      attributes: byName ? ['1.1'] : [attribute],
      size: 500,
    })
    for await (const page of pages) {
      this.#sync.signal.throwIfAborted()
      for (const { dn, attributes } of page) found.push(normalDn(byName ? dn : String([...attributes.values()][0]?.[0] ?? '')))
    }
    return found
  }

  /** Writes who joined and who left. Runs in a transaction. */
  async write({ ctx, source, counts }: Sync, groups: readonly GroupWithMembers[]): Promise<void> {
    const current = await sourceMembers(
      ctx,
      source.pbm_uuid,
      groups.map(({ group }) => group),
    )
    const joined: { user: number; group: string }[] = []
    for (const { group, members } of groups) {
      const wanted = new Set<number>()
      for (const key of members) {
        const user = this.#people.get(key)
        if (user !== undefined) wanted.add(user)
        else if (source.sync_group_hierarchy) this.#within.set(key, (this.#within.get(key) ?? new Set()).add(group))
      }
      const before = current.get(group)!
      for (const user of wanted) if (!before.has(user)) joined.push({ user, group })
      const left = [...before].filter(user => !wanted.has(user))
      counts.members.removed += left.length
      for (let start = 0; start < left.length; start += BATCH)
        await ctx.db
          .deleteFrom('user_group')
          .where('group', '=', group)
          .where('user', 'in', left.slice(start, start + BATCH))
          .execute()
    }
    counts.members.added += joined.length
    for (let start = 0; start < joined.length; start += BATCH)
      await ctx.db
        .insertInto('user_group')
        .values(joined.slice(start, start + BATCH))
        .onConflict(conflict => conflict.doNothing())
        .execute()
  }

  /** Puts groups below the groups that list them, and all of them below the one that the source names. Runs in a transaction. */
  async writeHierarchy({ ctx, source, counts }: Sync): Promise<void> {
    const connections = await groupConnectionsOf(ctx, source.pbm_uuid)
    const ours = new Set(connections.map(({ group }) => group))
    const wanted = new Set<string>()
    for (const { member_key, group } of connections) {
      for (const parent of (member_key !== null && this.#within.get(member_key)) || []) wanted.add(edge(group, parent))
      if (source.sync_parent_group !== null && source.sync_parent_group !== group) wanted.add(edge(group, source.sync_parent_group))
    }
    const rows = await ctx.db.selectFrom('group_parent').select(['child', 'parent']).execute()
    const current = new Set(rows.map(row => edge(row.child, row.parent)))
    for (const row of rows) {
      const between = ours.has(row.child) && ours.has(row.parent) && row.parent !== source.sync_parent_group
      if (!source.sync_group_hierarchy || !between || wanted.has(edge(row.child, row.parent))) continue
      await ctx.db.deleteFrom('group_parent').where('child', '=', row.child).where('parent', '=', row.parent).execute()
      counts.members.removed++
    }
    for (const one of wanted.difference(current)) {
      const [child, parent] = one.split(' ') as [string, string]
      // Directories allow circles; here a member of a group is one of those above it, and that must come to an end.
      if (await wouldCycle(ctx, child, [parent])) {
        this.#sync.tell('warning', 'Groups contain each other; one of the ways round is left out', { child, parent })
        continue
      }
      await ctx.db.insertInto('group_parent').values({ child, parent }).execute()
      counts.members.added++
    }
  }
}

const edge = (child: string, parent: string): string => `${child} ${parent}`

/** `(field=dn)`, or `(field:rule:=dn)` where the field names a matching rule. Values stand in it as values, whatever they hold. */
function membershipFilter(field: string, dn: string): Filter {
  const [, attribute, rule] = /^([^:]+)(?::([^:]+):)?$/.exec(field) ?? []
  return rule === undefined
    ? new EqualityFilter({ attribute: attribute ?? field, value: dn })
    : new ExtensibleFilter({ matchType: attribute, rule, value: dn })
}
