import { Type } from 'typebox'
import { computed, choice, flag, instant, internal, jsonObject, many, shown, text } from '../api/fields.ts'
import { queryFlag } from '../api/filters.ts'
import { defineModel, type Model } from '../api/model.ts'
import { listOf, listOrNull } from '../api/shapes.ts'
import { Role } from '../rbac/role.ts'
import { groupFilters } from './group/filters.ts'
import { presentGroups } from './group/present.ts'
import { userFilters } from './user/filters.ts'
import { presentUsers } from './user/present.ts'

// Accounts and groups in one file: each lists the other.

/** Marks an account without a password: no text hashes to it. */
export const UNUSABLE_PASSWORD = '!'

export const USER_TYPES = ['internal', 'external', 'service_account', 'internal_service_account'] as const

/** Checks a user's path: segments between slashes, none of them empty. */
function pathError(path: string): string | undefined {
  if (path.startsWith('/') || path.endsWith('/')) return 'No leading or trailing slashes allowed.'
  return path.split('/').includes('') ? 'No empty segments in user path allowed.' : undefined
}

/** An account: of a person, or of a machine. */
export const User: Model = defineModel({
  name: 'User',
  label: 'authentik_core.user',
  verboseName: 'User',
  table: 'user',
  pk: 'id',
  keyType: 'integer',
  display: 'username',
  fields: {
    username: text({ unique: true, maxLength: 150, taken: 'This field must be unique.' }),
    name: text({ blank: true }),
    is_active: flag(true),
    last_login: instant({ nullable: true }),
    date_joined: instant({ readOnly: true, now: true }),
    is_superuser: computed(Type.Boolean()),
    groups: many(() => Group, { table: 'user_group', ours: 'user', theirs: 'group' }),
    groups_obj: computed(listOrNull('PartialGroup')),
    roles: many(() => Role, { table: 'user_role', ours: 'user', theirs: 'role' }),
    roles_obj: computed(listOrNull('Role')),
    email: text({
      default: '',
      maxLength: 254,
      check: (value: string) => (value === '' || /^[^\s@]+@[^\s@]+$/.test(value) ? undefined : 'Enter a valid email address.'),
    }),
    avatar: computed(Type.String()),
    attributes: jsonObject(),
    uid: computed(Type.String()),
    path: text({ default: 'users', check: pathError, blank: false }),
    type: choice(USER_TYPES, 'internal'),
    uuid: shown(text({ format: 'uuid' }), ctx => ctx.uuid()),
    password: internal(text(), () => UNUSABLE_PASSWORD),
    password_change_date: instant({ readOnly: true, now: true }),
    last_updated: instant({ readOnly: true, now: true }),
  },
  filters: userFilters,
  parameters: { include_groups: { type: 'boolean', default: true }, include_roles: { type: 'boolean', default: true } },
  search: ['email', 'name', 'username', 'uuid'],
  searchIndexed: true,
  ordering: ['username'],
  present: (ctx, rows, query) =>
    presentUsers(ctx, rows, { groups: queryFlag(query, 'include_groups', true), roles: queryFlag(query, 'include_roles', true) }),
})

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
  filters: groupFilters,
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
