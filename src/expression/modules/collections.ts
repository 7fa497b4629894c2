/** collections: Counter, defaultdict, OrderedDict, namedtuple, deque, ChainMap. */
import { raise } from '../errors.ts'
import { dictGet, dictOf, dictSet, keyOf } from '../keys.ts'
import { KEYWORDS } from '../syntax/expressions.ts'
import { update } from '../builtins/mappings.ts'
import { sorted } from '../builtins/sequences.ts'
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import { binary, grow } from '../operators.ts'
import { bind } from '../pending.ts'
import { NativeIterator, PyDict, PyList, PyProperty, PyTuple, NativeFunction, own, types, PyClassMethod } from '../values.ts'
import type { DictEntry, Kwargs, PyClass, PyModule, Result, Value } from '../values.ts'
import { makeClass } from '../compile/classes.ts'
import type { EvaluationRuntime } from '../runtime.ts'

const dictRepr = (self: PyDict, rt: EvaluationRuntime): string => rt.repr(new PyDict(self.entries))

/** Counts what an iterable or a mapping gives, times `sign`. */
function tally(self: PyDict, [source]: Value[], kwargs: Kwargs | null, sign: number, rt: EvaluationRuntime): Result {
  const add = (key: Value, n: Value) => dictSet(self, key, binary(sign > 0 ? '+' : '-', dictGet(self, key, rt) ?? 0, n, rt) as Value, rt)
  const named = () => {
    for (const [key, n] of kwargs ?? []) add(key, n)
    return null
  }
  if (source === undefined || source === null) return named()
  if (source instanceof PyDict) {
    rt.charge(3 * source.entries.size)
    for (const entry of source.entries.values()) add(entry.key, entry.value)
    return named()
  }
  return bind(
    rt.forEach(source, (item: Value) => add(item, 1)),
    named,
  )
}

const count = (self: PyDict, key: Value, rt: EvaluationRuntime): number => Number(dictGet(self, key, rt) ?? 0)

/** A new Counter of the keys of two, with positive results only. */
const combined = (name: string, decide: (a: number, b: number) => number) =>
  native(name, 'self, other', ([a, b], rt) => {
    const made = new PyDict(new Map(), Counter)
    for (const dict of [a, b]) {
      for (const { key } of dict.entries.values()) {
        rt.charge(3)
        const n = decide(count(a, key, rt), count(b, key, rt))
        if (n > 0) dictSet(made, key, n, rt)
      }
    }
    return made
  })

const Counter: PyClass = nativeClass({
  name: 'Counter',
  module: 'collections',
  bases: [types.dict],
  construct: (cls, args, kwargs, rt) => {
    const made = new PyDict(new Map(), cls)
    return bind(tally(made, args, kwargs, 1, rt), () => made)
  },
  methods: {
    __missing__: native('__missing__', 'self, key', () => 0),
    __repr__: native('__repr__', 'self', ([self], rt) => {
      if (!self.entries.size) return 'Counter()'
      rt.charge(2 * self.entries.size * Math.ceil(Math.log2(self.entries.size + 1)))
      const ordered = [...self.entries.entries()].sort((a, b) => Number(b[1].value) - Number(a[1].value))
      return `Counter(${rt.repr(new PyDict(new Map(ordered)))})`
    }),
    most_common: native('most_common', 'self, n=None', ([self, n], rt) => {
      rt.charge(2 * self.entries.size)
      rt.alloc(64 * self.entries.size)
      const items = [...self.entries.values()].map(entry => new PyTuple([entry.key, entry.value]))
      const byCount = native('count', 'pair', ([pair]) => pair.items[1])
      return bind(
        sorted(items, byCount, true, rt),
        (list: Value[]) => new PyList(n === null ? list : list.slice(0, Math.max(0, Number(n)))),
      )
    }),
    elements: native(
      'elements',
      'self',
      ([self]) =>
        new NativeIterator(
          (function* () {
            for (const { key, value } of self.entries.values()) for (let i = 0; i < value; i++) yield key as Value
          })(),
        ),
    ),
    update: nativeRaw('update', ([self, ...args], kwargs, rt) => tally(self as PyDict, args, kwargs, 1, rt)),
    subtract: nativeRaw('subtract', ([self, ...args], kwargs, rt) => tally(self as PyDict, args, kwargs, -1, rt)),
    total: native('total', 'self', ([self], rt) => {
      rt.charge(2 * self.entries.size)
      let sum = 0
      for (const entry of self.entries.values()) sum += Number(entry.value)
      return sum
    }),
    __add__: combined('__add__', (a, b) => a + b),
    __sub__: combined('__sub__', (a, b) => a - b),
    __or__: combined('__or__', Math.max),
    __and__: combined('__and__', Math.min),
  },
})

