/**
 * Conditions of expressions as SQL of either engine. Only fields that a class declares can be named, and every value is a parameter.
 */
import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { parseUuid } from '../../api/filters.ts'
import { parseInstant } from '../../api/fields.ts'
import { trashColumn } from '../../api/model.ts'
import { engineOf } from '../../db/engine.ts'
import {
  icontains,
  iendsWith,
  iequals,
  istartsWith,
  jsonContains,
  jsonEquals,
  jsonHas,
  jsonNumberAt,
  jsonTextAt,
} from '../../db/sql/like.ts'
import type { Db } from '../../db/database.ts'
import { exception, raise } from '../errors.ts'
import { PyDateTime } from '../modules/datetime/datetime.ts'
import { PyList, PySet, PyTuple } from '../values.ts'
import type { Value } from '../values.ts'
import type { FieldInfo, ModelClass, RelationInfo } from './classes.ts'
import { fieldError, validationError } from './exceptions.ts'
import { storedValue } from './object.ts'
import { isNode, type Lookup, type Node } from './q.ts'

type Sql = RawBuilder<SqlBool>

/** What the translation asks of the database while it works: keys of a query set, rows that match a regular expression. */
export type Helper = {
  db: Db
  /** The values of a query set that stands as a value. */
  keysOf: (value: Value) => Promise<unknown[]> | undefined
  /** Keys of the objects whose column matches. */
  matching: (own: ModelClass, field: FieldInfo, path: readonly string[], pattern: string, ignoreCase: boolean) => Promise<unknown[]>
}

export const LOOKUPS = new Set([
  'exact',
  'iexact',
  'contains',
  'icontains',
  'startswith',
  'istartswith',
  'endswith',
  'iendswith',
  'in',
  'gt',
  'gte',
  'lt',
  'lte',
  'range',
  'isnull',
  'regex',
  'iregex',
])
const JSON_LOOKUPS = new Set([...LOOKUPS, 'has_key', 'has_keys', 'has_any_keys', 'contained_by'])

export const yes = sql<SqlBool>`(1 = 1)`
const no = sql<SqlBool>`(1 = 0)`

/** An unknown value counts as "no", so that negation finds it, as in Django. */
const certain = (condition: Sql): Sql => sql<SqlBool>`((${condition}) is true)`

/** `from` of all tables that hold objects of a model, without what lies in the trash (of which kinds with a base alone have one). */
export function fromClause({ model }: ModelClass): RawBuilder<unknown> {
  const trash = trashColumn(model)
  const joins = model.tables
    .filter(part => part.table !== model.table)
    .map(({ table, pk, on }) => {
      const living = trash?.table === table ? sql` and ${sql.ref(`${table}.${trash.column}`)} is null` : sql``
      return sql`inner join ${sql.table(table)} on ${sql.ref(`${table}.${pk}`)} = ${sql.ref(`${model.table}.${on}`)}${living}`
    })
  return joins.length ? sql`${sql.table(model.table)} ${sql.join(joins, sql` `)}` : sql`${sql.table(model.table)}`
}

export const keyColumn = ({ model }: ModelClass): RawBuilder<unknown> => sql.ref(`${model.table}.${model.pk}`)

/** A node as a condition on rows of a class. */
export async function conditionOf(own: ModelClass, node: Node, helper: Helper): Promise<Sql> {
  const parts: Sql[] = []
  const across = new Map<string, Lookup[]>()
  for (const part of node.parts) {
    if (isNode(part)) parts.push(await conditionOf(own, part, helper))
    else if (
      node.join === 'and' &&
      own.relation(part.path[0]!) &&
      part.path.length > 1 &&
      !(part.path.length === 2 && LOOKUPS.has(part.path[1]!))
    ) {
      // Conditions on one relation in one call are about the same object on the other side.
      across.set(part.path[0]!, [...(across.get(part.path[0]!) ?? []), { path: part.path.slice(1), value: part.value }])
    } else parts.push(await lookup(own, part, helper))
  }
  for (const [name, lookups] of across)
    parts.push(await throughRelation(own, own.relation(name)!, { join: 'and', parts: lookups, negated: false }, helper))
  const all = parts.length === 0 ? yes : sql<SqlBool>`(${sql.join(parts, node.join === 'and' ? sql` and ` : sql` or `)})`
  return node.negated ? sql<SqlBool>`(not ${certain(all)})` : all
}

