/** What query sets read. At most a thousand objects at once. */
import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import { findObject, findObjects, loadRow } from '../../api/store.ts'
import { entitledTo } from '../../core/application/entitlement.sql.ts'
import { groupsAndAbove } from '../../core/group/membership.ts'
import { raise } from '../errors.ts'
import { dictOf } from '../keys.ts'
import { PyTuple } from '../values.ts'
import type { Value } from '../values.ts'
import { MOST, belonging, orderOf, rowsWhere } from './belongings.ts'
import type { FieldInfo, ModelClass } from './classes.ts'
import { instantValue } from './conversion.ts'
import { keysMatching } from './matching.ts'
import { columnValue, storedValue } from './object.ts'
import { QuerySet, type Origin, type Query } from './queryset.ts'
import type { Scope } from './scope.ts'
import { conditionOf, fromClause, keyColumn, relatedCondition, valueTerm, type Helper } from './sql.ts'

function helperOf(scope: Scope): Helper {
  const { db } = scope
  return {
    db,
    keysOf: value => (value instanceof QuerySet ? keysOf(scope, value.query) : undefined),
    matching: (own, field, path, pattern, ignoreCase) => keysMatching(db, own, [field.name, ...path], pattern, ignoreCase),
  }
}

function originCondition(own: ModelClass, origin: Origin) {
  switch (origin.kind) {
    case 'all':
      return undefined
    case 'nothing':
      return sql<boolean>`(1 = 0)`
    case 'groups_of':
      return sql<boolean>`"group".group_uuid in (${groupsAndAbove(origin.user)})`
    case 'entitlements_of':
      return entitledTo(origin.user, origin.application)
    case 'related':
      return relatedCondition(own, origin.relation, origin.owner.key)
  }
}

async function whereOf(scope: Scope, { own, origins, node }: Query) {
  const conditions = origins.map(origin => originCondition(own, origin)).filter(condition => condition !== undefined)
  return node.parts.length > 0 || conditions.length === 0 ? [...conditions, await conditionOf(own, node, helperOf(scope))] : conditions
}

const sealedModels = new WeakMap<object, boolean>()
/** Whether rows of a model have to be opened. */
function isSealed({ model }: ModelClass): boolean {
  let sealed = sealedModels.get(model)
  if (sealed === undefined) sealedModels.set(model, (sealed = Object.values(model.allFields).some(field => field.load)))
  return sealed
}

async function selected(scope: Scope, query: Query, most: number): Promise<Row[]> {
  const where = sql.join(await whereOf(scope, query), sql` and `)
  const order = sql.join(orderOf(scope.db, query))
  const clauses = sql`where ${where} order by ${order} limit ${sql.lit(most)} offset ${sql.lit(query.offset)}`
  return (await rowsWhere(query.own, clauses).execute(scope.db)).rows
}

export function rowsOf(scope: Scope, query: Query): Row[] | Promise<Row[]> {
  const { limit } = query
  if (limit === 0) return []
  const found = belonging(scope, query) ?? selected(scope, query, Math.min(limit ?? MOST + 1, MOST + 1))
  return found instanceof Promise ? found.then(rows => shown(scope, query.own, rows)) : shown(scope, query.own, found)
}

/** Rows opened where something in them is sealed, and no more than may be. */
function shown(scope: Scope, own: ModelClass, found: Row[]): Row[] {
  const rows = isSealed(own) ? found.map(row => loadRow(scope.ctx, own.model, row)) : found
  if (rows.length <= MOST) return rows
  scope.ctx.log.warn({ expression: scope.source.name, model: own.model.name, most: MOST }, 'query of an expression was cut off')
  return rows.slice(0, MOST)
}

/** Rows as objects, each of its own kind: a provider that is an OAuth2 provider comes as one. */
export function objectsOf(scope: Scope, own: ModelClass, rows: readonly Row[]): Value[] | Promise<Value[]> {
  const { conversion, classes } = scope
  const { label } = own.model
  const exact = (row: Row): ModelClass | undefined => {
    const kind = typeof row.kind === 'string' && row.kind !== label ? classes.byLabel.get(row.kind) : undefined
    return kind && kind.model.baseKey === undefined && kind.model.tables.some(part => part.table === own.model.table) ? kind : undefined
  }
  return rows.some(exact) ? refined(scope, own, rows, exact) : rows.map(row => conversion.object(label, row))
}

/** As `objectsOf`, where some rows are the base of another kind's. */
async function refined(
  scope: Scope,
  own: ModelClass,
  rows: readonly Row[],
  exactOf: (row: Row) => ModelClass | undefined,
): Promise<Value[]> {
  const made = new Map<Row, Value>()
  for (const [exact, group] of Map.groupBy(rows, exactOf)) {
    if (!exact) {
      for (const row of group) made.set(row, scope.conversion.object(own.model.label, row))
      continue
    }
    const keys = group.map(row => row[own.model.pk])
    const whole = await findObjects(scope.ctx, exact.model, { where: [sql<boolean>`${keyColumn(exact)} in (${sql.join(keys)})`] })
    const byKey = new Map(whole.map(row => [row[exact.model.pk], row]))
    for (const row of group) made.set(row, scope.conversion.object(exact.model.label, byKey.get(row[own.model.pk]) ?? row))
  }
  return rows.map(row => made.get(row)!)
}