const defaultdict: PyClass = nativeClass({
  name: 'defaultdict',
  module: 'collections',
  bases: [types.dict],
  construct: (cls, [factory = null, ...args], kwargs, rt) => {
    const made = new PyDict(new Map(), cls)
    made.attrs = new Map([['default_factory', factory]])
    return bind(update(made, args, kwargs, rt), () => made)
  },
  methods: {
    __missing__: native('__missing__', 'self, key', ([self, key], rt) => {
      const factory = self.attrs?.get('default_factory') ?? null
      if (factory === null) raise('KeyError', key)
      return bind(rt.call(factory, []), (value: Value) => {
        dictSet(self, key, value, rt)
        return value
      })
    }),
    __repr__: native(
      '__repr__',
      'self',
      ([self], rt) => `defaultdict(${rt.repr(self.attrs?.get('default_factory') ?? null)}, ${dictRepr(self, rt)})`,
    ),
  },
})

const OrderedDict: PyClass = nativeClass({
  name: 'OrderedDict',
  module: 'collections',
  bases: [types.dict],
  methods: {
    __repr__: native('__repr__', 'self', ([self], rt) => (self.entries.size ? `OrderedDict(${dictRepr(self, rt)})` : 'OrderedDict()')),
    move_to_end: native('move_to_end', 'self, key, last=True', ([self, key, last], rt) => {
      const k = keyOf(key, rt)
      const entry = self.entries.get(k) ?? raise('KeyError', key)
      self.entries.delete(k)
      rt.charge(1 + (last ? 0 : 2 * self.entries.size))
      if (last) self.entries.set(k, entry)
      else self.entries = new Map([[k, entry], ...self.entries])
      return null
    }),
    popitem: native('popitem', 'self, last=True', ([self, last], rt) => {
      rt.charge(1 + (last ? self.entries.size >> 3 : 0))
      let entry: [unknown, DictEntry] | undefined
      for (entry of self.entries as PyDict['entries']) if (!last) break
      if (!entry) raise('KeyError', 'dictionary is empty')
      self.entries.delete(entry[0])
      return new PyTuple([entry[1].key, entry[1].value])
    }),
  },
})

const limit = (self: PyList): number => Number(self.attrs?.get('maxlen') ?? Infinity)

const deque: PyClass = nativeClass({
  name: 'deque',
  module: 'collections',
  bases: [types.list],
  construct: (cls, [iterable, given], kwargs, rt) => {
    const maxlen = given ?? kwargs?.get('maxlen') ?? null
    const source = iterable ?? kwargs?.get('iterable')
    return bind(source === undefined ? [] : rt.collect(source), (items: Value[]) => {
      const made = new PyList(maxlen === null ? items : items.slice(Math.max(0, items.length - Number(maxlen))), cls)
      made.attrs = new Map([['maxlen', maxlen]])
      return made
    })
  },
  methods: {
    __repr__: native(
      '__repr__',
      'self',
      ([self], rt) => `deque(${rt.repr(new PyList(self.items))}${limit(self) === Infinity ? '' : `, maxlen=${limit(self)}`})`,
    ),
    append: native('append', 'self, x', ([self, x], rt) => {
      grow(self.items.length + 1, 1, rt)
      self.items.push(x)
      if (self.items.length > limit(self)) {
        rt.charge(self.items.length >> 6)
        self.items.shift()
      }
      return null
    }),
    appendleft: native('appendleft', 'self, x', ([self, x], rt) => {
      grow(self.items.length + 1, 1, rt)
      rt.charge(1 + (self.items.length >> 6))
      self.items.unshift(x)
      if (self.items.length > limit(self)) self.items.pop()
      return null
    }),
    popleft: native('popleft', 'self', ([self], rt) => {
      rt.charge(1 + (self.items.length >> 6))
      return self.items.length ? self.items.shift() : raise('IndexError', 'pop from an empty deque')
    }),
    extendleft: native('extendleft', 'self, iterable', ([self, iterable], rt) =>
      bind(rt.collect(iterable), (items: Value[]) => {
        grow(self.items.length + items.length, self.items.length + items.length, rt)
        self.items = [...items.reverse(), ...self.items].slice(0, limit(self))
        return null
      }),
    ),
    extend: native('extend', 'self, iterable', ([self, iterable], rt) =>
      bind(rt.collect(iterable), (items: Value[]) => {
        grow(self.items.length + items.length, self.items.length + items.length, rt)
        const all = [...self.items, ...items]
        self.items = limit(self) === Infinity ? all : all.slice(Math.max(0, all.length - limit(self)))
        return null
      }),
    ),
    rotate: native('rotate', 'self, n=1', ([self, n], rt) => {
      const { items } = self
      rt.charge(1 + (items.length >> 3))
      rt.alloc(items.length * 8)
      if (items.length) {
        const by = ((Number(n) % items.length) + items.length) % items.length
        self.items = [...items.slice(items.length - by), ...items.slice(0, items.length - by)]
      }
      return null
    }),
  },
})

