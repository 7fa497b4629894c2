import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { jsonTextAt } from '../../db/sql/like.ts'

const COLUMNS = { username: sql.ref('user.username'), email: sql.ref('user.email') }

/**
 * The account that a typed text means: by any of `fields` (username, email, upn). An exact match goes before one that differs in
 * case, an older account before a newer one. Inactive accounts are found too; later stages refuse them.
 */
export async function findUser(
  ctx: Ctx,
  typed: string,
  fields: readonly string[],
  options: { ignoreCase: boolean },
): Promise<Row | undefined> {
  const columns = fields.flatMap(field => {
    if (field === 'upn') return [jsonTextAt(ctx.db, sql.ref('user.attributes'), ['upn'])]
    return field === 'username' || field === 'email' ? [COLUMNS[field]] : []
  })
  if (columns.length === 0 || typed === '') return undefined
  // ASCII letters alone, on both engines, and served by an index.
  const same = columns.map(column =>
    options.ignoreCase ? sql<boolean>`lower(${column}) = lower(${typed})` : sql<boolean>`${column} = ${typed}`,
  )
  const exact = columns.map(column => sql`${column} = ${typed}`)
  const row = await ctx.db
    .selectFrom('user')
    .selectAll()
    .where(sql<boolean>`(${sql.join(same, sql` or `)})`)
    .orderBy(sql`case when ${sql.join(exact, sql` or `)} then 0 else 1 end`)
    .orderBy('id')
    .executeTakeFirst()
  return row
}
