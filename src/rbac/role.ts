import { sql } from 'kysely'
import { crud } from '../api/crud.ts'
import { invalid } from '../api/errors.ts'
import { internal, text } from '../api/fields.ts'
import { parseFlag, parseUuid, type FilterSpec } from '../api/filters.ts'
import { defineModel, type Model } from '../api/model.ts'

const NOT_A_CHOICE = 'Select a valid choice. That choice is not one of the available choices.'

/** Roles that an account holds itself; those that its groups bring with `?inherited=true`. */
const ofUser: FilterSpec = {
  type: 'integer',
  apply: async (ctx, [sent], query) => {
    const user = /^\d{1,9}$/.test(sent!) ? Number(sent) : undefined
    const known = user !== undefined && (await ctx.db.selectFrom('user').select('id').where('id', '=', user).executeTakeFirst())
    if (!known) throw invalid({ users: [NOT_A_CHOICE] })
    const own = sql`select role from user_role where "user" = ${user}`
    if (parseFlag([query.inherited].flat()[0]) !== true) return sql<boolean>`role.role_uuid in (${own})`
    return sql<boolean>`role.role_uuid in (${own} union select role from group_role where "group" in (${closure(sql`select "group" from user_group where "user" = ${user}`)}))`
  },
}

/** Roles that a group holds itself; those of the groups above it with `?inherited=true`. */
const ofGroup: FilterSpec = {
  type: 'uuid',
  apply: async (ctx, [sent], query) => {
    const group = parseUuid(sent!)
    const known =
      group !== undefined && (await ctx.db.selectFrom('group').select('group_uuid').where('group_uuid', '=', group).executeTakeFirst())
    if (!known) throw invalid({ groups: [NOT_A_CHOICE] })
    if (parseFlag([query.inherited].flat()[0]) !== true)
      return sql<boolean>`role.role_uuid in (select role from group_role where "group" = ${group})`
    return sql<boolean>`role.role_uuid in (select role from group_role where "group" in (${closure(sql`select group_uuid from "group" where group_uuid = ${group}`)}))`
  },
}

const closure = (begin: ReturnType<typeof sql>) => sql`
  with recursive above(group_uuid) as (
    ${begin}
    union
    select group_parent.parent from group_parent join above on group_parent.child = above.group_uuid
  )
  select group_uuid from above`

/** A named set of permissions, given to people directly or through their groups. */
export const Role: Model = defineModel({
  name: 'Role',
  label: 'authentik_rbac.role',
  verboseName: 'Role',
  table: 'role',
  pk: 'role_uuid',
  fields: { name: text({ unique: true, maxLength: 150 }), managed: internal(text({ nullable: true }), () => null) },
  filters: {
    name: {},
    users: ofUser,
    groups: ofGroup,
    inherited: { type: 'boolean', apply: () => sql<boolean>`1 = 1` },
    managed: { many: true },
    managed__isnull: { type: 'boolean' },
  },
  search: ['name'],
  ordering: ['name'],
})

export const roleOperations = crud(Role)
