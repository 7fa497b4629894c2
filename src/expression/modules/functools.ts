/** functools, operator, contextlib, copy. */
import { compare, contains } from '../compare.ts'
import { raise } from '../errors.ts'
import { PyFunction, PyGenerator } from '../function.ts'
import { keyOf } from '../keys.ts'
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import { binary, unary } from '../operators.ts'
import { Pending, bind } from '../pending.ts'
import { special } from '../special.ts'
import { deleteItem, getItem, setItem } from '../subscript.ts'
import type { BinaryOperator, CompareOperator } from '../syntax/ast.ts'
import { DONE, NativeFunction, PyClass, PyDict, PyException, PyInstance, PyList, PyProperty, PySet, PyTuple } from '../values.ts'
import type { Done, PyModule, PyObject, Result, Value } from '../values.ts'
import { isInstance } from '../builtins/functions.ts'
import type { EvaluationRuntime } from '../runtime.ts'

const nameOf = (fn: Value): string => (fn instanceof PyFunction || fn instanceof NativeFunction ? fn.name : 'wrapper')

/** Remembers results by arguments; the memory lives as long as the evaluation. */
function memoize(fn: Value): Value {
  const known = new Map<unknown, Value>()
  return nativeRaw(nameOf(fn), (args, kwargs, rt) => {
    const key = keyOf(new PyTuple([new PyTuple(args), ...[...(kwargs ?? [])].map(([name, value]) => new PyTuple([name, value]))]), rt)
    const found = known.get(key)
    if (found !== undefined) return found
    return bind(rt.call(fn, args, kwargs), (value: Value) => {
      rt.alloc(64)
      known.set(key, value)
      return value
    })
  })
}

class Comparable extends PyInstance {
  readonly value: Value
  constructor(cls: PyClass, value: Value) {
    super(cls, null)
    this.value = value
  }
}

const cmpToKey = native('cmp_to_key', 'mycmp', ([fn]) => {
  const cls = nativeClass({
    name: 'K',
    methods: {
      __lt__: native('__lt__', 'self, other', ([a, b], rt) =>
        bind(rt.call(fn, [a.value, b.value]), (order: Value) => compare('<', order, 0, rt)),
      ),
    },
  })
  return native('K', 'obj', ([value]) => new Comparable(cls, value))
})

const orders: Record<string, (a: Value, b: Value, rt: EvaluationRuntime) => Result> = {
  __le__: (a, b, rt) => bind(compare('<', b, a, rt), (more: Value) => unary('not', more, rt)),
  __gt__: (a, b, rt) => compare('<', b, a, rt),
  __ge__: (a, b, rt) => bind(compare('<', a, b, rt), (less: Value) => unary('not', less, rt)),
}

export const functools: PyModule = defineModule('functools', {
  reduce: native('reduce', 'function, iterable, initial?', function* ([fn, iterable, initial], rt) {
    const items = yield rt.collect(iterable)
    let i = 0
    let total = initial
    if (total === undefined) {
      if (!items.length) raise('TypeError', 'reduce() of empty iterable with no initial value')
      total = items[i++]
    }
    for (; i < items.length; i++) {
      rt.charge(1)
      total = yield rt.call(fn, [total, items[i]])
    }
    return total
  }),
  partial: nativeRaw('partial', ([fn, ...given], named) =>
    nativeRaw(`partial(${nameOf(fn!)})`, (args, kwargs, rt) =>
      rt.call(fn!, [...given, ...args], named || kwargs ? new Map([...(named ?? []), ...(kwargs ?? [])]) : null),
    ),
  ),
  wraps: native('wraps', 'wrapped, assigned=None, updated=None', ([wrapped]) =>
    native('decorator', 'fn', ([fn]) => {
      if (fn instanceof PyFunction) {
        fn.name = nameOf(wrapped)
        fn.attrs!.set('__wrapped__', wrapped)
      }
      return fn
    }),
  ),
  lru_cache: native('lru_cache', 'maxsize=128, typed=False', ([size]) =>
    size instanceof PyFunction ? memoize(size) : native('decorator', 'fn', ([fn]) => memoize(fn)),
  ),
  cache: native('cache', 'fn', ([fn]) => memoize(fn)),
  cached_property: native(
    'cached_property',
    'func',
    ([fn]) =>
      new PyProperty(
        nativeRaw(nameOf(fn), ([self], _, rt) => {
          const own = (self as PyObject).attrs
          const name = `cached ${nameOf(fn)}`
          const known = own?.get(name)
          if (known !== undefined) return known
          return bind(rt.call(fn, [self!]), (value: Value) => {
            own?.set(name, value)
            return value
          })
        }),
      ),
  ),
  total_ordering: native('total_ordering', 'cls', ([cls]) => {
    if (!(cls instanceof PyClass) || special({ cls } as unknown as Value, '__lt__') === undefined) {
      if (!(cls instanceof PyClass) || !['__le__', '__gt__', '__ge__', '__lt__'].some(name => cls.dict.has(name)))
        raise('ValueError', 'must define at least one ordering operation: < > <= >=')
    }
    for (const [name, decide] of Object.entries(orders))
      if (!cls.dict.has(name))
        cls.dict.set(
          name,
          native(name, 'self, other', ([a, b], rt) => decide(a, b, rt)),
        )
    return cls
  }),
  cmp_to_key: cmpToKey,
})

