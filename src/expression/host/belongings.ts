/** What belongs to an object, which is what nearly every mapping asks for: by statements that are compiled once. */
import { sql, type RawBuilder } from 'kysely'
import type { Row } from '../../api/model.ts'
import { cached } from '../../core/cache.ts'
import { groupsAndAbove } from '../../core/group/membership.ts'
import type { Db } from '../../db/database.ts'
import { statement, type Statement } from '../../db/statement.ts'
import { copyOf } from '../../lib/copy.ts'
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

const USER = 'authentik_core.user'
const GROUP = 'authentik_core.group'

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

type Groups = { rows: Row[] }

/** Rows of groups that are remembered, whosever they are. */
const GROUPS_KEPT = 20_000

/**
 * The groups of accounts, which the claims of nearly every token name, by what they were asked for through; remembered until a group or who is in
 * one changes, as the rights that come of them are (src/core/callers.ts).
 */
const remembering = (asked: Statement<[owner: unknown], Row>) =>
  cached(['group', 'group_parent', 'user_group'], async (ctx, user): Promise<Groups> => ({ rows: await asked.all(ctx.db, Number(user)) }), {
    capacity: GROUPS_KEPT,
    weight: ({ rows }) => rows.length + 1,
  })
const remembered = new WeakMap<object, ReturnType<typeof remembering>>()

const ownRows = ({ rows }: Groups): Row[] => copyOf(rows)

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
  const owner = origin.kind === 'related' ? origin.owner.key : origin.user
  const ofAccount = origin.kind === 'groups_of' || (query.own.model.label === GROUP && origin.owner.own.model.label === USER)
  if (!ofAccount || scope.db.isTransaction) return known.take(scope.db, owner)
  let memory = remembered.get(through)
  if (!memory) remembered.set(through, (memory = remembering(known)))
  const groups = memory.outside(scope.asked, String(owner))
  return groups instanceof Promise ? groups.then(ownRows) : ownRows(groups)
}
