/** Methods of dict, of its views, of set and frozenset. */
import { isSubset } from '../compare.ts'
import { raise } from '../errors.ts'
import { DictView } from '../iterate.ts'
import { dictGet, dictSet, keyOf } from '../keys.ts'
import { nativeRaw, type Argument } from '../module.ts'
import { type Pending, bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { setOperation } from '../sets.ts'
import { special } from '../special.ts'
import { getItem } from '../subscript.ts'
import { NativeIterator, PyDict, PyInstance, PySet, PyTuple, HostObject, own, types } from '../values.ts'
import type { DictEntry, Kwargs, Result, Value, PyClass } from '../values.ts'
import { intrinsics, methods, classMethod } from './define.ts'

type Rt = EvaluationRuntime
/** The items of a set by their keys. */
type Table = Map<unknown, Value>
const { dict, set, frozenset } = types

/** Puts into a dict what `dict(…)` or `update(…)` was given. */
export function update(target: PyDict, args: Value[], kwargs: Kwargs | null, rt: Rt): null | Pending {
  const [source] = args
  const named = (): null => {
    if (kwargs) for (const [key, value] of kwargs) dictSet(target, key, value, rt)
    return null
  }
  if (source === undefined) return named()
  if (source instanceof PyDict && special(source, '__iter__') === undefined) {
    rt.charge(4 * source.entries.size)
    for (const [key, entry] of source.entries) {
      const mine = target.entries.get(key)
      if (mine) mine.value = entry.value
      else {
        rt.alloc(64)
        target.entries.set(key, { key: entry.key, value: entry.value })
      }
    }
    return named()
  }
  const keys = source instanceof PyInstance ? source.cls.lookup('keys') : undefined
  if (keys !== undefined || (source instanceof HostObject && source.getItem && source.iterate)) {
    const names = source instanceof HostObject ? source : rt.call(keys!, [source])
    return bind(names, (iterable: Value) =>
      bind(
        rt.forEach(iterable, key => bind(getItem(source, key, rt), (value: Value) => dictSet(target, key, value, rt))),
        named,
      ),
    )
  }
  let index = 0
  return bind(
    rt.forEach(source, pair => {
      const at = index++
      return bind(rt.collect(pair), (items: Value[]) => {
        if (items.length !== 2) raise('ValueError', `dictionary update sequence element #${at} has length ${items.length}; 2 is required`)
        dictSet(target, items[0]!, items[1]!, rt)
        return undefined
      })
    }),
    named,
  )
}

function pairs(self: PyDict, rt: Rt): void {
  rt.charge(1 + (self.entries.size >> 3))
}

methods(dict, {
  'get(key, default=None, /)': ([self, key, fallback], rt) => {
    const entry = self.entries.get(keyOf(key, rt))
    return entry === undefined ? fallback : entry.value
  },
  'keys()': ([self]) => new DictView(self, types.dict_keys),
  'values()': ([self]) => new DictView(self, types.dict_values),
  'items()': ([self]) => new DictView(self, types.dict_items),
  'pop(key, default?, /)': ([self, key, fallback], rt) => {
    const k = keyOf(key, rt)
    const entry = self.entries.get(k)
    if (!entry) return fallback === undefined ? raise('KeyError', key) : fallback
    self.entries.delete(k)
    return entry.value
  },
  'popitem()': ([self], rt) => {
    rt.charge(1 + (self.entries.size >> 3))
    let last: [unknown, DictEntry] | undefined
    for (const entry of self.entries) last = entry
    if (!last) raise('KeyError', 'popitem(): dictionary is empty')
    self.entries.delete(last[0])
    return new PyTuple([last[1].key, last[1].value])
  },
  'setdefault(key, default=None, /)': ([self, key, fallback], rt) => {
    const found = dictGet(self, key, rt)
    if (found !== undefined) return found
    dictSet(self, key, fallback, rt)
    return fallback
  },
  'clear()': ([self]) => {
    self.entries.clear()
    return null
  },
  'copy()': ([self], rt) => {
    pairs(self, rt)
    const copy = new PyDict(new Map(), self.cls)
    copy.attrs = self.attrs && new Map(self.attrs)
    update(copy, [self], null, rt)
    return copy
  },
})
dict.dict.set(
  'update',
  own(
    dict,
    nativeRaw('update', ([self, ...args], kwargs, rt) => update(self as PyDict, args, kwargs, rt)),
  ),
)

classMethod(dict, 'fromkeys', ([cls, iterable, value], _, rt) => {
  const made = new PyDict(new Map(), cls as PyClass)
  return bind(
    rt.forEach(iterable!, (key: Value) => dictSet(made, key, value ?? null, rt)),
    () => made,
  )
})

dict.fresh = cls => new PyDict(new Map(), cls)
dict.construct = (cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  if (args.length > 1) raise('TypeError', `${cls.name} expected at most 1 argument, got ${args.length}`)
  const made = new PyDict(new Map(), cls)
  return bind(update(made, args, kwargs, rt), () => made)
}
intrinsics(dict, { __init__: ([self, ...args], kwargs, rt) => update(self as PyDict, args, kwargs, rt) })

/** The keys and values of any iterable as a set's table. */
function table(value: Value, rt: Rt): Map<unknown, Value> | Pending {
  if (value instanceof PySet) return value.items
  const out = new Map<unknown, Value>()
  return bind(
    rt.forEach(value, item => {
      rt.alloc(48)
      const key = keyOf(item, rt)
      if (!out.has(key)) out.set(key, item)
    }),
    () => out,
  )
}

function copyTable(items: Table, rt: Rt): Table {
  rt.charge(items.size)
  rt.alloc(items.size * 48)
  return new Map(items)
}

/** Applies `each` to the tables of all arguments, in order. */
function fold(args: readonly Value[], start: Table, each: (a: Table, b: Table) => Table, rt: Rt): Table | Pending {
  return args.reduce<Table | Pending>((result, arg) => bind(result, a => bind(table(arg, rt), b => each(a, b))), start)
}

const combine =
  (op: string) =>
  ([self, args]: Argument[], rt: Rt): Result =>
    bind(
      fold(args.items, self.items, (a, b) => setOperation(op, a, b, rt), rt),
      items => new PySet(items === self.items ? copyTable(items, rt) : items, self.cls),
    )
const change =
  (op: string) =>
  ([self, args]: Argument[], rt: Rt): Result =>
    bind(
      fold(args.items, self.items, (a, b) => setOperation(op, a, b, rt), rt),
      items => {
        self.items = items
        return null
      },
    )
const test =
  (decide: (a: Table, b: Table, rt: Rt) => boolean) =>
  ([self, other]: Argument[], rt: Rt): Result =>
    bind(table(other, rt), items => decide(self.items, items, rt))

for (const cls of [set, frozenset]) {
  methods(cls, {
    'union(*others)': combine('|'),
    'intersection(*others)': combine('&'),
    'difference(*others)': combine('-'),
    'symmetric_difference(other, /)': ([self, other], rt) => combine('^')([self, new PyTuple([other])], rt),
    'issubset(other, /)': test((a, b, rt) => isSubset(a, b, rt)),
    'issuperset(other, /)': test((a, b, rt) => isSubset(b, a, rt)),
    'isdisjoint(other, /)': test((a, b, rt) => {
      rt.charge(a.size)
      for (const key of a.keys()) if (b.has(key)) return false
      return true
    }),
    'copy()': ([self], rt) => {
      rt.charge(self.items.size)
      rt.alloc(self.items.size * 48)
      return new PySet(new Map(self.items), self.cls)
    },
  })
  cls.construct = (made: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
    if (kwargs?.size) raise('TypeError', `${cls.name}() takes no keyword arguments`)
    if (args.length > 1) raise('TypeError', `${cls.name} expected at most 1 argument, got ${args.length}`)
    if (!args.length) return new PySet(new Map(), made)
    return bind(table(args[0]!, rt), items => new PySet(items === (args[0] as PySet).items ? copyTable(items, rt) : items, made))
  }
}
set.fresh = cls => new PySet(new Map(), cls)
intrinsics(set, {
  __init__: ([self, source], _, rt) =>
    source === undefined
      ? null
      : bind(table(source, rt), items => {
          ;(self as PySet).items = copyTable(items, rt)
          return null
        }),
})

methods(set, {
  'add(item, /)': ([self, item], rt) => {
    const key = keyOf(item, rt)
    if (!self.items.has(key)) {
      rt.alloc(48)
      self.items.set(key, item)
    }
    return null
  },
  'discard(item, /)': ([self, item], rt) => {
    self.items.delete(keyOf(item, rt))
    return null
  },
  'remove(item, /)': ([self, item], rt) => (self.items.delete(keyOf(item, rt)) ? null : raise('KeyError', item)),
  'pop()': ([self]) => {
    const [first] = self.items
    if (!first) raise('KeyError', 'pop from an empty set')
    self.items.delete(first[0])
    return first[1]
  },
  'clear()': ([self]) => {
    self.items = new Map()
    return null
  },
  'update(*others)': change('|'),
  'intersection_update(*others)': change('&'),
  'difference_update(*others)': change('-'),
  'symmetric_difference_update(other, /)': ([self, other], rt) => change('^')([self, new PyTuple([other])], rt),
})

for (const cls of [types.dict_keys, types.dict_items]) {
  methods(cls, {
    'isdisjoint(other, /)': ([self, other], rt) =>
      bind(rt.collect(self), (mine: Value[]) => bind(table(other, rt), items => !mine.some(item => items.has(keyOf(item, rt))))),
  })
}

/** `reversed(dict)` and of its views. */
export function reversedDict(value: PyDict | DictView, rt: Rt): NativeIterator {
  rt.charge((value instanceof PyDict ? value : value.dict).entries.size >> 1)
  const items = value instanceof PyDict ? [...value.entries.values()].map(entry => entry.key) : null
  const list =
    items ??
    [...(value as DictView).dict.entries.values()].map(entry =>
      value.cls === types.dict_keys ? entry.key : value.cls === types.dict_values ? entry.value : new PyTuple([entry.key, entry.value]),
    )
  rt.alloc(list.length * 8)
  return new NativeIterator(list.reverse().values())
}
