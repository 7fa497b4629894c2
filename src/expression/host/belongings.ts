/** What belongs to an object, which is what nearly every mapping asks for: by statements that are compiled once. */
import { sql, type RawBuilder } from 'kysely'
import type { Row } from '../../api/model.ts'
import { groupsAndAbove } from '../../core/membership.ts'
import { engineOf, type Db } from '../../db/database.ts'
import { statement, type Statement } from '../../db/statement.ts'
import type { ModelClass } from './classes.ts'
import type { Origin, Query } from './queryset.ts'
import type { Scope } from './scope.ts'
import { fromClause, keyColumn, orderTerms, relatedCondition } from './sql.ts'

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
const belongings = new WeakMap<object, Belonging>()
const GROUPS_OF = {}

/** `some`: whether there is anything, which SQLite says much sooner than what; over a network every question counts. */
type Belonging = { some?: Statement<[owner: unknown], unknown>; all: Statement<[owner: unknown, most: number], Row> }

function belongingOf(query: Query, origin: Origin & { kind: 'related' | 'groups_of' }): Belonging {
  const { own } = query
  const all = statement((db, owner: unknown, most: number) => {
    const where =
      origin.kind === 'related'
        ? relatedCondition(own, origin.relation, owner)
        : sql`"group".group_uuid in (${groupsAndAbove(owner as number)})`
    const clauses = sql`where ${where} order by ${sql.join(orderOf(db, query))} limit ${most}`
    return { compile: () => rowsWhere(own, clauses).compile(db) }
  })
  const links = origin.kind === 'groups_of' ? { table: 'user_group', ours: 'user' } : origin.relation.through
  if (!('ours' in links)) return { all }
  const some = statement((db, owner: unknown) => ({
    compile: () => sql`select 1 as some from ${sql.table(links.table)} where ${sql.ref(links.ours)} = ${owner} limit 1`.compile(db),
  }))
  return { some, all }
}

/** All that belongs to one object, in its own order, which is what nearly every mapping asks for; undefined for any other query. */
export async function belonging(scope: Scope, query: Query, most: number): Promise<Row[] | undefined> {
  const { origins, node, order, reversed, offset } = query
  const [origin] = origins
  if (origins.length > 1 || node.parts.length > 0 || order !== null || reversed || offset > 0) return undefined
  if (origin?.kind !== 'related' && origin?.kind !== 'groups_of') return undefined
  const through = origin.kind === 'related' ? origin.relation : GROUPS_OF
  let known = belongings.get(through)
  if (!known) belongings.set(through, (known = belongingOf(query, origin)))
  const owner = origin.kind === 'related' ? origin.owner.key : origin.user
  if (known.some && engineOf(scope.ctx.db) === 'sqlite' && !(await known.some.first(scope.ctx.db, owner))) return []
  return known.all.all(scope.ctx.db, owner, most)
}
