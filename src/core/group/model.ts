import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud, eventModel, objectAt } from '../../api/crud.ts'
import { invalid, invalidObject, notFound } from '../../api/errors.ts'
import { computed, flag, jsonObject, many, text } from '../../api/fields.ts'
import { MAX_KEY, parseKey, queryFlag } from '../../api/filters.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { holds, mayTouch, requireObject } from '../../api/permissions.ts'
import { relatedKeys } from '../../api/store.ts'
import { listOf, listOrNull } from '../../api/shapes.ts'
import { body, checked } from '../../api/validate.ts'
import { transact, type Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { attributesFilter } from '../attributes-filter.ts'
import { wouldCycle } from './membership.ts'
import { presentGroups } from './present.ts'
import { beyondCaller } from '../../rbac/escalation.ts'
import { Role } from '../../rbac/role.ts'
import { User } from '../user/model.ts'

/** A set of people, possibly below other groups; membership is inherited upwards. */
export const Group: Model = defineModel({
  name: 'Group',
  label: 'authentik_core.group',
  verboseName: 'Group',
  table: 'group',
  pk: 'group_uuid',
  fields: {
    num_pk: computed(Type.Integer()),
    name: text({ unique: true }),
    is_superuser: flag(false),
    parents: many(() => Group, { table: 'group_parent', ours: 'child', theirs: 'parent' }),
    parents_obj: computed(listOrNull('RelatedGroup')),
    users: many(() => User, { table: 'user_group', ours: 'group', theirs: 'user' }),
    users_obj: computed(listOrNull('PartialUser')),
    attributes: jsonObject(),
    roles: many(() => Role, { table: 'group_role', ours: 'group', theirs: 'role' }),
    roles_obj: computed(listOf('Role')),
    inherited_roles_obj: computed(listOrNull('Role')),
    children: computed(Type.Array(Type.String({ format: 'uuid' }))),
    children_obj: computed(listOrNull('RelatedGroup')),
  },
  filters: {
    name: {},
    is_superuser: {},
    attributes: attributesFilter('group'),
    members_by_pk: { many: true, type: 'integer', apply: membersByPk },
    members_by_username: { many: true, apply: membersByUsername },
  },
  parameters: Object.fromEntries(
    ['include_users', 'include_children', 'include_parents', 'include_inherited_roles'].map((name, at) => [
      name,
      { type: 'boolean', default: at === 0 },
    ]),
  ),
  search: ['name'],
  ordering: ['name'],
  present: (ctx, rows, query) =>
    presentGroups(ctx, rows, {
      users: queryFlag(query, 'include_users', true),
      children: queryFlag(query, 'include_children', false),
      parents: queryFlag(query, 'include_parents', false),
      inheritedRoles: queryFlag(query, 'include_inherited_roles', false),
    }),
})

const NOT_A_CHOICE = (value: string) => `Select a valid choice. ${value} is not one of the available choices.`

async function membersByPk(ctx: Ctx, values: string[]) {
  const keys = values.map(value => parseKey(User, value))
  for (const [index, key] of keys.entries()) {
    const known =
      key !== undefined &&
      (await ctx.db
        .selectFrom('user')
        .select('id')
        .where('id', '=', key as number)
        .executeTakeFirst())
    if (!known) throw invalid({ members_by_pk: [NOT_A_CHOICE(values[index]!)] })
  }
  return memberOf(keys as number[])
}

async function membersByUsername(ctx: Ctx, values: string[]) {
  const users = await ctx.db.selectFrom('user').select(['id', 'username']).where('username', 'in', values).execute()
  const missing = values.find(value => !users.some(user => user.username === value))
  if (missing !== undefined) throw invalid({ members_by_username: [NOT_A_CHOICE(missing)] })
  return memberOf(users.map(user => user.id))
}

const memberOf = (users: number[]) =>
  sql<boolean>`"group".group_uuid in (select "group" from user_group where "user" in (${sql.join(users)}))`

/** Making, or unmaking, superusers takes a permission of its own: delegated managers must not promote themselves. */
async function guardSuperuser(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const before = (current?.is_superuser as boolean | undefined) ?? false
  const after = (values.is_superuser as boolean | undefined) ?? before
  if (after !== before) {
    const permission = `authentik_core.${after ? 'enable' : 'disable'}_group_superuser`
    const allowed = current ? await mayTouch(ctx, Group, current.group_uuid as string, permission) : holds(ctx, permission)
    if (!allowed) throw invalid({ is_superuser: [`User does not have permission to set superuser status to ${after ? 'True' : 'False'}.`] })
  }
  const key = current?.group_uuid as string | undefined
  const parents = values.parents as string[] | undefined
  if (key !== undefined && parents && (await wouldCycle(ctx, key, parents)))
    throw invalid({ parents: ['Cannot set group as parent of itself.'] })
  if (!ctx.caller.superuser) await guardGains(ctx, values, current)
  return values
}

/** Members gain what the group and those above it give; so does whoever is a member already, when a parent or a role is added. */
async function guardGains(ctx: Ctx, values: Row, current?: Row): Promise<void> {
  const key = current?.group_uuid as string | undefined
  const fresh = async (name: 'parents' | 'roles'): Promise<string[]> => {
    const sent = (values[name] as string[] | undefined) ?? []
    if (key === undefined || sent.length === 0) return sent
    const held = (await relatedKeys(ctx, Group.allFields[name]!, [key])).get(key)!
    return sent.filter(other => !held.includes(other))
  }
  for (const [name, gains] of [
    ['parents', { groups: await fresh('parents') }],
    ['roles', { roles: await fresh('roles') }],
  ] as const) {
    const text = await beyondCaller(ctx, gains)
    if (text !== undefined) throw invalid({ [name]: [text] })
  }
  const members = values.users as number[] | undefined
  if (!members?.length) return
  const held = key === undefined ? [] : (await relatedKeys(ctx, Group.allFields.users!, [key])).get(key)!
  if (members.every(member => held.includes(member))) return
  const text = values.is_superuser ? SUPERUSER : key === undefined ? undefined : await beyondCaller(ctx, { groups: [key] })
  if (text !== undefined) throw invalid({ users: [text] })
}

const SUPERUSER = 'User does not have permission to set superuser status to True.'

export const groups: Resource = { path: '/core/groups', model: Group, operations: crud(Group, { clean: guardSuperuser }) }

const UserKey = body({ pk: Type.Integer() })

/** Adds or removes one member; doing it twice changes nothing. */
function membership(verb: 'add' | 'remove'): SpecialOperation {
  return {
    status: 204,
    body: UserKey,
    bodyName: 'UserAccountRequest',
    handler: async (ctx, request) => {
      const group = await objectAt(ctx, Group, (request.params as { pk: string }).pk)
      const key = group.group_uuid as string
      await requireObject(ctx, Group, key, `authentik_core.${verb}_user_${verb === 'add' ? 'to' : 'from'}_group`)
      const { pk } = checked<{ pk: number }>(UserKey, request.body)
      const user =
        pk > 0 && pk <= MAX_KEY
          ? await ctx.db.selectFrom('user').select(['id', 'username']).where('id', '=', pk).executeTakeFirst()
          : undefined
      if (!user || !(await mayTouch(ctx, User, pk, 'view'))) throw notFound('User')
      const text = verb === 'add' ? await beyondCaller(ctx, { groups: [key] }) : undefined
      if (text !== undefined) throw invalidObject(text)
      await transact(ctx, async ctx => {
        if (verb === 'add')
          await ctx.db
            .insertInto('user_group')
            .values({ user: pk, group: key })
            .onConflict(conflict => conflict.doNothing())
            .execute()
        else await ctx.db.deleteFrom('user_group').where('user', '=', pk).where('group', '=', key).execute()
        await recordEvent(ctx, 'model_updated', { model: eventModel(Group, group), diff: { users: { [verb]: [pk] } } })
      })
    },
  }
}

export const groupRoutes: Record<string, SpecialOperation> = {
  'POST /core/groups/:pk/add_user/': membership('add'),
  'POST /core/groups/:pk/remove_user/': membership('remove'),
}
