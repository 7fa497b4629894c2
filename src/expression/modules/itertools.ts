/** itertools. */
import { indexOf } from '../subscript.ts'
import { binary } from '../operators.ts'
import { raise } from '../errors.ts'
import { ArrayIterator } from '../iterate.ts'
import { defineModule, native, nativeClass, nativeRaw, type Argument, type Steps } from '../module.ts'
import { DONE, NativeIterator, PyTuple, type PyModule, type Kwargs, type Value } from '../values.ts'
import { emit, iteratorFrom } from './iterators.ts'
import type { EvaluationRuntime } from '../runtime.ts'

/** Awaits each step of an iterator: `while ((item = yield it.next(rt)) !== DONE)`. */
function* chained(sources: Value[], rt: EvaluationRuntime): Steps<void> {
  for (const source of sources) {
    const it = yield rt.iterator(source)
    for (let item = yield it.next(rt); item !== DONE; item = yield it.next(rt)) yield emit(item)
  }
}

const number = (value: Value, rt: EvaluationRuntime): number => indexOf(value, rt) ?? raise('TypeError', 'an integer is required')

/** A function of the module whose result is an iterator made by a generator. */
const lazy = (name: string, signature: string, body: (args: Argument[], rt: EvaluationRuntime) => Steps<void>) =>
  native(name, signature, (args, rt) => iteratorFrom(body(args, rt)))

const chain = nativeClass({
  name: 'chain',
  module: 'itertools',
  construct: (_, args, __, rt) => iteratorFrom(chained(args, rt)),
  staticMethods: {
    from_iterable: native('from_iterable', 'iterable', ([iterable], rt) =>
      iteratorFrom(
        (function* () {
          const outer = yield rt.iterator(iterable)
          for (let source = yield outer.next(rt); source !== DONE; source = yield outer.next(rt)) yield* chained([source], rt)
        })(),
      ),
    ),
  },
})

/** Choices of `size` of `n` indices, in order. */
function* choose(
  n: number,
  size: number,
  kind: 'permutations' | 'combinations' | 'replacement',
  rt: EvaluationRuntime,
  start = 0,
  picked: number[] = [],
): Generator<number[]> {
  // Ways that lead to no choice cost too.
  rt.charge(1 + picked.length)
  if (picked.length === size) {
    yield picked
    return
  }
  for (let i = kind === 'permutations' ? 0 : start; i < n; i++) {
    if (kind === 'permutations' && picked.includes(i)) continue
    if (kind === 'combinations' && n - i < size - picked.length) break
    yield* choose(n, size, kind, rt, kind === 'replacement' ? i : i + 1, [...picked, i])
  }
}

const choices = (name: string, kind: 'permutations' | 'combinations' | 'replacement') =>
  lazy(name, 'iterable, r=None', function* ([iterable, r], rt) {
    const items = yield rt.collect(iterable)
    const size = r === null ? items.length : number(r, rt)
    if (size > 200) raise('ValueError', 'r is too large')
    if (size > items.length && kind !== 'replacement') return
    for (const picked of choose(items.length, size, kind, rt)) {
      rt.charge(1 + picked.length)
      rt.alloc(24 + picked.length * 8)
      yield emit(new PyTuple(picked.map(i => items[i])))
    }
  })

function* product(pools: Value[][], rt: EvaluationRuntime, picked: Value[] = []): Generator<Value[]> {
  rt.charge(1 + picked.length)
  if (picked.length === pools.length) {
    yield picked
    return
  }
  for (const item of pools[picked.length]!) yield* product(pools, rt, [...picked, item])
}

