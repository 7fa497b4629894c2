/** What query sets and objects ask of the database. Reads stop at a thousand objects; writes go through the operations of the API. */
import { findObject } from '../../api/store.ts'
import { transact } from '../../context.ts'
import { raise } from '../errors.ts'
import { dictOf } from '../keys.ts'
import { PyDict, PyList, PyTuple } from '../values.ts'
import type { Value } from '../values.ts'
import type { ModelClass, RelationInfo } from './classes.ts'
import type { ModelObject } from './object.ts'
import { nodeOf, type Lookup } from './q.ts'
import { startQuery, type Query } from './queryset.ts'
import { countOf, existsAny, fetched, getOne, objectByKey, objectsOf, rowsOf } from './reading.ts'
import { relate, type RelationChange } from './relating.ts'
import type { Operation, Scope } from './scope.ts'
import { assignments, change, insert, remove, save } from './writing.ts'

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
    const inner = scope.inside(ctx)
    const row = await insert(inner, query.own, assignments(query.own, values))
    const object = scope.conversion.object(query.own.model.label, row) as ModelObject
    for (const origin of query.origins) {
      if (origin.kind === 'related' && origin.relation.field) await relate(inner, origin.owner, origin.relation, query.own, 'add', [object])
    }
    return object
  })
}

export const storeOperations: Readonly<Record<string, Operation>> = {
  'query.fetch': (scope, { query }: { query: Query }) => {
    const found = fetched(scope, query)
    return found instanceof Promise ? found.then(items => new PyList(items)) : new PyList(found)
  },
  'query.exists': (scope, { query }: { query: Query }) => existsAny(scope, query),
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
      for (const object of objects) object.refresh(await change(scope.inside(ctx), object.own, object.row, values), true)
    })
    return objects.length
  },
  'query.delete': async (scope, { query }: { query: Query }) => {
    const objects = (await objectsOf(scope, query.own, await rowsOf(scope, query))) as ModelObject[]
    await transact(scope.ctx, async ctx => {
      for (const object of objects) await remove(scope.inside(ctx), object)
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
    const rows = object.stored ? await rowsOf(scope, startQuery(target, { kind: 'related', owner: object, relation })) : []
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
