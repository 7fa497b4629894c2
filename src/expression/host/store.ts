/** What query sets and objects ask of the database. Reads stop at a thousand objects; writes go through the operations of the API. */
import { sql } from 'kysely'
import { wireInstant } from '../../api/crud.ts'
import type { Operations } from '../../api/crud.ts'
import type { Row } from '../../api/model.ts'
import { findObject, findObjects, loadRow } from '../../api/store.ts'
import { transact, type Ctx } from '../../context.ts'
import { entitledTo } from '../../core/entitlement.sql.ts'
import { groupsAndAbove } from '../../core/membership.ts'
import { rememberPassword } from '../../core/password-history.ts'
import { setPassword } from '../../core/user-api.ts'
import { UNUSABLE_PASSWORD } from '../../core/user.ts'
import { exception, raise } from '../errors.ts'
import { dictOf } from '../keys.ts'
import { RegexSyntaxError, compileRegex, search, IGNORECASE, RegexBudgetError } from '../regex/index.ts'
import { PyDict, PyList, PyTuple } from '../values.ts'
import type { Value } from '../values.ts'
import type { FieldInfo, ModelClass, RelationInfo } from './classes.ts'
import { instantValue } from './conversion.ts'
import { notSupportedError } from './exceptions.ts'
import { ModelObject, columnValue, storedValue } from './object.ts'
import { nodeOf, type Lookup } from './q.ts'
import { belonging, orderOf, rowsWhere } from './belongings.ts'
import { QuerySet, startQuery, type Origin, type Query } from './queryset.ts'
import type { Operation, Scope } from './scope.ts'
import { conditionOf, fromClause, keyColumn, relatedCondition, valueTerm, type Helper } from './sql.ts'

/** Objects that one query gives at most. */
export const MOST = 1000
/** Rows that a regular expression is tried on at most. */
const MOST_MATCHED = 10_000
/** Steps of a regular expression over all of them, and between two turns of the event loop. */
const MOST_STEPS = 1_000_000
const STEPS_AT_ONCE = 20_000

function helperOf(scope: Scope): Helper {
  const { ctx } = scope
  return {
    db: ctx.db,
    keysOf: value => (value instanceof QuerySet ? keysOf(scope, value.query) : undefined),
    async matching(own, field, path, pattern, ignoreCase) {
      const program = compiled(pattern, ignoreCase)
      const { rows } = await sql<{
        key: unknown
        value: unknown
      }>`select ${keyColumn(own)} as key, ${valueTerm(own, [field.name, ...path], ctx.db)} as value from ${fromClause(own)} limit ${sql.lit(MOST_MATCHED + 1)}`.execute(
        ctx.db,
      )
      if (rows.length > MOST_MATCHED) raise(notSupportedError, `a regular expression over more than ${MOST_MATCHED} objects`)
      const budget = { steps: MOST_STEPS }
      const keys: unknown[] = []
      let pauseAt = MOST_STEPS - STEPS_AT_ONCE
      for (const { key, value } of rows) {
        if (value !== null && matches(program, String(value), budget)) keys.push(key)
        if (budget.steps >= pauseAt) continue
        pauseAt = budget.steps - STEPS_AT_ONCE
        await new Promise(setImmediate)
      }
      return keys
    },
  }
}

function compiled(pattern: string, ignoreCase: boolean) {
  try {
    return compileRegex(pattern, ignoreCase ? IGNORECASE : 0)
  } catch (error) {
    if (error instanceof RegexSyntaxError) return raise('ValueError', `invalid regular expression: ${pattern}`)
    throw error
  }
}