/** Keys of the rows of a class that have a row meeting `node` on the other side. */
async function throughRelation(own: ModelClass, relation: RelationInfo, node: Node, helper: Helper): Promise<Sql> {
  const target = own.all.byLabel.get(relation.target)!
  const there = sql`select ${keyColumn(target)} from ${fromClause(target)} where ${await conditionOf(target, node, helper)}`
  return sql<SqlBool>`${keyColumn(own)} in (${throughKeys(relation, sql`in (${there})`, target)})`
}

const throughKeys = ({ through }: RelationInfo, condition: RawBuilder<unknown>, target: ModelClass): RawBuilder<unknown> => {
  if ('ours' in through) {
    const { table, ours, theirs } = through
    return sql`select ${sql.ref(`${table}.${ours}`)} from ${sql.table(table)} where ${sql.ref(`${table}.${theirs}`)} ${condition}`
  }
  const { table, column } = through
  return sql`select ${sql.ref(`${table}.${column}`)} from ${fromClause(target)} where ${keyColumn(target)} ${condition} and ${sql.ref(`${table}.${column}`)} is not null`
}

/** Rows on the far side of a relation of one object. */
export function relatedCondition(target: ModelClass, { through }: RelationInfo, key: unknown): Sql {
  if ('ours' in through) {
    const { table, ours, theirs } = through
    return sql<SqlBool>`${keyColumn(target)} in (select ${sql.ref(`${table}.${theirs}`)} from ${sql.table(table)} where ${sql.ref(`${table}.${ours}`)} = ${key})`
  }
  const { table, column } = through
  return sql<SqlBool>`${sql.ref(`${table}.${column}`)} = ${key}`
}

export function unresolved(own: ModelClass, name: string): never {
  raise(fieldError, `Cannot resolve keyword '${name}' into field. Choices are: ${own.choices().join(', ')}`)
}

const unsupported = (name: string, field: FieldInfo | RelationInfo): never =>
  raise(
    fieldError,
    `Unsupported lookup '${name}' for field '${field.name}'${'kind' in field && field.kind !== 'json' ? ' or join on the field not permitted' : ''}.`,
  )

async function lookup(own: ModelClass, { path, value }: Lookup, helper: Helper): Promise<Sql> {
  const [name = '', ...rest] = path
  const field = own.field(name)
  if (field) {
    const target = field.references === undefined ? undefined : own.all.byLabel.get(field.references)
    if (target && rest.length > 0 && !(rest.length === 1 && LOOKUPS.has(rest[0]!))) {
      const there = await conditionOf(target, { join: 'and', parts: [{ path: rest, value }], negated: false }, helper)
      return sql<SqlBool>`${sql.ref(field.column)} in (select ${keyColumn(target)} from ${fromClause(target)} where ${there})`
    }
    if (field.kind === 'json') return jsonLookup(own, field, rest, value, helper)
    if (rest.length > 1) unsupported(rest[0]!, field)
    return columnLookup(own, field, rest[0] ?? 'exact', value, helper)
  }
  const relation = own.relation(name)
  if (!relation) return unresolved(own, name)
  const target = own.all.byLabel.get(relation.target)!
  const verb = rest[0] ?? 'exact'
  if (rest.length > 1 || !LOOKUPS.has(verb))
    return throughRelation(own, relation, { join: 'and', parts: [{ path: rest, value }], negated: false }, helper)
  if (verb === 'isnull' || (verb === 'exact' && value === null)) {
    const linked = sql<SqlBool>`${keyColumn(own)} in (${throughKeys(relation, sql`is not null`, target)})`
    return value === false ? linked : sql<SqlBool>`(not ${linked})`
  }
  if (verb !== 'exact' && verb !== 'in') return unsupported(verb, relation)
  return throughRelation(own, relation, { join: 'and', parts: [{ path: ['pk', verb], value }], negated: false }, helper)
}

