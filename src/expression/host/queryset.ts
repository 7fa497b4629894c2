/** Managers and query sets: immutable chains that ask the database when somebody looks. */
import { raise } from '../errors.ts'
import { ArrayIterator } from '../iterate.ts'
import { native, nativeClass, nativeRaw } from '../module.ts'
import type { Runtime } from '../module.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { bind } from '../pending.ts'
import type { Pending } from '../pending.ts'
import {
  BoundMethod,
  HostObject,
  PyList,
  PySlice,
  isInt,
  type NativeFunction,
  type PyIterator,
  type Kwargs,
  type Result,
  type Value,
} from '../values.ts'
import type { ModelClass, RelationInfo } from './classes.ts'
import type { ModelObject } from './object.ts'
import { everything, joined, nodeOf, type Node } from './q.ts'

/** Where a query begins: all objects, those on the far side of a relation, or a set that takes SQL of its own. */
export type Origin =
  | { kind: 'all' }
  | { kind: 'related'; owner: ModelObject; relation: RelationInfo }
  | { kind: 'groups_of'; user: number }
  | { kind: 'entitlements_of'; user: number; application: string }
  | { kind: 'nothing' }

export type Query = {
  own: ModelClass
  origins: readonly Origin[]
  node: Node
  order: readonly string[] | null
  reversed: boolean
  offset: number
  limit: number | null
  distinct: boolean
  /** Columns instead of objects. */
  pick: { names: readonly string[]; as: 'dict' | 'tuple' | 'flat' } | null
}

export const startQuery = (own: ModelClass, origin: Origin = { kind: 'all' }): Query => ({
  own,
  origins: [origin],
  node: everything,
  order: null,
  reversed: false,
  offset: 0,
  limit: null,
  distinct: false,
  pick: null,
})

const and = (query: Query, node: Node): Query => {
  if (query.limit !== null || query.offset > 0) raise('TypeError', 'Cannot filter a query once a slice has been taken.')
  return node.parts.length === 0
    ? query
    : { ...query, node: query.node.parts.length ? { join: 'and', parts: [query.node, node], negated: false } : node }
}

export class QuerySet extends HostObject {
  readonly query: Query
  private items: Value[] | null = null

  constructor(query: Query) {
    super(querySetClass)
    this.query = query
  }

  get own(): ModelClass {
    return this.query.own
  }

  override getAttribute(name: string): Value | undefined {
    if (name === 'model') return this.own.cls
    const method = methods.get(name)
    return method && new BoundMethod(this, method)
  }

  /** The results, asked for once. */
  fetch(rt: Runtime): Value[] | Pending {
    if (this.items) return this.items
    return rt.hostCall('query.fetch', { query: this.query }).then((list: PyList) => {
      rt.charge(list.items.length)
      rt.alloc(200 * list.items.length)
      return (this.items = list.items)
    })
  }

  override iterate(rt: Runtime): PyIterator | Pending {
    return bind(this.fetch(rt), (items: Value[]) => new ArrayIterator(items))
  }

  override length(rt: EvaluationRuntime): number | Pending {
    return bind(this.fetch(rt), (items: Value[]) => items.length)
  }

  override truth(rt: EvaluationRuntime): boolean | Pending {
    return this.items ? this.items.length > 0 : rt.hostCall('query.exists', { query: this.query })
  }

  override contains(value: Value, rt: Runtime): boolean | Pending {
    return bind(this.fetch(rt), (items: Value[]) => {
      rt.charge(items.length)
      return items.some(item => rt.equals(item, value))
    })
  }

  override getItem(key: Value, rt: Runtime): Result {
    if (key instanceof PySlice) {
      const { start, stop, step } = key
      const from = start ?? 0
      if (!isInt(from) || from < 0 || (stop !== null && (!isInt(stop) || stop < 0)))
        raise('ValueError', 'Negative indexing is not supported.')
      const sliced = this.slice(Number(from), stop === null ? null : Number(stop))
      return step === null ? sliced : bind(sliced.fetch(rt), (items: Value[]) => new PyList(items.filter((_, i) => i % Number(step) === 0)))
    }
    if (!isInt(key)) raise('TypeError', 'QuerySet indices must be integers or slices')
    if (key < 0) raise('ValueError', 'Negative indexing is not supported.')
    const at = Number(key)
    const pick = (items: Value[], index: number): Value =>
      index < items.length ? items[index]! : raise('IndexError', 'list index out of range')
    return this.items ? pick(this.items, at) : bind(this.slice(at, at + 1).fetch(rt), (items: Value[]) => pick(items, 0))
  }

