import { sql } from 'kysely'
import { invalid } from '../../api/errors.ts'
import { parseFlag, parseUuid, type FilterSpec } from '../../api/filters.ts'
import { attributesFilter } from '../attributes-filter.ts'

/** What lists of accounts can be narrowed by. */
export const userFilters: Record<string, FilterSpec> = {
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
}

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