export const itertools: PyModule = defineModule('itertools', {
  chain,
  islice: lazy('islice', 'iterable, a, b?, step=1', function* ([iterable, a, b, step], rt) {
    const [start, stop] = b === undefined ? [0, a] : [a === null ? 0 : number(a, rt), b]
    const end = stop === null ? Infinity : number(stop, rt)
    const every = step === null ? 1 : number(step, rt)
    const it = yield rt.iterator(iterable)
    for (let i = 0; i < end; i++) {
      const item = yield it.next(rt)
      if (item === DONE) return
      if (i >= start && (i - start) % every === 0) yield emit(item)
    }
  }),
  count: lazy('count', 'start=0, step=1', function* ([start, step], rt) {
    for (let value = start; ; value = yield binary('+', value, step, rt)) yield emit(value)
  }),
  cycle: lazy('cycle', 'iterable', function* ([iterable], rt) {
    const items = yield rt.collect(iterable)
    while (items.length) for (const item of items) yield emit(item)
  }),
  repeat: lazy('repeat', 'object, times=None', function* ([object, times], rt) {
    const n = times === null ? Infinity : number(times, rt)
    for (let i = 0; i < n; i++) yield emit(object)
  }),
  product: nativeRaw('product', (args, kwargs: Kwargs | null, rt: EvaluationRuntime) =>
    iteratorFrom(
      (function* (): Steps<void> {
        const pools: Value[][] = []
        for (let n = number(kwargs?.get('repeat') ?? 1, rt); n > 0; n--) {
          for (const arg of args) pools.push(yield rt.collect(arg))
          if (pools.length > 200) raise('ValueError', 'repeat is too large')
        }
        // An empty pool leaves nothing to choose.
        if (pools.some(pool => !pool.length)) return
        for (const picked of product(pools, rt)) {
          rt.charge(1 + picked.length)
          rt.alloc(24 + picked.length * 8)
          yield emit(new PyTuple(picked))
        }
      })(),
    ),
  ),
  permutations: choices('permutations', 'permutations'),
  combinations: choices('combinations', 'combinations'),
  combinations_with_replacement: choices('combinations_with_replacement', 'replacement'),
  takewhile: lazy('takewhile', 'predicate, iterable', function* ([test, iterable], rt) {
    const it = yield rt.iterator(iterable)
    for (let item = yield it.next(rt); item !== DONE; item = yield it.next(rt)) {
      if (!(yield rt.truth(yield rt.call(test, [item])))) return
      yield emit(item)
    }
  }),
  dropwhile: lazy('dropwhile', 'predicate, iterable', function* ([test, iterable], rt) {
    const it = yield rt.iterator(iterable)
    let dropping = true
    for (let item = yield it.next(rt); item !== DONE; item = yield it.next(rt)) {
      dropping &&= yield rt.truth(yield rt.call(test, [item]))
      if (!dropping) yield emit(item)
    }
  }),
  filterfalse: lazy('filterfalse', 'predicate, iterable', function* ([test, iterable], rt) {
    const it = yield rt.iterator(iterable)
    for (let item = yield it.next(rt); item !== DONE; item = yield it.next(rt)) {
      if (!(yield rt.truth(test === null ? item : yield rt.call(test, [item])))) yield emit(item)
    }
  }),
  accumulate: lazy('accumulate', 'iterable, func=None, *, initial=None', function* ([iterable, fn, initial], rt) {
    const it = yield rt.iterator(iterable)
    let total = initial === null ? yield it.next(rt) : initial
    if (total === DONE) return
    yield emit(total)
    for (let item = yield it.next(rt); item !== DONE; item = yield it.next(rt)) {
      total = fn === null ? yield binary('+', total, item, rt) : yield rt.call(fn, [total, item])
      yield emit(total)
    }
  }),
  starmap: lazy('starmap', 'function, iterable', function* ([fn, iterable], rt) {
    const it = yield rt.iterator(iterable)
    for (let item = yield it.next(rt); item !== DONE; item = yield it.next(rt)) yield emit(yield rt.call(fn, yield rt.collect(item)))
  }),
  pairwise: lazy('pairwise', 'iterable', function* ([iterable], rt) {
    const it = yield rt.iterator(iterable)
    let before = yield it.next(rt)
    for (let item = before === DONE ? DONE : yield it.next(rt); item !== DONE; item = yield it.next(rt)) {
      yield emit(new PyTuple([before, item]))
      before = item
    }
  }),
  compress: lazy('compress', 'data, selectors', function* ([data, selectors], rt) {
    const items = yield rt.collect(data)
    const picks = yield rt.collect(selectors)
    for (let i = 0; i < Math.min(items.length, picks.length); i++) if (yield rt.truth(picks[i])) yield emit(items[i])
  }),
  batched: lazy('batched', 'iterable, n', function* ([iterable, n], rt) {
    const size = number(n, rt)
    if (size < 1) raise('ValueError', 'n must be at least one')
    const items = yield rt.collect(iterable)
    for (let i = 0; i < items.length; i += size) {
      rt.charge(1 + (Math.min(size, items.length - i) >> 3))
      rt.alloc(24 + 8 * Math.min(size, items.length - i))
      yield emit(new PyTuple(items.slice(i, i + size)))
    }
  }),
  zip_longest: nativeRaw('zip_longest', (args, kwargs, rt) =>
    iteratorFrom(
      (function* (): Steps<void> {
        const fill = kwargs?.get('fillvalue') ?? null
        const all: Value[][] = []
        for (const arg of args) all.push(yield rt.collect(arg))
        const longest = all.reduce((most, items) => Math.max(most, items.length), 0)
        for (let i = 0; i < longest; i++) {
          rt.charge(all.length)
          rt.alloc(24 + all.length * 8)
          yield emit(new PyTuple(all.map(items => (i < items.length ? items[i]! : fill))))
        }
      })(),
    ),
  ),
  tee: native('tee', 'iterable, n=2', function* ([iterable, n], rt) {
    const items = yield rt.collect(iterable)
    return new PyTuple(Array.from({ length: Math.min(100, Number(n)) }, () => new ArrayIterator(items)))
  }),
  groupby: lazy('groupby', 'iterable, key=None', function* ([iterable, key], rt) {
    const items = yield rt.collect(iterable)
    for (let i = 0; i < items.length;) {
      const first: Value = key === null ? items[i] : yield rt.call(key, [items[i]])
      const group: Value[] = [items[i++]]
      while (i < items.length) {
        const k: Value = key === null ? items[i] : yield rt.call(key, [items[i]])
        if (!rt.equals(k, first)) break
        group.push(items[i++])
        rt.charge(1)
      }
      yield emit(new PyTuple([first, new NativeIterator(group.values())]))
    }
  }),
})
