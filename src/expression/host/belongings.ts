/** What belongs to an object, which is what nearly every mapping asks for: by statements that are compiled once. */
import { sql, type RawBuilder } from 'kysely'
import type { Row } from '../../api/model.ts'
import { groupsAndAbove } from '../../core/membership.ts'
import type { Db } from '../../db/database.ts'
import { statement, type Statement } from '../../db/statement.ts'
import type { ModelClass } from './classes.ts'
import type { Origin, Query } from './queryset.ts'
import type { Scope } from './scope.ts'
import { fromClause, keyColumn, orderTerms, relatedCondition } from './sql.ts'

/** Objects that one query gives at most. */
export const MOST = 1000

/** Names without meaning for the database are dropped from a model's own order. */
const defaultOrder = ({ model, fields }: ModelClass): string[] =>
  model.ordering.filter(name => name.replace(/^-/, '') === 'pk' || fields.has(name.replace(/^-/, '')))

/** The order of a query, as terms of SQL; the key comes last, so that it is always the same. */
export function orderOf(db: Db, query: Query) {
  const { own, order, reversed } = query
  const given = order ?? defaultOrder(own)
  const terms = orderTerms(own, given, db, reversed)
  return given.includes('?') ? terms : [...terms, reversed ? sql`${keyColumn(own)} desc` : sql`${keyColumn(own)} asc`]
}

/** Whole rows; the columns of a model's own table come last, as they count where names meet. */
export function rowsWhere(own: ModelClass, clauses: RawBuilder<unknown>): RawBuilder<Row> {
  const tables = own.model.tables.map(({ table }) => sql`${sql.table(table)}.*`)
  return sql<Row>`select ${sql.join(tables)} from ${fromClause(own)} ${clauses}`
}

/** Statements that ask for all that belongs to one object, by what they belong to it through. */
const belongings = new WeakMap<object, Statement<[owner: unknown], Row>>()
const GROUPS_OF = {}

/** The limit stands in the text: one that is a parameter has SQLite prepare the statement anew each time, which takes longer than running it. */
const belongingOf = (query: Query, origin: Origin & { kind: 'related' | 'groups_of' }): Statement<[owner: unknown], Row> =>
  statement((db, owner: unknown) => {
    const { own } = query
    const where =
      origin.kind === 'related'
        ? relatedCondition(own, origin.relation, owner)
        : sql`"group".group_uuid in (${groupsAndAbove(owner as number)})`
    const clauses = sql`where ${where} order by ${sql.join(orderOf(db, query))} limit ${sql.lit(MOST + 1)}`
    return { compile: () => rowsWhere(own, clauses).compile(db) }
  })

/**
 * All that belongs to one object (and one more than may be shown), in its own order, which is what nearly every mapping asks for; at once
 * where the database need not be waited for. undefined for any other query.
 */
export function belonging(scope: Scope, query: Query): Row[] | Promise<Row[]> | undefined {
  const { origins, node, order, reversed, offset, limit } = query
  const [origin] = origins
  if (origins.length > 1 || node.parts.length > 0 || order !== null || reversed || offset > 0 || limit !== null) return undefined
  if (origin?.kind !== 'related' && origin?.kind !== 'groups_of') return undefined
  const through = origin.kind === 'related' ? origin.relation : GROUPS_OF
  let known = belongings.get(through)
  if (!known) belongings.set(through, (known = belongingOf(query, origin)))
  return known.take(scope.db, origin.kind === 'related' ? origin.owner.key : origin.user)
}
