import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { icontains, iequals } from '../db/sql/like.ts'
import { textContains } from '../db/sql/search-text.ts'
import type { Db } from '../db/database.ts'
import type { Ctx } from '../context.ts'
import { invalid } from './errors.ts'
import { parseInstant, wireSchema, type Field } from './fields.ts'
import type { Model, Query } from './model.ts'
import { existingKeys } from './store.ts'

/** A condition on the rows of a list. */
export type Condition = RawBuilder<SqlBool>

/**
 * One query parameter of a list. By default its name says everything: `name` is exact, `name__icontains`,
 * `expires__gt`, `policy__isnull` are look-ups, `user__username` goes through a reference.
 */
export type FilterSpec = {
  /** May be repeated; any of the values matches. */
  many?: boolean
  /** Schema of one value in the OpenAPI document, where it does not follow from a field. */
  type?: 'string' | 'integer' | 'boolean' | 'uuid'
  /** A condition of its own. Gets all values that were sent, as text. */
  apply?: (ctx: Ctx, values: string[], query: Query) => Condition | Promise<Condition>
}

const LOOKUPS = ['exact', 'iexact', 'icontains', 'isnull', 'gt', 'gte', 'lt', 'lte', 'in', 'startswith'] as const
type Lookup = (typeof LOOKUPS)[number]

const NOT_A_CHOICE = 'Select a valid choice. That choice is not one of the available choices.'

/** `true`, `True`, `1`, `yes` and their opposites; undefined for anything else. */
export function parseFlag(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined
  if (/^(true|1|yes|on)$/i.test(value)) return true
  if (/^(false|0|no|off)$/i.test(value)) return false
  return undefined
}

/** A flag of the query string that is not a filter (include_users …). */
export const queryFlag = (query: Query, name: string, otherwise: boolean): boolean => parseFlag([query[name]].flat()[0]) ?? otherwise

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

