/** The built-in functions that make iterators or step them. */
import { raise } from '../errors.ts'
import { DictView, iteratorOf } from '../iterate.ts'
import { native, nativeRaw } from '../module.ts'
import { Pending, bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { special } from '../special.ts'
import { indexOf } from '../subscript.ts'
import { truth } from '../truth.ts'
import { DONE, NativeIterator, PyBytes, PyDict, PyIterator, PyList, PyRange, PyTuple, typeOf } from '../values.ts'
import type { Done, Kwargs, Result, Value } from '../values.ts'
import { reversedDict } from './mappings.ts'

type Rt = EvaluationRuntime
type Next = Value | Done | Pending

/** An iterator whose `next` is a function. */
class FunctionIterator extends PyIterator {
  private readonly step: (rt: Rt) => Next
  constructor(step: (rt: Rt) => Next) {
    super()
    this.step = step
  }
  next(rt: Rt): Next {
    rt.charge(1)
    return this.step(rt)
  }
}

/** One item from each iterator, DONE when the first one ends. */
function row(iterators: PyIterator[], rt: Rt, out: Value[] = [], i = 0): Value[] | Done | Pending {
  for (; i < iterators.length; i++) {
    const item = iterators[i]!.next(rt)
    if (item instanceof Pending) {
      return item.then(value => {
        if (value === DONE) return DONE
        out.push(value)
        return row(iterators, rt, out, i + 1)
      })
    }
    if (item === DONE) return DONE
    out.push(item)
  }
  return out
}

const iterators = (values: readonly Value[], rt: Rt): PyIterator[] | Pending => {
  const out: PyIterator[] = []
  const run = (i: number): PyIterator[] | Pending => {
    for (; i < values.length; i++) {
      const found = rt.iterator(values[i]!)
      if (found instanceof Pending) {
        return found.then(iterator => {
          out.push(iterator)
          return run(i + 1)
        })
      }
      out.push(found)
    }
    return out
  }
  return run(0)
}

const reverse = (value: Value, rt: Rt): Result => {
  const method = special(value, '__reversed__')
  if (method !== undefined) return rt.call(method, [value])
  if (value instanceof PyDict || value instanceof DictView) return reversedDict(value, rt)
  if (
    value instanceof PyList ||
    value instanceof PyTuple ||
    value instanceof PyRange ||
    value instanceof PyBytes ||
    typeof value === 'string'
  )
    return bind(rt.collect(value), (items: Value[]) => new NativeIterator(items.reverse().values()))
  return raise('TypeError', `'${typeOf(value).name}' object is not reversible`)
}

/** Makes a class whose objects are lazy iterators: `map(…)`, `filter(…)`. */
const lazy = (name: string, make: (args: Value[], kwargs: Kwargs | null, rt: Rt) => Result) =>
  nativeRaw(name, (args, kwargs, rt) => make(args, kwargs, rt))

export const iteration: Record<string, Value> = {
  reversed: native('reversed', 'sequence, /', ([value], rt) => reverse(value, rt)),
  enumerate: native('enumerate', 'iterable, start=0', ([iterable, start], rt) =>
    bind(rt.iterator(iterable), (iterator: PyIterator) => {
      let index: number = indexOf(start, rt) ?? 0
      const pair = (item: Value | Done): Value | Done => (item === DONE ? DONE : new PyTuple([index++, item]))
      return new FunctionIterator(r => bind(iterator.next(r), pair))
    }),
  ),
  zip: lazy('zip', (args, kwargs, rt) =>
    bind(iterators(args, rt), (all: PyIterator[]) => {
      const strict = kwargs?.get('strict') === true
      return new FunctionIterator(r => {
        if (!all.length) return DONE
        return bind(row(all, r), (items: Value[] | Done) => {
          if (items !== DONE) return new PyTuple(items)
          if (strict)
            for (const [i, other] of all.entries())
              if (i > 0 && other.next(r) !== DONE) raise('ValueError', `zip() argument ${i + 1} is longer than argument 1`)
          return DONE
        })
      })
    }),
  ),
  map: lazy('map', ([fn, ...rest], _, rt) =>
    bind(iterators(rest, rt), (all: PyIterator[]) => {
      if (!all.length) raise('TypeError', 'map() must have at least two arguments.')
      return new FunctionIterator(r => bind(row(all, r), (items: Value[] | Done) => (items === DONE ? DONE : r.call(fn!, items))))
    }),
  ),
  filter: native('filter', 'function, iterable, /', ([fn, iterable], rt) =>
    bind(rt.iterator(iterable), (iterator: PyIterator) => {
      const step = (r: Rt): Next => {
        for (;;) {
          if (r.tickDue) return r.tick().then(() => step(r))
          const item = iterator.next(r)
          if (item instanceof Pending) return item.then(value => (value === DONE ? DONE : decide(r, value)))
          if (item === DONE) return DONE
          const yes = test(r, item)
          if (yes instanceof Pending) return yes.then(answer => (answer ? item : step(r)))
          if (yes) return item
        }
      }
      const test = (r: Rt, item: Value): boolean | Pending =>
        fn === null ? truth(item, r) : bind(r.call(fn, [item]), (value: Value) => truth(value, r))
      const decide = (r: Rt, item: Value): Next => bind(test(r, item), (yes: boolean) => (yes ? item : step(r)))
      return new FunctionIterator(step)
    }),
  ),
  iter: native('iter', 'object, sentinel?, /', ([object, sentinel], rt) => {
    if (sentinel === undefined) return rt.iterator(object)
    return new FunctionIterator(r => bind(r.call(object, []), (value: Value) => (r.equals(value, sentinel) ? DONE : value)))
  }),
  next: native('next', 'iterator, default?, /', ([iterator, fallback], rt) => {
    const source = iteratorOf(iterator)
    const last = (item: Value | Done): Value => {
      if (item !== DONE) return item
      if (fallback !== undefined) return fallback
      const returned = 'returned' in source ? (source.returned as Value) : null
      return raise('StopIteration', ...(returned === null ? [] : [returned]))
    }
    return bind(source.next(rt), last)
  }),
}