  slice(from: number, to: number | null): QuerySet {
    const { offset, limit } = this.query
    const most = limit === null ? Infinity : Math.max(0, limit - from)
    const wanted = to === null ? most : Math.min(most, Math.max(0, to - from))
    return new QuerySet({ ...this.query, offset: offset + from, limit: wanted === Infinity ? null : wanted })
  }

  override binary(operator: string, other: Value): Value | undefined {
    if ((operator !== '|' && operator !== '&') || !(other instanceof QuerySet) || other.own !== this.own) return undefined
    return combine(this, other, operator === '|' ? 'or' : 'and')
  }

  override repr(): string {
    return `<QuerySet of ${this.own.model.name}>`
  }

  override toJson(): unknown {
    if (!this.items) raise('TypeError', 'Object of type QuerySet is not JSON serializable')
    return this.items.map(item => (item instanceof HostObject && item.toJson ? item.toJson() : item))
  }
}

/** Sets are joined by their keys: one side may come through a relation and the other not. */
function combine(a: QuerySet, b: QuerySet, join: 'and' | 'or'): QuerySet {
  const keys = (set: QuerySet): Node => ({
    join: 'and',
    parts: [{ path: ['pk', 'in'], value: new QuerySet({ ...set.query, pick: null }) }],
    negated: false,
  })
  return new QuerySet({ ...startQuery(a.own), node: joined(join, [keys(a), keys(b)]) })
}

const self = (value: Value | undefined): QuerySet => (value instanceof QuerySet ? value : raise('TypeError', 'expected a QuerySet'))

type Method = (set: QuerySet, args: Value[], kwargs: Kwargs | null, rt: Runtime) => Result
const method = (name: string, code: Method): [string, NativeFunction] => [
  name,
  nativeRaw(name, ([set, ...args], kwargs, rt) => code(self(set), args, kwargs, rt)),
]

const names = (args: readonly Value[]): string[] =>
  args.map(arg => (typeof arg === 'string' ? arg : raise('TypeError', 'field names are str')))

/** A call to the host with the query and what goes with it. */
const ask =
  (op: string) =>
  (set: QuerySet, args: Value[], kwargs: Kwargs | null, rt: Runtime): Result =>
    rt.hostCall(op, { query: set.query, args, kwargs: kwargs ?? new Map() })

const narrowed = (set: QuerySet, args: Value[], kwargs: Kwargs | null): QuerySet => new QuerySet(and(set.query, nodeOf(args, kwargs)))
const copied: Method = set => new QuerySet(set.query)

const first = (set: QuerySet, reversed: boolean, rt: Runtime): Result => {
  const order = set.query.order ?? ['pk']
  const one = new QuerySet({ ...set.query, order, reversed: set.query.reversed !== reversed }).slice(0, 1)
  return bind(one.fetch(rt), (items: Value[]) => items[0] ?? null)
}