function matches(program: ReturnType<typeof compileRegex>, text: string, budget: { steps: number }): boolean {
  try {
    if (budget.steps < 0) raise(notSupportedError, 'the regular expression takes too long')
    return search(program, text, { charge: steps => (budget.steps -= steps + 10) }) !== null
  } catch (error) {
    if (error instanceof RegexBudgetError) return raise(notSupportedError, 'the regular expression takes too long')
    throw error
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
  const order = sql.join(orderOf(scope.ctx.db, query))
  const clauses = sql`where ${where} order by ${order} limit ${sql.lit(most)} offset ${sql.lit(query.offset)}`
  return (await rowsWhere(query.own, clauses).execute(scope.ctx.db)).rows
}

async function rowsOf(scope: Scope, query: Query, most = MOST): Promise<Row[]> {
  const { own, limit } = query
  if (limit === 0) return []
  const wanted = Math.min(limit ?? most + 1, most + 1)
  const found = (await belonging(scope, query, wanted)) ?? (await selected(scope, query, wanted))
  const rows = isSealed(own) ? found.map(row => loadRow(scope.ctx, own.model, row)) : found
  if (rows.length > most)
    scope.ctx.log.warn({ expression: scope.source.name, model: own.model.name, most }, 'query of an expression was cut off')
  return rows.slice(0, most)
}

/** Rows as objects, each of its own kind: a provider that is an OAuth2 provider comes as one. */
async function objectsOf(scope: Scope, own: ModelClass, rows: Row[]): Promise<Value[]> {
  const kinds = new Map<string, Row[]>()
  for (const row of rows) {
    const label = typeof row.kind === 'string' && scope.classes.byLabel.has(row.kind) ? row.kind : own.model.label
    kinds.set(label, [...(kinds.get(label) ?? []), row])
  }
  const made = new Map<Row, Value>()
  for (const [label, group] of kinds) {
    const exact = scope.classes.byLabel.get(label)!
    if (exact === own || exact.model.baseKey !== undefined || !exact.model.tables.some(part => part.table === own.model.table)) {
      for (const row of group) made.set(row, scope.conversion.object(own.model.label, row))
      continue
    }
    const keys = group.map(row => row[own.model.pk])
    const whole = await findObjects(scope.ctx, exact.model, { where: [sql<boolean>`${keyColumn(exact)} in (${sql.join(keys)})`] })
    const byKey = new Map(whole.map(row => [row[exact.model.pk], row]))
    for (const row of group) made.set(row, scope.conversion.object(label, byKey.get(row[own.model.pk]) ?? row))
  }
  return rows.map(row => made.get(row)!)
}

/** The object with a key; null when it is gone. */
export async function objectByKey(scope: Scope, label: string, key: unknown): Promise<Value> {
  const own = scope.classes.byLabel.get(label)
  const row = own && (await findObject(scope.ctx, own.model, key))
  return row ? (await objectsOf(scope, own, [row]))[0]! : null
}

async function keysOf(scope: Scope, query: Query): Promise<unknown[]> {
  const { own, pick } = query
  const term = pick && pick.names.length === 1 ? valueTerm(own, pick.names[0]!.split('__'), scope.ctx.db) : keyColumn(own)
  const where = sql.join(await whereOf(scope, query), sql` and `)
  const limit = query.limit === null ? sql`` : sql`limit ${sql.lit(query.limit)}`
  const offset = query.offset > 0 && query.limit !== null ? sql`offset ${sql.lit(query.offset)}` : sql``
  const { rows } = await sql<{
    key: unknown
  }>`select ${term} as key from ${fromClause(own)} where ${where} order by ${sql.join(orderOf(scope.ctx.db, query))} ${limit} ${offset}`.execute(
    scope.ctx.db,
  )
  return rows.map(({ key }) => key)
}

/** Values of columns, as `values` and `values_list` give them. */
async function pickedOf(scope: Scope, query: Query): Promise<Value[]> {
  const { own, pick } = query
  const names = pick!.names.length ? pick!.names : [...own.fields.keys()]
  const infos = names.map(name => infoAt(own, name.split('__')))
  const direct = infos.every((info, i) => info && !names[i]!.includes('__'))
  let table: Value[][]
  if (direct) {
    const rows = await rowsOf(scope, query)
    table = rows.map(row => infos.map(info => columnValue(info!.kind, row[info!.name])))
  } else {
    const terms = names.map((name, i) => sql`${valueTerm(own, name.split('__'), scope.ctx.db)} as ${sql.ref(`v${i}`)}`)
    const { rows } =
      await sql<Row>`select ${sql.join(terms)} from ${fromClause(own)} where ${sql.join(await whereOf(scope, query), sql` and `)}
      order by ${sql.join(orderOf(scope.ctx.db, query))} limit ${sql.lit(Math.min(query.limit ?? MOST, MOST))} offset ${sql.lit(query.offset)}`.execute(
        scope.ctx.db,
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

async function countOf(scope: Scope, query: Query): Promise<number> {
  if (query.limit !== null || query.offset > 0 || query.distinct)
    return (query.pick ? await pickedOf(scope, query) : await rowsOf(scope, query)).length
  const { rows } = await sql<{
    count: number
  }>`select count(*) as count from ${fromClause(query.own)} where ${sql.join(await whereOf(scope, query), sql` and `)}`.execute(
    scope.ctx.db,
  )
  return rows[0]!.count
}

async function getOne(scope: Scope, query: Query): Promise<Value> {
  const rows = await rowsOf(scope, { ...query, limit: Math.min(query.limit ?? 21, 21), pick: null })
  const { own } = query
  if (rows.length === 0) raise(own.doesNotExist, `${own.model.name} matching query does not exist.`)
  if (rows.length > 1)
    raise(own.multiple, `get() returned more than one ${own.model.name} -- it returned ${rows.length > 20 ? 'more than 20' : rows.length}!`)
  return (await objectsOf(scope, own, rows))[0]!
}

/** The operation of the API that writes objects of a class. */
function operation<N extends keyof Operations>({ model }: ModelClass, ctx: Ctx, name: N): NonNullable<Operations[N]> {
  const found = ctx.registry.resources.find(resource => resource.model === model && resource.operations[name])?.operations[name]
  return (
    found ??
    raise(
      notSupportedError,
      `${model.name} objects cannot be ${name === 'create' ? 'made' : name === 'destroy' ? 'deleted' : 'changed'} by expressions`,
    )
  )
}

const wire = (value: unknown): unknown => (value instanceof Date ? wireInstant(value) : value)
const wireBody = (values: Row): Row => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, wire(value)]))

/** What a new object starts with where nothing is said: empty text where that is allowed. */
function completed({ model }: ModelClass, values: Row): Row {
  const full = { ...values }
  for (const [name, field] of Object.entries(model.allFields)) {
    const { type, minLength } = field.schema as { type?: string; minLength?: number }
    if (field.required && !(name in full) && type === 'string' && !minLength) full[name] = ''
  }
  return full
}

async function insert(scope: Scope, own: ModelClass, values: Row): Promise<Row> {
  const { ctx } = scope
  const shown = await operation(own, ctx, 'create')(ctx, wireBody(completed(own, values)))
  return (await findObject(ctx, own.model, shown[own.model.keyName]))!
}

async function change(scope: Scope, own: ModelClass, row: Row, values: Row): Promise<Row> {
  const { ctx } = scope
  const at = own.model.lookup ?? own.model.pk
  await operation(own, ctx, 'update')(ctx, String(row[at]), wireBody(values), true)
  return (
    (await findObject(ctx, own.model, row[own.model.pk])) ?? raise(own.doesNotExist, `${own.model.name} matching query does not exist.`)
  )
}

/** The exact class of an object, which is where its operations are. */
const remove = (scope: Scope, object: ModelObject): Promise<void> =>
  operation(object.own, scope.ctx, 'destroy')(scope.ctx, String(object.row[object.model.lookup ?? object.model.pk]))

/** Keyword arguments as values of columns; what is no writable field is an error that names it. */
export function assignments(own: ModelClass, kwargs: ReadonlyMap<string, Value>): Row {
  const values: Row = {}
  for (const [name, value] of kwargs) {
    const info = own.field(name)
    if (!info?.writable) raise('TypeError', `${own.model.name}() got unexpected keyword arguments: '${name}'`)
    values[info.name] = storedValue(value)
  }
  return values
}

type WithArgs = { query: Query; args: Value[]; kwargs: Map<string, Value> }

/** `defaults=` and what was looked for, as the values of a new object. */
function newValues({ query, kwargs }: WithArgs): { looked: Map<string, Value>; defaults: Map<string, Value>; whole: Map<string, Value> } {
  const looked = new Map(kwargs)
  const given = looked.get('defaults')
  looked.delete('defaults')
  looked.delete('create_defaults')
  const defaults = new Map(
    given instanceof PyDict ? [...given.entries.values()].map(({ key, value }) => [String(key), value] as const) : [],
  )
  const whole = new Map<string, Value>()
  for (const [name, value] of looked) {
    const [field = '', verb] = name.split('__')
    if (verb === undefined || verb === 'iexact' || verb === 'exact') whole.set(field, value)
  }
  for (const { kind, ...origin } of query.origins) {
    const related = origin as { owner?: ModelObject; relation?: RelationInfo }
    if (kind === 'related' && related.relation && 'column' in related.relation.through)
      whole.set(related.relation.through.column, related.owner!)
  }
  for (const [name, value] of defaults) whole.set(name, value)
  return { looked, defaults, whole }
}

const narrowed = (query: Query, looked: ReadonlyMap<string, Value>): Query => ({
  ...query,
  node: { join: 'and', parts: [query.node, nodeOf([], new Map(looked))], negated: false },
})

async function found(scope: Scope, query: Query): Promise<ModelObject | undefined> {
  const rows = await rowsOf(scope, { ...query, limit: 2 })
  if (rows.length > 1) raise(query.own.multiple, `get() returned more than one ${query.own.model.name} -- it returned 2!`)
  return rows.length ? ((await objectsOf(scope, query.own, rows))[0] as ModelObject) : undefined
}

async function createIn(scope: Scope, query: Query, values: ReadonlyMap<string, Value>): Promise<Value> {
  return transact(scope.ctx, async ctx => {
    const inner: Scope = { ...scope, ctx }
    const row = await insert(inner, query.own, assignments(query.own, values))
    const object = scope.conversion.object(query.own.model.label, row) as ModelObject
    for (const origin of query.origins) {
      if (origin.kind === 'related' && origin.relation.field) await relate(inner, origin.owner, origin.relation, query.own, 'add', [object])
    }
    return object
  })
}

async function save(scope: Scope, object: ModelObject, only?: readonly string[]): Promise<void> {
  const { own } = object
  const { password } = object
  if (!object.stored) {
    object.sync()
    const values = Object.fromEntries(Object.entries(object.row).filter(([name]) => own.fields.get(name)?.writable))
    object.refresh(await insert(scope, own, values), true)
  } else {
    const changes = object.changes(only)
    if (Object.keys(changes).length > 0) object.refresh(await change(scope, own, object.row, changes), true)
  }
  if (password === undefined) return
  if (password === null) {
    const now = scope.ctx.now()
    await rememberPassword(scope.ctx, object.key as number)
    await scope.ctx.db
      .updateTable('user')
      .set({ password: UNUSABLE_PASSWORD, password_change_date: now, last_updated: now })
      .where('id', '=', object.key as number)
      .execute()
  } else await setPassword(scope.ctx, object.row, password)
  object.password = undefined
  object.refresh((await findObject(scope.ctx, own.model, object.key))!, true)
}

type RelationChange = 'add' | 'remove' | 'set' | 'clear'

/** Changes who is on the other side of a relation: as one write of the field, with its event, where anything changes. */
async function relate(
  scope: Scope,
  owner: ModelObject,
  relation: RelationInfo,
  target: ModelClass,
  verb: RelationChange,
  objects: readonly Value[],
): Promise<void> {
  const { ours, theirs, table } = relation.through as { table: string; ours: string; theirs: string }
  const keys = [...new Set(objects.map(object => keyIn(target, object)))]
  await transact(scope.ctx, async ctx => {
    const { rows } = await sql<{
      key: unknown
    }>`select ${sql.ref(theirs)} as key from ${sql.table(table)} where ${sql.ref(ours)} = ${owner.key}`.execute(ctx.db)
    const present = new Set(rows.map(({ key }) => key))
    const fresh = verb === 'add' || verb === 'set' ? keys.filter(key => !present.has(key)) : []
    const gone =
      verb === 'remove'
        ? keys.filter(key => present.has(key))
        : verb === 'clear'
          ? [...present]
          : verb === 'set'
            ? [...present].filter(key => !keys.includes(key))
            : []
    if (fresh.length === 0 && gone.length === 0) return
    // A list of thousands is not written again for one more: each object there is what changes then.
    const mirror = relation.field!.reverse ? relation.field!.name : present.size > WHOLE_LIST ? mirrorOf(target, relation)?.name : undefined
    if (mirror === undefined) {
      const after = [...present].filter(key => !gone.includes(key)).concat(fresh)
      await operation(owner.own, ctx, 'update')(
        ctx,
        String(owner.row[owner.model.lookup ?? owner.model.pk]),
        { [relation.field!.name]: after },
        true,
      )
      return
    }
    for (const key of [...fresh, ...gone]) {
      const other =
        (await findObject(ctx, target.model, key)) ?? raise(target.doesNotExist, `${target.model.name} matching query does not exist.`)
      const { rows: held } = await sql<{
        key: unknown
      }>`select ${sql.ref(ours)} as key from ${sql.table(table)} where ${sql.ref(theirs)} = ${key}`.execute(ctx.db)
      const rest = held.map(row => row.key).filter(one => one !== owner.key)
      const after = gone.includes(key) ? rest : [...rest, owner.key]
      await operation(target, ctx, 'update')(ctx, String(other[target.model.lookup ?? target.model.pk]), { [mirror]: after }, true)
    }
  })
}

const WHOLE_LIST = 100

/** The same join table as a field of the other side. */
const mirrorOf = (target: ModelClass, { through }: RelationInfo): RelationInfo | undefined =>
  [...target.relations.values()].find(
    other =>
      other.field &&
      !other.field.reverse &&
      'ours' in other.through &&
      'ours' in through &&
      other.through.table === through.table &&
      other.through.ours === through.theirs,
  )

function keyIn(target: ModelClass, value: Value): unknown {
  if (value instanceof ModelObject) {
    if (!value.stored) raise('ValueError', `Cannot add "${value.repr()}": the object is not stored yet.`)
    if (value.model !== target.model && !value.own.cls.isSubclass(target.cls))
      raise('TypeError', `'${target.model.name}' instance expected, got ${value.repr()}`)
    return value.key
  }
  const key = storedValue(value)
  if (typeof key === 'string' || typeof key === 'number')
    return typeof key === 'string' && target.fields.get(target.model.pk)!.kind === 'number' ? Number(key) : key
  throw exception('TypeError', `'${target.model.name}' instance expected`)
}

export const storeOperations: Readonly<Record<string, Operation>> = {
  'query.fetch': async (scope, { query }: { query: Query }) =>
    new PyList(query.pick ? await pickedOf(scope, query) : await objectsOf(scope, query.own, await rowsOf(scope, query))),
  'query.exists': async (scope, { query }: { query: Query }) => {
    if (query.limit !== null || query.offset > 0) return (await rowsOf(scope, query)).length > 0
    const { rows } =
      await sql`select 1 as found from ${fromClause(query.own)} where ${sql.join(await whereOf(scope, query), sql` and `)} limit 1`.execute(
        scope.ctx.db,
      )
    return rows.length > 0
  },
  'query.count': (scope, { query }: { query: Query }) => countOf(scope, query),
  'query.get': (scope, { query }: { query: Query }) => getOne(scope, query),
  'query.create': (scope, given: WithArgs) => createIn(scope, given.query, newValues(given).whole),
  'query.get_or_create': async (scope, given: WithArgs) => {
    const { looked, whole } = newValues(given)
    const known = await found(scope, narrowed(given.query, looked))
    return new PyTuple(known ? [known, false] : [await createIn(scope, given.query, whole), true])
  },
  'query.update_or_create': async (scope, given: WithArgs) => {
    const { looked, defaults, whole } = newValues(given)
    const known = await found(scope, narrowed(given.query, looked))
    if (!known) return new PyTuple([await createIn(scope, given.query, whole), true])
    for (const [name, value] of defaults) if (!known.setAttribute(name, value)) raise('AttributeError', `can't set attribute '${name}'`)
    await save(scope, known)
    return new PyTuple([known, false])
  },
  'query.update': async (scope, { query, kwargs }: WithArgs) => {
    const values = assignments(query.own, kwargs)
    const objects = (await objectsOf(scope, query.own, await rowsOf(scope, query))) as ModelObject[]
    await transact(scope.ctx, async ctx => {
      for (const object of objects) object.refresh(await change({ ...scope, ctx }, object.own, object.row, values), true)
    })
    return objects.length
  },
  'query.delete': async (scope, { query }: { query: Query }) => {
    const objects = (await objectsOf(scope, query.own, await rowsOf(scope, query))) as ModelObject[]
    await transact(scope.ctx, async ctx => {
      for (const object of objects) await remove({ ...scope, ctx }, object)
    })
    return new PyTuple([objects.length, dictOf(objects.length ? [[query.own.model.label, objects.length]] : [])])
  },
  'query.in_bulk': async (scope, { query, args }: WithArgs) => {
    const parts: Lookup[] = args[0] === undefined || args[0] === null ? [] : [{ path: ['pk', 'in'], value: args[0] }]
    const objects = await objectsOf(
      scope,
      query.own,
      await rowsOf(scope, { ...query, node: { join: 'and', parts: [query.node, ...parts], negated: false } }),
    )
    return dictOf(objects.map(object => [String((object as ModelObject).key), object] as const))
  },
  'model.related': (scope, { label, key }: { label: string; key: unknown }) => objectByKey(scope, label, key),
  'model.reverse': async (scope, { object, relation }: { object: ModelObject; relation: RelationInfo }) => {
    const target = scope.classes.byLabel.get(relation.target)!
    const rows = object.stored ? await rowsOf(scope, { ...startQuery(target, { kind: 'related', owner: object, relation }), limit: 1 }) : []
    if (rows.length === 0) return raise(target.doesNotExist, `${object.model.name} has no ${relation.name}.`)
    return (await objectsOf(scope, target, rows))[0]!
  },
  'model.save': async (scope, { object, only }: { object: ModelObject; only?: readonly string[] }) => {
    await save(scope, object, only)
    return null
  },
  'model.delete': async (scope, { object }: { object: ModelObject }) => {
    await remove(scope, object)
    object.stored = false
    return new PyTuple([1, dictOf([[object.model.label, 1]])])
  },
  'model.refresh': async (scope, { object }: { object: ModelObject }) => {
    object.refresh(
      (await findObject(scope.ctx, object.model, object.key)) ??
        raise(object.own.doesNotExist, `${object.model.name} matching query does not exist.`),
    )
    return null
  },
  'relation.change': async (
    scope,
    {
      owner,
      relation,
      target,
      verb,
      objects,
    }: { owner: ModelObject; relation: RelationInfo; target: ModelClass; verb: RelationChange; objects: Value[] },
  ) => {
    await relate(scope, owner, relation, target, verb, objects)
    return null
  },
}