/** A value as a parameter that a column of this kind can be compared with. */
function parameter(field: FieldInfo, value: Value): unknown {
  const given = storedValue(value)
  if (given === null) return null
  switch (field.kind) {
    case 'number': {
      if (typeof given === 'boolean') return given ? 1 : 0
      const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given
      if (typeof number === 'bigint') return Number(number)
      return typeof number === 'number' && !Number.isNaN(number)
        ? number
        : raise('ValueError', `Field '${field.name}' expected a number but got ${JSON.stringify(given)}.`)
    }
    case 'flag':
      return typeof given === 'string' ? /^(?:true|t|1)$/i.test(given) : Boolean(given)
    case 'uuid': {
      const uuid = parseUuid(String(given))
      return uuid ?? raise(validationError, `“${String(given)}” is not a valid UUID.`)
    }
    case 'instant': {
      if (given instanceof Date) return given
      const date = parseInstant(String(given))
      return Number.isNaN(date.getTime()) ? raise(validationError, `“${String(given)}” value has an invalid date format.`) : date
    }
    default:
      return typeof given === 'object' ? JSON.stringify(given) : String(given)
  }
}

const textOf = (value: Value): string => {
  const given = value instanceof PyDateTime ? value.toJson?.() : storedValue(value)
  return given === null
    ? raise('ValueError', 'Cannot use None as a query value')
    : typeof given === 'object'
      ? JSON.stringify(given)
      : String(given)
}

async function listOf(value: Value, helper: Helper): Promise<{ values: readonly Value[] } | { keys: unknown[] }> {
  const keys = helper.keysOf(value)
  if (keys) return { keys: await keys }
  if (value instanceof PyList || value instanceof PyTuple) return { values: value.items }
  if (value instanceof PySet) return { values: [...value.items.values()] }
  throw exception('TypeError', 'the value of an __in lookup is a list')
}

const isIn = (column: RawBuilder<unknown>, values: unknown[]): Sql =>
  values.length ? sql<SqlBool>`${column} in (${sql.join(values)})` : no

const COMPARE: Readonly<Record<string, RawBuilder<unknown>>> = { gt: sql`>`, gte: sql`>=`, lt: sql`<`, lte: sql`<=` }

async function columnLookup(own: ModelClass, field: FieldInfo, verb: string, value: Value, helper: Helper): Promise<Sql> {
  const { db } = helper
  const column = sql.ref(field.column)
  const compare = COMPARE[verb]
  if (compare) return sql<SqlBool>`${column} ${compare} ${parameter(field, value)}`
  switch (verb) {
    case 'exact': {
      const given = parameter(field, value)
      return given === null ? sql<SqlBool>`${column} is null` : sql<SqlBool>`${column} = ${given}`
    }
    case 'isnull':
      return value === false ? sql<SqlBool>`${column} is not null` : sql<SqlBool>`${column} is null`
    case 'in': {
      const list = await listOf(value, helper)
      return isIn(column, 'keys' in list ? list.keys : list.values.filter(item => item !== null).map(item => parameter(field, item)))
    }
    case 'range': {
      const list = await listOf(value, helper)
      if (!('values' in list) || list.values.length !== 2) return raise('ValueError', 'the value of a __range lookup is a pair')
      return sql<SqlBool>`${column} between ${parameter(field, list.values[0]!)} and ${parameter(field, list.values[1]!)}`
    }
    case 'regex':
    case 'iregex':
      return isIn(keyColumn(own), await helper.matching(own, field, [], textOf(value), verb === 'iregex'))
    default:
      if (verb === 'iexact' && value === null) return sql<SqlBool>`${column} is null`
      return textLookup(db, field.kind === 'text' ? column : sql`cast(${column} as text)`, verb, value) ?? unsupported(verb, field)
  }
}