export const methods: ReadonlyMap<string, NativeFunction> = new Map([
  method('all', copied),
  method('filter', narrowed),
  method('exclude', (set, args, kwargs) => {
    const node = nodeOf(args, kwargs)
    return new QuerySet(and(set.query, node.parts.length ? { ...node, negated: true } : node))
  }),
  method('none', set => new QuerySet(startQuery(set.own, { kind: 'nothing' }))),
  method('order_by', (set, args) => new QuerySet({ ...set.query, order: names(args), reversed: false })),
  method('reverse', set => new QuerySet({ ...set.query, reversed: !set.query.reversed })),
  method('distinct', set => new QuerySet({ ...set.query, distinct: true })),
  method('values', (set, args) => new QuerySet({ ...set.query, pick: { names: names(args), as: 'dict' } })),
  method('values_list', (set, args, kwargs) => {
    const flat = kwargs?.get('flat') === true
    if (flat && args.length !== 1) raise('TypeError', "'flat' is not valid when values_list is called with more than one field.")
    return new QuerySet({ ...set.query, pick: { names: names(args), as: flat ? 'flat' : 'tuple' } })
  }),
  // These say how to load, which is not for expressions to decide here.
  ...['select_related', 'prefetch_related', 'only', 'defer', 'using', 'select_for_update', 'iterator', 'select_subclasses'].map(name =>
    method(name, copied),
  ),
  method('union', (set, args) => args.reduce<QuerySet>((all, other) => combine(all, self(other), 'or'), set)),
  method('intersection', (set, args) => args.reduce<QuerySet>((all, other) => combine(all, self(other), 'and'), set)),
  method('first', (set, _, __, rt) => first(set, false, rt)),
  method('last', (set, _, __, rt) => first(set, true, rt)),
  method('exists', (set, _, __, rt) => rt.hostCall('query.exists', { query: set.query })),
  method('count', (set, _, __, rt) => rt.hostCall('query.count', { query: set.query })),
  method('get', (set, args, kwargs, rt) => rt.hostCall('query.get', { query: and(set.query, nodeOf(args, kwargs)) })),
  method('create', ask('query.create')),
  method('get_or_create', ask('query.get_or_create')),
  method('update_or_create', ask('query.update_or_create')),
  method('update', ask('query.update')),
  method('delete', ask('query.delete')),
  method('contains', (set, args, _, rt) => set.contains(args[0] ?? null, rt)),
  method('in_bulk', (set, args, _, rt) => rt.hostCall('query.in_bulk', { query: set.query, args })),
])

export const querySetClass = nativeClass({ name: 'QuerySet', module: 'django.db.models' })

/** `Model.objects`: every look begins anew. */
export class Manager extends HostObject {
  readonly own: ModelClass
  constructor(own: ModelClass, cls = managerClass) {
    super(cls)
    this.own = own
  }

  start(): Query {
    return startQuery(this.own)
  }

  override getAttribute(name: string): Value | undefined {
    if (name === 'model') return this.own.cls
    if (name === 'get_queryset') return new BoundMethod(new QuerySet(this.start()), methods.get('all')!)
    const found = methods.get(name)
    return found && new BoundMethod(new QuerySet(this.start()), found)
  }
}

const managerClass = nativeClass({ name: 'Manager', module: 'django.db.models' })

/** `user.groups`: the objects on the other side, and the ways to change who is there. */
export class RelatedManager extends Manager {
  readonly relation: RelationInfo
  readonly owner: ModelObject
  constructor(target: ModelClass, relation: RelationInfo, owner: ModelObject) {
    super(target, relatedManagerClass)
    this.relation = relation
    this.owner = owner
  }

  override start(): Query {
    const { owner, relation } = this
    if (owner.hypothetical) return startQuery(this.own, { kind: 'nothing' })
    if (!owner.stored)
      raise(
        'ValueError',
        `"${owner.repr()}" needs to have a value for field "${owner.model.pk}" before this many-to-many relationship can be used.`,
      )
    return startQuery(this.own, { kind: 'related', owner, relation })
  }

  override getAttribute(name: string): Value | undefined {
    const change = this.relation.field && changes.get(name)
    return change ? new BoundMethod(this, change) : super.getAttribute(name)
  }
}

const relatedManagerClass = nativeClass({ name: 'ManyRelatedManager', module: 'django.db.models' })

const related = (value: Value): RelatedManager =>
  value instanceof RelatedManager ? value : raise('TypeError', 'expected a related manager')

const change = (name: string, verb: string, signature: string): [string, NativeFunction] => [
  name,
  native(name, `self, ${signature}`, function* ([manager, given], rt) {
    const { owner, relation, own } = related(manager)
    related(manager).start()
    const objects = given === undefined ? [] : ((yield rt.collect(given)) as unknown as Value[])
    return yield rt.hostCall('relation.change', { owner, relation, target: own, verb, objects })
  }),
]

const changes: ReadonlyMap<string, NativeFunction> = new Map([
  change('add', 'add', '*objects'),
  change('remove', 'remove', '*objects'),
  change('set', 'set', 'objects'),
  change('clear', 'clear', ''),
])