const infix = (name: string, op: BinaryOperator) => [name, native(name, 'a, b, /', ([a, b], rt) => binary(op, a, b, rt))] as const
const ordering = (name: string, op: CompareOperator) => [name, native(name, 'a, b, /', ([a, b], rt) => compare(op, a, b, rt))] as const
const many = (values: Value[]): Value => (values.length === 1 ? values[0]! : new PyTuple(values))

export const operator: PyModule = defineModule('operator', {
  ...Object.fromEntries([
    infix('add', '+'),
    infix('sub', '-'),
    infix('mul', '*'),
    infix('truediv', '/'),
    infix('floordiv', '//'),
    infix('mod', '%'),
    infix('pow', '**'),
    infix('and_', '&'),
    infix('or_', '|'),
    infix('xor', '^'),
    infix('concat', '+'),
    ordering('eq', '=='),
    ordering('ne', '!='),
    ordering('lt', '<'),
    ordering('le', '<='),
    ordering('gt', '>'),
    ordering('ge', '>='),
    ordering('is_', 'is'),
    ordering('is_not', 'is not'),
  ]),
  neg: native('neg', 'a, /', ([a], rt) => unary('-', a, rt)),
  not_: native('not_', 'a, /', ([a], rt) => unary('not', a, rt)),
  truth: native('truth', 'a, /', ([a], rt) => rt.truth(a)),
  contains: native('contains', 'a, b, /', ([a, b], rt) => contains(a, b, rt)),
  getitem: native('getitem', 'a, b, /', ([a, b], rt) => getItem(a, b, rt)),
  setitem: native('setitem', 'a, b, c, /', ([a, b, c], rt) => bind(setItem(a, b, c, rt), () => null)),
  delitem: native('delitem', 'a, b, /', ([a, b], rt) => bind(deleteItem(a, b, rt), () => null)),
  itemgetter: nativeRaw('itemgetter', keys =>
    native('itemgetter', 'obj', function* ([object], rt) {
      const out: Value[] = []
      for (const key of keys) out.push(yield getItem(object, key, rt))
      return many(out)
    }),
  ),
  attrgetter: nativeRaw('attrgetter', names =>
    native('attrgetter', 'obj', function* ([object], rt) {
      const out: Value[] = []
      for (const path of names) {
        let value = object
        rt.charge(String(path).length >> 2)
        for (const name of String(path).split('.')) value = yield rt.getAttribute(value, name)
        out.push(value)
      }
      return many(out)
    }),
  ),
  methodcaller: nativeRaw('methodcaller', ([name, ...args], kwargs) =>
    native('methodcaller', 'obj', function* ([object], rt) {
      return yield rt.call(yield rt.getAttribute(object, String(name)), args, kwargs)
    }),
  ),
})

class Manager extends PyInstance {
  readonly state: Value[]
  constructor(cls: PyClass, state: Value[]) {
    super(cls, null)
    this.state = state
  }
}

