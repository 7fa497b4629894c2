import type { Row } from '../api/model.ts'
import { createObject } from '../api/objects.ts'
import { insertObject, withDefaults } from '../api/store.ts'
import { transact, type Ctx } from '../context.ts'
import { Group } from '../core/people.ts'
import { recordEvent } from '../events/record.ts'
import { connectionModel } from './connect.ts'

export type GroupMatchingMode = 'identifier' | 'name_link' | 'name_deny'

/** A group as a source knows it. */
export type SourceGroup = { id: string; properties: Row }

/** Groups that an account is in at a source, and how the source finds ours. JSON, since plans keep it. */
export type GroupsData = {
  /** Label of the connection's model. */
  kind: string
  source: { pbm_uuid: string; name: string }
  mode: GroupMatchingMode
  groups: SourceGroup[]
}

const nameOf = ({ id, properties }: SourceGroup): string =>
  typeof properties.name === 'string' && properties.name !== '' ? properties.name : id

const attributesOf = ({ properties }: SourceGroup): Row =>
  typeof properties.attributes === 'object' && properties.attributes !== null && !Array.isArray(properties.attributes)
    ? (properties.attributes as Row)
    : {}

/** The key of our group that a source's group is: known, found by its name where the mode says so, or made. Undefined: none. */
async function groupFor(ctx: Ctx, { kind, source, mode }: GroupsData, group: SourceGroup): Promise<string | undefined> {
  const known = await ctx.db
    .selectFrom('group_source_connection')
    .select('group')
    .where('source', '=', source.pbm_uuid)
    .where('identifier', '=', group.id)
    .executeTakeFirst()
  if (known) return known.group
  const name = nameOf(group)
  const named = await ctx.db.selectFrom('group').select('group_uuid').where('name', '=', name).executeTakeFirst()
  if (named && mode !== 'name_link') {
    const message = `${source.name} tells of a group "${name}", which is another group here: nobody becomes a member of it by that.`
    await recordEvent(ctx, 'configuration_warning', { message, group: named.group_uuid })
    return undefined
  }
  // Never more than a name and attributes: what a group may do is not for a source to say.
  const key = named ? named.group_uuid : ((await createObject(ctx, Group, { name, attributes: attributesOf(group) })).group_uuid as string)
  const model = connectionModel(ctx, kind)
  await insertObject(ctx, model, withDefaults(ctx, model, { group: key, source: source.pbm_uuid, identifier: group.id }))
  return key
}

/**
 * Takes over the groups that a source tells of: the account joins those, and leaves the ones that came from this source before and are
 * told no more. Memberships that have nothing to do with the source stay.
 */
export async function takeGroups(given: Ctx, data: GroupsData, user: number): Promise<void> {
  await transact(given, async ctx => {
    const wanted = new Set<string>()
    for (const group of data.groups) {
      const key = await groupFor(ctx, data, group)
      if (key !== undefined) wanted.add(key)
    }
    const linked = await ctx.db
      .selectFrom('user_group')
      .innerJoin('group_source_connection as connection', 'connection.group', 'user_group.group')
      .select('user_group.group')
      .distinct()
      .where('user_group.user', '=', user)
      .where('connection.source', '=', data.source.pbm_uuid)
      .execute()
    const gone = linked.map(row => row.group).filter(key => !wanted.has(key))
    if (gone.length > 0) await ctx.db.deleteFrom('user_group').where('user', '=', user).where('group', 'in', gone).execute()
    if (wanted.size === 0) return
    await ctx.db
      .insertInto('user_group')
      .values([...wanted].map(group => ({ user, group })))
      .onConflict(conflict => conflict.doNothing())
      .execute()
  })
}
