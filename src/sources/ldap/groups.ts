import { isDeepStrictEqual } from 'node:util'
import { changeObject, deleteObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { findObject, insertObject, updateObject, withDefaults } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { Group } from '../../core/people.ts'
import { parseFilter } from './client.ts'
import { GroupLDAPSourceConnection } from './connection.ts'
import { below, normalDn } from './dn.ts'
import { firstText, readEntry, type Entry } from './entry.ts'
import { Memberships } from './memberships.ts'
import { groupConnectionsOf, groupsBy, type GroupConnection } from './objects.sql.ts'
import { groupColumns, overlaid, propertiesOf } from './properties.ts'
import { skip, written, type Sync } from './run.ts'

type Team = { entry: Entry; identifier: string; values: Row; members: readonly string[] }

/** Makes groups of the groups of a directory, with their members and, where asked for, the groups within them. */
export async function syncGroups(sync: Sync): Promise<void> {
  const { source, directory, ctx } = sync
  const seen = new Set<string>()
  const memberships = await Memberships.of(sync)
  const base = below(source.base_dn, source.additional_group_dn)
  for await (const page of directory.pages(base, parseFilter(source.group_object_filter), { size: ctx.config.ldap.page_size })) {
    const teams: Team[] = []
    for (const raw of page) {
      sync.signal.throwIfAborted()
      const team = await readTeam(sync, memberships, readEntry(raw, sync.schema), seen)
      if (team) teams.push(team)
    }
    await written(sync, sync => writeTeams(sync, teams, memberships))
  }
  await written(sync, sync => memberships.writeHierarchy(sync))
  await removeMissing(sync, seen)
}

async function readTeam(sync: Sync, memberships: Memberships, entry: Entry, seen: Set<string>): Promise<Team | undefined> {
  const { source } = sync
  const identifier = firstText(entry, source.object_uniqueness_field)
  if (identifier === undefined || identifier === '' || seen.has(identifier)) {
    skip(sync, 'groups', entry.dn, `The entry has no ${source.object_uniqueness_field} of its own`)
    return undefined
  }
  seen.add(identifier)
  const properties = await propertiesOf(sync, 'group', entry, identifier)
  if (!properties) return undefined
  return { entry, identifier, values: groupColumns(properties), members: await memberships.read(entry) }
}

/** Writes a page with its members. Runs in a transaction. */
async function writeTeams(sync: Sync, teams: readonly Team[], memberships: Memberships): Promise<void> {
  const { ctx, source } = sync
  const connections = new Map(
    (
      await groupConnectionsOf(
        ctx,
        source.pbm_uuid,
        teams.map(team => team.identifier),
      )
    ).map(row => [row.identifier, row]),
  )
  const known = new Map(
    (
      await groupsBy(
        ctx,
        'group_uuid',
        [...connections.values()].map(row => row.group),
      )
    ).map(row => [row.group_uuid as string, row]),
  )
  const names = teams
    .filter(team => !connections.has(team.identifier) && team.values.name !== undefined)
    .map(team => team.values.name as string)
  const named = new Map((await groupsBy(ctx, 'name', names)).map(row => [row.name as string, row]))
  const found: { group: string; members: readonly string[] }[] = []
  for (const team of teams) {
    const connection = connections.get(team.identifier)
    const group = connection ? await updateTeam(sync, team, known.get(connection.group)!, connection) : await addTeam(sync, team, named)
    if (group !== undefined) found.push({ group, members: team.members })
  }
  await memberships.write(sync, found)
}

const connectionValues = (team: Team) => ({ dn: team.entry.dn, member_key: normalDn(team.entry.dn) })

/** A group that the source has not brought before: a new one, or the one of that name where the matching mode says so. */
async function addTeam(sync: Sync, team: Team, named: Map<string, Row>): Promise<string | undefined> {
  const { ctx, source } = sync
  const name = team.values.name as string | undefined
  if (name === undefined) {
    skip(sync, 'groups', team.entry.dn, 'No mapping gives the group a name')
    return undefined
  }
  const same = named.get(name)
  if (same && source.group_matching_mode !== 'name_link') {
    skip(sync, 'groups', team.entry.dn, `Another group is called ${name}; connect it, or choose another matching mode`)
    return undefined
  }
  let group = same
  if (!group) {
    const { users: _, parents: __, roles: ___, ...full } = withDefaults(ctx, Group, team.values)
    group = await insertObject(ctx, Group, full)
    named.set(name, group)
    sync.counts.groups.created++
  } else sync.counts.groups.linked++
  const connection = await insertObject(
    ctx,
    GroupLDAPSourceConnection,
    withDefaults(ctx, GroupLDAPSourceConnection, {
      group: group.group_uuid,
      source: source.pbm_uuid,
      identifier: team.identifier,
      own: !same,
      ...connectionValues(team),
    }),
  )
  return same ? updateTeam(sync, team, same, connection as unknown as GroupConnection) : (group.group_uuid as string)
}

/** Brings a group to what the directory says, where that is something else. Returns its key. */
async function updateTeam(sync: Sync, team: Team, group: Row, connection: GroupConnection): Promise<string> {
  const { ctx } = sync
  const values: Row = {}
  for (const [name, value] of Object.entries(team.values)) {
    const next = name === 'attributes' ? overlaid(group.attributes as Row, value as Row) : value
    if (!isDeepStrictEqual(group[name], next)) values[name] = next
  }
  if (values.name !== undefined && (await groupsBy(ctx, 'name', [values.name as string])).length > 0) {
    sync.tell('warning', `Another group is called ${String(values.name)}`, { dn: team.entry.dn })
    delete values.name
  }
  const { dn, member_key } = connectionValues(team)
  if (connection.dn !== dn || connection.member_key !== member_key) await keepConnection(ctx, connection, { dn, member_key })
  if (Object.keys(values).length > 0) {
    await changeObject(ctx, Group, group, values)
    sync.counts.groups.updated++
  }
  return group.group_uuid as string
}

async function keepConnection(ctx: Ctx, connection: GroupConnection, values: { dn: string; member_key: string }): Promise<void> {
  if (connection.dn !== null) return updateObject(ctx, GroupLDAPSourceConnection, connection.id, { ...values, last_updated: ctx.now() })
  await ctx.db
    .insertInto('group_ldap_source_connection')
    .values({ id: connection.id, own: false, ...values })
    .execute()
}

/** Groups whose entry is gone go too, where that is asked for; those that were here before stay, without the connection. */
async function removeMissing(sync: Sync, seen: ReadonlySet<string>): Promise<void> {
  const { source } = sync
  if (!source.delete_not_found_objects) return
  const missing = (await groupConnectionsOf(sync.ctx, source.pbm_uuid)).filter(connection => !seen.has(connection.identifier))
  if (seen.size === 0 && missing.length > 0) {
    sync.tell('warning', 'The directory shows no group at all: none is removed', { groups: missing.length })
    return
  }
  for (const connection of missing) {
    sync.signal.throwIfAborted()
    await written(sync, async ({ ctx, counts }) => {
      if (connection.own) await deleteObject(ctx, Group, (await findObject(ctx, Group, connection.group))!)
      else await deleteObject(ctx, GroupLDAPSourceConnection, { ...connection })
      counts.groups.removed++
    })
  }
}