/** Whatever a query finds, as it shall be shown. */
export function fetched(scope: Scope, query: Query): Value[] | Promise<Value[]> {
  if (query.pick) return pickedOf(scope, query)
  const rows = rowsOf(scope, query)
  return rows instanceof Promise ? rows.then(found => objectsOf(scope, query.own, found)) : objectsOf(scope, query.own, rows)
}

/** The object with a key; null when it is gone. */
export async function objectByKey(scope: Scope, label: string, key: unknown): Promise<Value> {
  const own = scope.classes.byLabel.get(label)
  const row = own && (await findObject(scope.ctx, own.model, key))
  return row ? (await objectsOf(scope, own, [row]))[0]! : null
}

async function keysOf(scope: Scope, query: Query): Promise<unknown[]> {
  const { own, pick } = query
  const term = pick && pick.names.length === 1 ? valueTerm(own, pick.names[0]!.split('__'), scope.db) : keyColumn(own)
  const where = sql.join(await whereOf(scope, query), sql` and `)
  const limit = query.limit === null ? sql`` : sql`limit ${sql.lit(query.limit)}`
  const offset = query.offset > 0 && query.limit !== null ? sql`offset ${sql.lit(query.offset)}` : sql``
  const { rows } = await sql<{
    key: unknown
  }>`select ${term} as key from ${fromClause(own)} where ${where} order by ${sql.join(orderOf(scope.db, query))} ${limit} ${offset}`.execute(
    scope.db,
  )
  return rows.map(({ key }) => key)
}

/** Values of columns, as `values` and `values_list` give them. */
export async function pickedOf(scope: Scope, query: Query): Promise<Value[]> {
  const { own, pick } = query
  const names = pick!.names.length ? pick!.names : [...own.fields.keys()]
  const infos = names.map(name => infoAt(own, name.split('__')))
  const direct = infos.every((info, i) => info && !names[i]!.includes('__'))
  let table: Value[][]
  if (direct) {
    const rows = await rowsOf(scope, query)
    table = rows.map(row => infos.map(info => columnValue(info!.kind, row[info!.name])))
  } else {
    const terms = names.map((name, i) => sql`${valueTerm(own, name.split('__'), scope.db)} as ${sql.ref(`v${i}`)}`)
    const { rows } =
      await sql<Row>`select ${sql.join(terms)} from ${fromClause(own)} where ${sql.join(await whereOf(scope, query), sql` and `)}
      order by ${sql.join(orderOf(scope.db, query))} limit ${sql.lit(Math.min(query.limit ?? MOST, MOST))} offset ${sql.lit(query.offset)}`.execute(
        scope.db,
      )
    table = rows.map(row => infos.map((info, i) => picked(info, row[`v${i}`])))
  }
  const values = table.map((line): Value => {
    if (pick!.as === 'flat') return line[0]!
    return pick!.as === 'tuple' ? new PyTuple(line) : dictOf(names.map((name, i) => [name, line[i]!] as const))
  })
  if (!query.distinct) return values
  const seen = new Set<string>()
  return values.filter((_, i) => {
    const text = JSON.stringify(table[i]!.map(storedValue))
    return !seen.has(text) && seen.add(text)
  })
}

/** Raw columns come as each engine keeps them. */
const picked = (info: FieldInfo | undefined, stored: unknown): Value =>
  info?.kind === 'flag' && stored !== null
    ? Boolean(stored)
    : info?.kind === 'instant' && typeof stored === 'number'
      ? instantValue(new Date(stored))
      : columnValue(info?.kind ?? 'text', stored)

function infoAt(own: ModelClass, path: readonly string[]): FieldInfo | undefined {
  const field = own.field(path[0]!)
  if (!field || path.length === 1) return field
  const target = field.references === undefined ? undefined : own.all.byLabel.get(field.references)
  return target ? infoAt(target, path.slice(1)) : undefined
}

export async function countOf(scope: Scope, query: Query): Promise<number> {
  if (query.limit !== null || query.offset > 0 || query.distinct)
    return (query.pick ? await pickedOf(scope, query) : await rowsOf(scope, query)).length
  const { rows } = await sql<{
    count: number
  }>`select count(*) as count from ${fromClause(query.own)} where ${sql.join(await whereOf(scope, query), sql` and `)}`.execute(scope.db)
  return rows[0]!.count
}

export async function getOne(scope: Scope, query: Query): Promise<Value> {
  const rows = await rowsOf(scope, { ...query, limit: Math.min(query.limit ?? 21, 21), pick: null })
  const { own } = query
  if (rows.length === 0) raise(own.doesNotExist, `${own.model.name} matching query does not exist.`)
  if (rows.length > 1)
    raise(own.multiple, `get() returned more than one ${own.model.name} -- it returned ${rows.length > 20 ? 'more than 20' : rows.length}!`)
  return (await objectsOf(scope, own, rows))[0]!
}

/** Whether there is anything. */
export async function existsAny(scope: Scope, query: Query): Promise<boolean> {
  if (query.limit !== null || query.offset > 0) return (await rowsOf(scope, query)).length > 0
  const { rows } =
    await sql`select 1 as found from ${fromClause(query.own)} where ${sql.join(await whereOf(scope, query), sql` and `)} limit 1`.execute(
      scope.db,
    )
  return rows.length > 0
}
