import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'

/** A connection of a directory, with what is kept for directories; the latter is null where the connection was made by other means. */
export type Connection = {
  id: number
  identifier: string
  dn: string | null
  member_key: string | null
  own: boolean | null
}
export type UserConnection = Connection & { user: number; disabled: boolean | null; missing_since: Date | null }
export type GroupConnection = Connection & { group: string }

const userConnections = (ctx: Ctx, source: string) =>
  ctx.db
    .selectFrom('user_source_connection as c')
    .leftJoin('user_ldap_source_connection as l', 'l.id', 'c.id')
    .where('c.source', '=', source)
    .select(['c.id', 'c.identifier', 'c.user', 'l.dn', 'l.member_key', 'l.own', 'l.disabled', 'l.missing_since'])

const groupConnections = (ctx: Ctx, source: string) =>
  ctx.db
    .selectFrom('group_source_connection as c')
    .leftJoin('group_ldap_source_connection as l', 'l.id', 'c.id')
    .where('c.source', '=', source)
    .select(['c.id', 'c.identifier', 'c.group', 'l.dn', 'l.member_key', 'l.own'])

/** Connections of a source, all or those with these identifiers. */
export async function userConnectionsOf(ctx: Ctx, source: string, identifiers?: readonly string[]): Promise<UserConnection[]> {
  if (identifiers?.length === 0) return []
  const query = userConnections(ctx, source)
  return (identifiers ? query.where('c.identifier', 'in', [...identifiers]) : query).execute()
}

export async function groupConnectionsOf(ctx: Ctx, source: string, identifiers?: readonly string[]): Promise<GroupConnection[]> {
  if (identifiers?.length === 0) return []
  const query = groupConnections(ctx, source)
  return (identifiers ? query.where('c.identifier', 'in', [...identifiers]) : query).execute()
}

/** Accounts by one of their columns. */
export const usersBy = async (ctx: Ctx, column: 'id' | 'username' | 'email', values: readonly (string | number)[]): Promise<Row[]> =>
  values.length === 0
    ? []
    : ctx.db
        .selectFrom('user')
        .selectAll()
        .where(column, 'in', values as never)
        .execute()

/** Groups by one of their columns. */
export const groupsBy = async (ctx: Ctx, column: 'group_uuid' | 'name', values: readonly string[]): Promise<Row[]> =>
  values.length === 0
    ? []
    : ctx.db
        .selectFrom('group')
        .selectAll()
        .where(column, 'in', [...values])
        .execute()

/** Who is meant by the keys that groups name their members by. */
export async function memberKeys(ctx: Ctx, source: string): Promise<Map<string, number>> {
  const rows = await ctx.db
    .selectFrom('user_source_connection as c')
    .innerJoin('user_ldap_source_connection as l', 'l.id', 'c.id')
    .where('c.source', '=', source)
    .where('l.missing_since', 'is', null)
    .select(['l.member_key', 'c.user'])
    .execute()
  return new Map(rows.map(row => [row.member_key, row.user]))
}

/** Members of groups, those alone who come from the source. */
export async function sourceMembers(ctx: Ctx, source: string, groups: readonly string[]): Promise<Map<string, Set<number>>> {
  const found = new Map<string, Set<number>>(groups.map(group => [group, new Set()]))
  if (groups.length === 0) return found
  const rows = await ctx.db
    .selectFrom('user_group')
    .select(['group', 'user'])
    .where('group', 'in', [...groups])
    .where('user', 'in', ctx.db.selectFrom('user_source_connection').select('user').where('source', '=', source))
    .execute()
  for (const { group, user } of rows) found.get(group)!.add(user)
  return found
}