/** Looking for pieces of a text; undefined for other verbs. */
function textLookup(db: Db, text: RawBuilder<unknown>, verb: string, value: Value): Sql | undefined {
  const needle = textOf(value)
  const length = [...needle].length
  const sqlite = engineOf(db) === 'sqlite'
  switch (verb) {
    case 'iexact':
      return iequals(db, text, needle)
    case 'icontains':
      return icontains(db, text, needle)
    case 'istartswith':
      return istartsWith(db, text, needle)
    case 'iendswith':
      return iendsWith(db, text, needle)
    case 'contains':
      return sqlite ? sql<SqlBool>`instr(${text}, ${needle}) > 0` : sql<SqlBool>`strpos(${text}, ${needle}) > 0`
    case 'startswith':
      return sql<SqlBool>`substr(${text}, 1, ${sql.lit(length)}) = ${needle}`
    case 'endswith':
      if (length === 0) return sql<SqlBool>`${text} is not null`
      return sqlite
        ? sql<SqlBool>`substr(${text}, ${sql.lit(-length)}) = ${needle}`
        : sql<SqlBool>`right(${text}, ${sql.lit(length)}) = ${needle}`
    default:
      return undefined
  }
}

async function jsonLookup(own: ModelClass, field: FieldInfo, rest: readonly string[], value: Value, helper: Helper): Promise<Sql> {
  const { db } = helper
  const verb = JSON_LOOKUPS.has(rest.at(-1) ?? '') ? rest.at(-1)! : 'exact'
  const path = rest.length && verb === rest.at(-1) ? rest.slice(0, -1) : rest
  if (path.length > 16) raise(fieldError, `The path of '${field.name}' is too deep.`)
  const column = sql.ref(field.column)
  const compare = COMPARE[verb]
  if (compare) {
    const given = storedValue(value)
    return typeof given === 'number'
      ? sql<SqlBool>`${jsonNumberAt(db, column, path)} ${compare} ${given}`
      : sql<SqlBool>`${jsonTextAt(db, column, path)} ${compare} ${textOf(value)}`
  }
  switch (verb) {
    case 'exact':
      return jsonEquals(db, column, path, storedValue(value))
    case 'isnull': {
      const has = jsonHas(db, column, path)
      return value === false ? has : sql<SqlBool>`(not ${has})`
    }
    case 'in': {
      const list = await listOf(value, helper)
      const given = 'keys' in list ? list.keys : list.values.map(storedValue)
      return given.length
        ? sql<SqlBool>`(${sql.join(
            given.map(item => jsonEquals(db, column, path, item)),
            sql` or `,
          )})`
        : no
    }
    case 'has_key':
      return jsonHas(db, column, [...path, textOf(value)])
    case 'has_keys':
    case 'has_any_keys': {
      const list = await listOf(value, helper)
      const names = 'keys' in list ? list.keys.map(String) : list.values.map(textOf)
      if (names.length === 0) return verb === 'has_keys' ? yes : no
      return sql<SqlBool>`(${sql.join(
        names.map(name => jsonHas(db, column, [...path, name])),
        verb === 'has_keys' ? sql` and ` : sql` or `,
      )})`
    }
    case 'contains':
      return jsonContains(db, column, path, storedValue(value))
    case 'regex':
    case 'iregex':
      return isIn(keyColumn(own), await helper.matching(own, field, path, textOf(value), verb === 'iregex'))
    default:
      return textLookup(db, jsonTextAt(db, column, path), verb, value) ?? unsupported(verb, field)
  }
}

/** Terms of `order by`. @throws FieldError for names that are no fields */
export function orderTerms(own: ModelClass, names: readonly string[], db: Db, reversed: boolean): RawBuilder<unknown>[] {
  return names.map(given => {
    if (given === '?') return sql`random()`
    const down = given.startsWith('-') !== reversed
    const term = valueTerm(own, given.replace(/^[-+]/, '').split('__'), db)
    return down ? sql`${term} desc nulls first` : sql`${term} asc nulls last`
  })
}

/** What a path such as `provider__name` or `attributes__team` selects. */
export function valueTerm(own: ModelClass, path: readonly string[], db: Db): RawBuilder<unknown> {
  const [name = '', ...rest] = path
  const field = own.field(name) ?? unresolved(own, name)
  if (rest.length === 0) return sql.ref(field.column)
  if (field.kind === 'json') return jsonTextAt(db, sql.ref(field.column), rest)
  const target = field.references === undefined ? undefined : own.all.byLabel.get(field.references)
  if (!target) return unsupported(rest[0]!, field)
  return sql`(select ${valueTerm(target, rest, db)} from ${fromClause(target)} where ${keyColumn(target)} = ${sql.ref(field.column)})`
}
