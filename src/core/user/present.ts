import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { avatarOf } from './avatar.ts'
import { groupNumber } from '../group/number.ts'
import { superusersAmong } from '../group/membership.ts'
import { systemSettings } from '../settings.ts'
import { userUid } from './uid.ts'
import { wireInstant } from '../../api/present.ts'

/** The short form of an account inside other objects. */
export const partialUser = (ctx: Ctx, user: Row): Row => ({
  pk: user.id,
  username: user.username,
  name: user.name,
  is_active: user.is_active,
  last_login: user.last_login instanceof Date ? wireInstant(user.last_login) : null,
  email: user.email,
  attributes: user.attributes,
  uid: userUid(ctx, user.id as number),
})

/** Objects by key, for the `*_obj` lists of many rows at once. */
export async function byKey(load: (keys: never[]) => Promise<Row[]>, pk: string, keys: unknown[]): Promise<Map<unknown, Row>> {
  const distinct = [...new Set(keys)]
  const rows = distinct.length ? await load(distinct as never[]) : []
  return new Map(rows.map(row => [row[pk], row]))
}

/** The computed fields of accounts. */
export async function presentUsers(ctx: Ctx, users: Row[], include: { groups: boolean; roles: boolean }): Promise<Row[]> {
  const settings = await systemSettings(ctx)
  const superusers = await superusersAmong(
    ctx.db,
    users.map(user => user.id as number),
  )
  const groups = await byKey(
    keys => ctx.db.selectFrom('group').selectAll().where('group_uuid', 'in', keys).execute(),
    'group_uuid',
    include.groups ? users.flatMap(user => user.groups as string[]) : [],
  )
  const roles = await byKey(
    keys => ctx.db.selectFrom('role').selectAll().where('role_uuid', 'in', keys).execute(),
    'role_uuid',
    include.roles ? users.flatMap(user => user.roles as string[]) : [],
  )
  return users.map(user => ({
    is_superuser: superusers.has(user.id as number),
    uid: userUid(ctx, user.id as number),
    avatar: avatarOf(ctx, user, settings.avatars),
    groups_obj: include.groups ? (user.groups as string[]).map(key => partialGroup(groups.get(key)!)) : null,
    roles_obj: include.roles ? (user.roles as string[]).map(key => presentRole(roles.get(key)!)) : null,
  }))
}

/** The short form of a group inside other objects. */
export const partialGroup = (group: Row): Row => ({
  pk: group.group_uuid,
  num_pk: groupNumber(group.group_uuid as string),
  name: group.name,
  is_superuser: group.is_superuser,
  attributes: group.attributes,
})

/** A role inside other objects. */
export const presentRole = (role: Row): Row => ({ pk: role.role_uuid, name: role.name })