/** A tuple class with named fields. */
export function namedTupleClass(name: string, fields: string[], defaults: Value[]): PyClass {
  for (const field of fields)
    if (!/^[A-Za-z]\w*$/.test(field) || KEYWORDS.has(field))
      raise('ValueError', `Type names and field names must be valid identifiers: '${field}'`)
  const cls = makeClass(name, [types.tuple], new Map())
  const make = (made: PyClass, args: Value[], kwargs: Kwargs | null): PyTuple => {
    if (args.length > fields.length)
      raise('TypeError', `${name}.__new__() takes ${fields.length + 1} positional arguments but ${args.length + 1} were given`)
    const items = fields.map((field, i) => {
      const value = args[i] ?? (i < args.length ? null : kwargs?.get(field))
      if (value !== undefined) return value
      const at = i - (fields.length - defaults.length)
      return at >= 0 ? defaults[at]! : raise('TypeError', `${name}.__new__() missing 1 required positional argument: '${field}'`)
    })
    for (const key of kwargs?.keys() ?? [])
      if (!fields.includes(key)) raise('TypeError', `${name}.__new__() got an unexpected keyword argument '${key}'`)
    return new PyTuple(items, made)
  }
  fields.forEach((field, i) => cls.dict.set(field, new PyProperty(new NativeFunction(field, ([self]) => (self as PyTuple).items[i]!))))
  cls.dict.set('_fields', new PyTuple(fields))
  cls.dict.set('__match_args__', new PyTuple(fields))
  cls.dict.set(
    '_asdict',
    native('_asdict', 'self', ([self]) => dictOf(fields.map((field, i) => [field, self.items[i]]))),
  )
  cls.dict.set(
    '_replace',
    nativeRaw('_replace', ([self], kwargs) =>
      make(
        (self as PyTuple).cls,
        [],
        new Map([...fields.map((field, i): [string, Value] => [field, (self as PyTuple).items[i]!]), ...(kwargs ?? [])]),
      ),
    ),
  )
  cls.dict.set(
    '_make',
    new PyClassMethod(
      native('_make', 'cls, iterable', ([made, iterable], rt) => bind(rt.collect(iterable), (items: Value[]) => make(made, items, null))),
    ),
  )
  cls.dict.set(
    '__repr__',
    native(
      '__repr__',
      'self',
      ([self], rt) => `${self.cls.name}(${fields.map((field, i) => `${field}=${rt.repr(self.items[i])}`).join(', ')})`,
    ),
  )
  for (const value of cls.dict.values()) {
    if (value instanceof NativeFunction) own(cls, value)
    else if (value instanceof PyProperty) own(cls, value.get as NativeFunction)
  }
  cls.construct = (made, args, kwargs) => make(made, args, kwargs)
  cls.frozen = true
  return cls
}

export const collections: PyModule = defineModule('collections', {
  Counter,
  defaultdict,
  OrderedDict,
  deque,
  namedtuple: native(
    'namedtuple',
    'typename, field_names, *, rename=False, defaults=None, module=None',
    function* ([name, given, , defaults], rt) {
      if (typeof given === 'string' && given.length > 10_000) raise('ValueError', 'too many fields')
      const fields: Value[] = typeof given === 'string' ? given.replaceAll(',', ' ').split(/\s+/).filter(Boolean) : yield rt.collect(given)
      rt.charge(20 * fields.length)
      if (fields.length > 1000) raise('ValueError', 'too many fields')
      return namedTupleClass(name, fields.map(String), defaults === null ? [] : yield rt.collect(defaults))
    },
  ),
})
