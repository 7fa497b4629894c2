import { sql } from 'kysely'
import { Type } from 'typebox'
import { invalid, invalidObject, permissionDenied } from '../../api/errors.ts'
import { computed, choice, flag, instant, internal, jsonObject, many, shown, text } from '../../api/fields.ts'
import { parseFlag, parseUuid, queryFlag } from '../../api/filters.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Hooks } from '../../api/crud.ts'
import { listOrNull } from '../../api/shapes.ts'
import { relatedKeys } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { jsonEquals } from '../../db/sql/like.ts'
import { beyondCaller } from '../../rbac/escalation.ts'
import { Role } from '../../rbac/role.ts'
import { attributesFilter } from '../attributes-filter.ts'
import { Group } from '../group/model.ts'
import { isSuperuser } from '../group/membership.ts'
import { endSessionsOf } from '../session/session.ts'
import { systemSettings } from '../settings.ts'
import { presentUsers } from './present.ts'
import { withdraw } from '../withdrawal.ts'

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
  filters: {
    username: {},
    email: {},
    name: {},
    uuid: { type: 'uuid', apply: (_, values) => uuidCondition(values[0]!) },
    path: {},
    path_startswith: { apply: (_, values) => sql<boolean>`substr("user".path, 1, ${values[0]!.length}) = ${values[0]}` },
    type: { many: true },
    is_active: {},
    is_superuser: { type: 'boolean', apply: (_, values) => superuserCondition(values[0]!) },
    attributes: attributesFilter('user'),
    groups_by_name: { many: true, apply: (_, values) => inGroups(sql`name in (${sql.join(values)})`) },
    groups_by_pk: {
      many: true,
      type: 'uuid',
      apply: (_, values) => inGroups(sql`group_uuid in (${sql.join(uuids('groups_by_pk', values))})`),
    },
    roles_by_name: { many: true, apply: (_, values) => withRoles(sql`name in (${sql.join(values)})`) },
    roles_by_pk: {
      many: true,
      type: 'uuid',
      apply: (_, values) => withRoles(sql`role_uuid in (${sql.join(uuids('roles_by_pk', values))})`),
    },
    ...Object.fromEntries(
      ['date_joined', 'last_updated', 'last_login'].flatMap(name => [name, `${name}__gt`, `${name}__lt`].map(key => [key, {}])),
    ),
    last_login__isnull: { type: 'boolean' },
  },
  parameters: { include_groups: { type: 'boolean', default: true }, include_roles: { type: 'boolean', default: true } },
  search: ['email', 'name', 'username', 'uuid'],
  searchIndexed: true,
  ordering: ['username'],
  present: (ctx, rows, query) =>
    presentUsers(ctx, rows, { groups: queryFlag(query, 'include_groups', true), roles: queryFlag(query, 'include_roles', true) }),
})

function uuids(name: string, values: string[]): string[] {
  return values.map(value => {
    const uuid = parseUuid(value)
    if (uuid === undefined) throw invalid({ [name]: ['Enter a valid UUID.'] })
    return uuid
  })
}

const uuidCondition = (value: string) => sql<boolean>`"user".uuid = ${uuids('uuid', [value])[0]}`

/** Direct groups only, as clients of this filter expect. */
function superuserCondition(value: string) {
  const made = sql<boolean>`"user".id in (select "user" from user_group join "group" on group_uuid = "group" where is_superuser = ${true})`
  return parseFlag(value) === false ? sql<boolean>`not (${made})` : made
}

const inGroups = (which: ReturnType<typeof sql>) =>
  sql<boolean>`"user".id in (select "user" from user_group where "group" in (select group_uuid from "group" where ${which}))`

const withRoles = (which: ReturnType<typeof sql>) =>
  sql<boolean>`"user".id in (select "user" from user_role where role in (select role_uuid from role where ${which}))`

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  if (current?.type === 'internal_service_account' && !ctx.caller.system) {
    if ('type' in values && values.type !== current.type)
      throw invalid({ type: ["Can't change internal service account to other user type."] })
    throw invalidObject("Can't modify internal service account users")
  }
  if (values.type === 'internal_service_account' && !ctx.caller.system) {
    throw invalid({ type: ['Setting a user to internal service account is not allowed.'] })
  }
  if (current) await requireReach(ctx, current)
  await guardGains(ctx, values, current)
  return { ...values, last_updated: ctx.now() }
}

/**
 * Whoever manages people without being a superuser must not reach a superuser's account: its address, name or password
 * would make them that superuser.
 */
export async function requireReach(ctx: Ctx, user: Row): Promise<void> {
  if (ctx.caller.superuser || user.id === ctx.caller.user?.id) return
  if (await isSuperuser(ctx.db, user.id as number)) throw permissionDenied()
}

/** Nor may they put an account, theirs or another, into a group or role that gives more than they hold. */
async function guardGains(ctx: Ctx, values: Row, current?: Row): Promise<void> {
  if (ctx.caller.superuser) return
  for (const name of ['groups', 'roles'] as const) {
    const sent = (values[name] as string[] | undefined) ?? []
    if (sent.length === 0) continue
    const held = current ? (await relatedKeys(ctx, User.allFields[name]!, [current.id])).get(current.id)! : []
    const text = await beyondCaller(ctx, { [name]: sent.filter(key => !held.includes(key)) })
    if (text !== undefined) throw invalid({ [name]: [text] })
  }
}

/** What a write to an account entails: switching it off ends its sessions at once, and what was given out to it. */
async function saved(ctx: Ctx, user: Row, previous?: Row): Promise<void> {
  if (previous?.is_active && !user.is_active) {
    await withdraw(ctx, { user: user.id as number })
    await endSessionsOf(ctx, user.id as number)
  }
}

/** The account's tokens, sessions and consents go by their foreign keys; events about it go too where the law is followed to the letter. */
async function removing(ctx: Ctx, user: Row): Promise<void> {
  await requireReach(ctx, user)
  const { gdpr_compliance: forget } = await systemSettings(ctx)
  if (forget)
    await ctx.db
      .deleteFrom('event')
      .where(jsonEquals(ctx.db, sql.ref('event.user'), ['pk'], user.id))
      .execute()
}

export const userHooks: Hooks = { clean, saved, removing }
