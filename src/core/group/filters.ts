import { sql } from 'kysely'
import { Type } from 'typebox'
import { invalid } from '../../api/errors.ts'
import { parseKey, type FilterSpec } from '../../api/filters.ts'
import type { Ctx } from '../../context.ts'
import { attributesFilter } from '../attributes-filter.ts'

/** What lists of groups can be narrowed by. */
export const groupFilters: Record<string, FilterSpec> = {
  name: {},
  is_superuser: {},
  attributes: attributesFilter('group'),
  members_by_pk: { many: true, type: 'integer', apply: membersByPk },
  members_by_username: { many: true, apply: membersByUsername },
}

const NOT_A_CHOICE = (value: string) => `Select a valid choice. ${value} is not one of the available choices.`

async function membersByPk(ctx: Ctx, values: string[]) {
  const keys = values.map(value => parseKey({ keySchema: Type.Integer() }, value))
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