const suppress: PyClass = nativeClass({
  name: 'suppress',
  module: 'contextlib',
  construct: (cls, args) => new Manager(cls, args),
  methods: {
    __enter__: native('__enter__', 'self', () => null),
    __exit__: native(
      '__exit__',
      'self, type, value, traceback',
      ([self, , error], rt) => error !== null && self.state.some((cls: Value) => isInstance(error, cls, rt)),
    ),
  },
})
const nullContext: PyClass = nativeClass({
  name: 'nullcontext',
  module: 'contextlib',
  construct: (cls, args) => new Manager(cls, args),
  methods: {
    __enter__: native('__enter__', 'self', ([self]) => self.state[0] ?? null),
    __exit__: native('__exit__', 'self, type, value, traceback', () => null),
  },
})
const generatorManager: PyClass = nativeClass({
  name: '_GeneratorContextManager',
  module: 'contextlib',
  methods: {
    __enter__: native('__enter__', 'self', ([self], rt) =>
      bind((self.state[0] as PyGenerator).next(rt), (value: Value | Done) =>
        value === DONE ? raise('RuntimeError', "generator didn't yield") : value,
      ),
    ),
    __exit__: native('__exit__', 'self, type, value, traceback', ([self, , error], rt) => {
      const generator = self.state[0] as PyGenerator
      if (error === null)
        return bind(generator.next(rt), (value: Value | Done) => (value === DONE ? false : raise('RuntimeError', "generator didn't stop")))
      const same = (thrown: unknown): boolean => {
        if (thrown === error) return false
        throw thrown
      }
      try {
        const result = generator.resume(error as PyException, true, rt)
        const ended = (value: Value | Done) => (value === DONE ? true : raise('RuntimeError', "generator didn't stop after throw()"))
        return result instanceof Pending ? result.then(ended, same) : ended(result)
      } catch (thrown) {
        return same(thrown)
      }
    }),
  },
})

export const contextlib: PyModule = defineModule('contextlib', {
  suppress,
  nullcontext: nullContext,
  contextmanager: native('contextmanager', 'func', ([fn]) =>
    nativeRaw(nameOf(fn), (args, kwargs, rt) =>
      bind(rt.call(fn, args, kwargs), (generator: Value) =>
        generator instanceof PyGenerator
          ? new Manager(generatorManager, [generator])
          : raise('TypeError', 'contextmanager needs a generator function'),
      ),
    ),
  ),
})

/** A copy; a deep one copies what is inside, each object once. */
function copied(value: Value, rt: EvaluationRuntime, deep: boolean, memo: Map<PyObject, Value>): Value {
  if (typeof value !== 'object' || value === null) return value
  const known = memo.get(value)
  if (known !== undefined) return known
  rt.charge(1)
  rt.alloc(64)
  const inner = (item: Value) => (deep ? copied(item, rt, deep, memo) : item)
  if (value instanceof PyList) {
    const made = new PyList([], value.cls)
    memo.set(value, made)
    rt.charge(value.items.length >> 3)
    rt.alloc(value.items.length * 8)
    made.items = value.items.map(inner)
    return made
  }
  if (value instanceof PyTuple) {
    if (!deep) return value
    rt.charge(value.items.length >> 3)
    rt.alloc(value.items.length * 8)
    const made = new PyTuple(value.items.map(inner), value.cls)
    memo.set(value, made)
    return made
  }
  if (value instanceof PyDict) {
    const made = new PyDict(new Map(), value.cls)
    made.attrs = value.attrs
    memo.set(value, made)
    rt.charge(3 * value.entries.size)
    rt.alloc(value.entries.size * 64)
    for (const [key, entry] of value.entries) made.entries.set(key, { key: entry.key, value: inner(entry.value) })
    return made
  }
  if (value instanceof PySet) {
    rt.charge(value.items.size)
    rt.alloc(value.items.size * 48)
    return new PySet(new Map(value.items), value.cls)
  }
  const method = special(value, deep ? '__deepcopy__' : '__copy__')
  if (method !== undefined) return rt.callNow(method, deep ? [value, new PyDict()] : [value])
  // Objects of the expression's own classes; native and host objects do not change and are shared.
  if (value instanceof PyInstance && !(value instanceof PyException) && !value.cls.frozen && value.attrs && !value.cls.fact('members')) {
    const made = new PyInstance(value.cls)
    made.payload = value.payload
    memo.set(value, made)
    for (const [name, item] of value.attrs) made.attrs!.set(name, inner(item))
    return made
  }
  return value
}

export const copy: PyModule = defineModule('copy', {
  copy: native('copy', 'x', ([value], rt) => copied(value, rt, false, new Map())),
  deepcopy: native('deepcopy', 'x, memo=None', ([value], rt) => copied(value, rt, true, new Map())),
})