/** The canonical spelling of a UUID, or undefined when the text is none. */
export function parseUuid(value: string): string | undefined {
  if (!UUID.test(value)) return undefined
  const hex = value.replaceAll('-', '').toLowerCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Numbered keys end here on both databases. */
export const MAX_KEY = 2_147_483_647

/** A key of `model` as it stands in URLs and query strings; undefined when it can be no key at all. */
export function parseKey(model: Pick<Model, 'keySchema'>, value: string): string | number | undefined {
  if ((model.keySchema as { type?: string }).type === 'integer')
    return /^\d{1,10}$/.test(value) && Number(value) <= MAX_KEY ? Number(value) : undefined
  return parseUuid(value)
}

function parseValue(name: string, field: Field, value: string): unknown {
  if (field.references) {
    const key = parseKey(field.references(), value)
    if (key === undefined) throw invalid({ [name]: [NOT_A_CHOICE] })
    return key
  }
  const schema = wireSchema(field) as { type?: string | string[]; format?: string; enum?: unknown[] }
  const type = [schema.type].flat().find(word => word !== 'null')
  if (type === 'integer') {
    if (!/^-?\d{1,15}$/.test(value) || Math.abs(Number(value)) > MAX_KEY) throw invalid({ [name]: ['Enter a number.'] })
    return Number(value)
  }
  if (type === 'boolean') return parseFlag(value)
  if (schema.format === 'uuid') {
    const uuid = parseUuid(value)
    if (uuid === undefined) throw invalid({ [name]: ['Enter a valid UUID.'] })
    return uuid
  }
  if (schema.format === 'date-time') {
    const date = parseInstant(value)
    if (Number.isNaN(date.getTime())) throw invalid({ [name]: ['Enter a valid date/time.'] })
    return date
  }
  if (schema.enum && !schema.enum.includes(value))
    throw invalid({ [name]: [`Select a valid choice. ${value} is not one of the available choices.`] })
  return value
}

/** Table and column of a field, given the table that declares it. */
export function columnOf(model: Model, name: string): RawBuilder<unknown> | undefined {
  if (name === 'pk' || name === model.pk) return sql.ref(`${model.table}.${model.pk}`)
  const home = model.tables.find(part => part.fields[name]?.storage === 'column')
  return home && sql.ref(`${home.table}.${name}`)
}

function splitLookup(name: string): { path: string[]; lookup: Lookup } {
  const parts = name.split('__')
  const last = parts.at(-1) as Lookup
  return parts.length > 1 && LOOKUPS.includes(last) ? { path: parts.slice(0, -1), lookup: last } : { path: parts, lookup: 'exact' }
}

function compare(db: Db, column: RawBuilder<unknown>, lookup: Lookup, values: unknown[]): Condition {
  const [value] = values
  switch (lookup) {
    case 'gt':
      return sql`${column} > ${value}`
    case 'gte':
      return sql`${column} >= ${value}`
    case 'lt':
      return sql`${column} < ${value}`
    case 'lte':
      return sql`${column} <= ${value}`
    case 'icontains':
      return icontains(db, column, String(value))
    case 'iexact':
      return iequals(db, column, String(value))
    case 'startswith':
      return sql`substr(${column}, 1, ${String(value).length}) = ${value}`
    case 'isnull':
      return value ? sql`${column} is null` : sql`${column} is not null`
    default:
      return values.length === 1 ? sql`${column} = ${value}` : sql`${column} in (${sql.join(values)})`
  }
}

/** Turns one parameter into a condition; undefined when it says nothing (an unreadable boolean). */
function condition(db: Db, model: Model, name: string, values: string[]): Condition | undefined {
  const { path, lookup } = splitLookup(name)
  const [first, ...rest] = path as [string, ...string[]]
  const field = model.allFields[first]
  if (first === 'pk' || first === model.pk) {
    const keys = values.map(value => parseKey(model, value))
    if (keys.includes(undefined)) throw invalid({ [name]: ['Enter a valid UUID.'] })
    return compare(db, columnOf(model, first)!, lookup, keys)
  }
  if (!field) throw new Error(`${model.label}: filter ${name} names no field`)
  if (field.storage === 'relation') {
    const { table, ours, theirs } = field.relation!
    const keys = values.map(value => parseValue(name, field, value))
    const some = sql`select 1 from ${sql.table(table)} where ${sql.ref(`${table}.${ours}`)} = ${sql.ref(`${model.table}.${model.pk}`)}`
    return sql`exists (${some} and ${sql.ref(`${table}.${theirs}`)} in (${sql.join(keys)}))`
  }
  const column = columnOf(model, first)!
  if (rest.length > 0) {
    const target = field.references!()
    const inner = condition(db, target, [...rest, ...(lookup === 'exact' ? [] : [lookup])].join('__'), values)
    return inner && sql`${column} in (select ${sql.ref(`${target.table}.${target.pk}`)} from ${sql.table(target.table)} where ${inner})`
  }
  if (lookup === 'isnull') {
    const wanted = parseFlag(values[0])
    return wanted === undefined ? undefined : compare(db, column, lookup, [wanted])
  }
  const parsed =
    lookup === 'icontains' || lookup === 'iexact' || lookup === 'startswith' ? values : values.map(value => parseValue(name, field, value))
  return parsed.includes(undefined) ? undefined : compare(db, column, lookup, parsed)
}

/** The filters of a model that the query names, with their values. */
function sentFilters(model: Model, query: Query): { name: string; spec: FilterSpec; values: string[] }[] {
  return Object.entries(model.filters).flatMap(([name, spec]) => {
    const sent = [query[name]].flat().filter((value): value is string => value !== undefined && value !== '')
    return sent.length === 0 ? [] : [{ name, spec, values: spec.many ? sent : [sent.at(-1)!] }]
  })
}

/** What a filter without a condition of its own is a choice of: the objects that its field refers to; undefined: no choice of objects. */
export function choicesOf(model: Model, name: string): Model | undefined {
  const { path, lookup } = splitLookup(name)
  if (lookup !== 'exact') return undefined
  let field: Field | undefined
  let at: Model | undefined = model
  for (const part of path) {
    field = at?.allFields[part]
    at = field?.references?.()
  }
  return at
}

/**
 * Refuses filters by a reference to what is not there, as clients know it. Where the list has something, the one object that it was narrowed by exists, and nothing is asked.
 * @param count of the list
 */
export async function requireChoices(ctx: Ctx, model: Model, query: Query, count: number): Promise<void> {
  for (const { name, spec, values } of sentFilters(model, query)) {
    const target = spec.apply || (count > 0 && values.length === 1) ? undefined : choicesOf(model, name)
    if (!target) continue
    const keys = values.map(value => parseKey(target, value))
    const known = await existingKeys(ctx, target, keys)
    if (!keys.every(key => known.has(key))) throw invalid({ [name]: [NOT_A_CHOICE] })
  }
}

/** Conditions for all filters of a model that the query names. Unknown parameters and empty values say nothing. */
export async function filterConditions(ctx: Ctx, model: Model, query: Query): Promise<Condition[]> {
  const conditions: Condition[] = []
  for (const { name, spec, values } of sentFilters(model, query)) {
    const made = spec.apply ? await spec.apply(ctx, values, query) : condition(ctx.db, model, name, values)
    if (made) conditions.push(made)
  }
  return conditions
}

/**
 * `?search=`: every word must occur in one of the model's search fields, whatever the case.
 * Fuzzy by design: never an identity.
 */
export function searchCondition(ctx: Ctx, model: Model, query: Query): Condition | undefined {
  const words = ([query.search].flat()[0] ?? '')
    .split(/[\s,]+/)
    .filter(Boolean)
    .slice(0, 16)
  if (words.length === 0 || model.search.length === 0) return undefined
  const columns = model.search.map(name => columnOf(model, name)!)
  const contains = (word: string) =>
    model.searchIndexed
      ? textContains(ctx.db, columns, word)
      : sql`(${sql.join(
          columns.map(column => icontains(ctx.db, column, word)),
          sql` or `,
        )})`
  return sql.join(words.map(contains), sql` and `)
}

/** `?ordering=`, or the model's own order; unknown names are passed over. The key always comes last, so that pages are stable. */
export function orderings(model: Model, query: Query): RawBuilder<unknown>[] {
  const wanted = ([query.ordering].flat()[0] ?? '').split(',').filter(name => columnOf(model, name.replace(/^-/, '')))
  const names = wanted.length ? wanted : model.ordering
  // The engines disagree about where nulls go, so it is said; only where there can be any, or no index would serve the order.
  const terms = names.map(name => {
    const field = name.replace(/^-/, '')
    const nullable = model.allFields[field]?.nullable ?? false
    const column = columnOf(model, field)!
    if (name.startsWith('-')) return nullable ? sql`${column} desc nulls first` : sql`${column} desc`
    return nullable ? sql`${column} asc nulls last` : sql`${column} asc`
  })
  return [...terms, sql`${sql.ref(`${model.table}.${model.pk}`)} asc`]
}
