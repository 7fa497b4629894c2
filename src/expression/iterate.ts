/** Iteration: iterators over every iterable, and loops over them that can pause. */
import { call } from './call.ts'
import { LimitExceeded, exceptions, raise } from './errors.ts'
import { MAX_OBJECT } from './limits.ts'
import { Pending, bind } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import {
  DONE,
  HostObject,
  NativeIterator,
  PyBytes,
  PyClass,
  PyDict,
  PyException,
  PyInstance,
  PyIterator,
  PyList,
  PyObject,
  PyRange,
  PySet,
  PyTuple,
  types,
  typeOf,
} from './values.ts'
import type { DictEntry, Done, Result, Value } from './values.ts'

type Rt = EvaluationRuntime

/** Walks an array that may grow meanwhile. */
export class ArrayIterator extends PyIterator {
  private items: readonly Value[]
  private at = 0
  constructor(items: readonly Value[]) {
    super()
    this.items = items
  }
  next(rt: Rt): Value | Done {
    rt.charge(1)
    return this.at < this.items.length ? this.items[this.at++]! : DONE
  }
}

/** Walks a dict or set; a change of its size meanwhile is a RuntimeError. */
class TableIterator<T> extends PyIterator {
  private readonly table: Map<unknown, T>
  private readonly source: Iterator<T>
  private readonly pick: (entry: T) => Value
  private readonly size: number
  private readonly what: string
  constructor(table: Map<unknown, T>, pick: (entry: T) => Value, what: string) {
    super()
    this.table = table
    this.source = table.values()
    this.pick = pick
    this.size = table.size
    this.what = what
  }
  next(rt: Rt): Value | Done {
    rt.charge(1)
    if (this.table.size !== this.size) raise('RuntimeError', `${this.what} changed size during iteration`)
    const step = this.source.next()
    return step.done ? DONE : this.pick(step.value)
  }
}

class RangeIterator extends PyIterator {
  private readonly range: PyRange
  private at = 0
  constructor(range: PyRange) {
    super()
    this.range = range
  }
  next(rt: Rt): Value | Done {
    rt.charge(1)
    return this.at < this.range.length ? this.range.start + this.range.step * this.at++ : DONE
  }
}

/** A call that gives the next item, or ends the iteration by raising `end`. */
function stepUntil(end: string, step: () => Result): Value | Done | Pending {
  const stop = (error: unknown): Done => {
    if (error instanceof PyException && error.cls.isSubclass(exceptions.get(end)!)) return DONE
    throw error
  }
  try {
    const result = step()
    return result instanceof Pending ? result.then(value => value, stop) : result
  } catch (error) {
    return stop(error)
  }
}

/** An object with `__next__`. */
class MethodIterator extends PyIterator {
  private readonly object: Value
  private readonly method: Value
  constructor(object: Value, method: Value) {
    super()
    this.object = object
    this.method = method
  }
  next(rt: Rt): Value | Done | Pending {
    return stepUntil('StopIteration', () => call(this.method, [this.object], null, rt))
  }
}

/** An object with `__getitem__` only: indices from 0 until IndexError. */
class IndexIterator extends PyIterator {
  private readonly object: Value
  private readonly method: Value
  private at = 0
  constructor(object: Value, method: Value) {
    super()
    this.object = object
    this.method = method
  }
  next(rt: Rt): Value | Done | Pending {
    return stepUntil('IndexError', () => call(this.method, [this.object, this.at++], null, rt))
  }
}

/** `d.keys()`, `d.values()`, `d.items()`: live. */
export class DictView extends PyObject {
  readonly dict: PyDict
  constructor(dict: PyDict, cls: PyClass) {
    super(cls)
    this.dict = dict
  }
}

const pickKey = (entry: DictEntry) => entry.key
const pickValue = (entry: DictEntry) => entry.value
const pickItem = (entry: DictEntry) => new PyTuple([entry.key, entry.value])

export const viewPick = (view: DictView) => (view.cls === types.dict_keys ? pickKey : view.cls === types.dict_values ? pickValue : pickItem)

export function getIterator(value: Value, rt: Rt): PyIterator | Pending {
  if (typeof value === 'string') return new NativeIterator(value[Symbol.iterator]())
  if (typeof value === 'object' && value !== null) {
    if (value instanceof PyIterator) return value
    if (value instanceof HostObject) {
      if (value.iterate) return value.iterate(rt)
    } else if (!value.cls.plain || value instanceof PyClass) {
      const iter = special(value, '__iter__')
      if (iter !== undefined && iter !== null) return bind(call(iter, [value], null, rt), (result: Value) => asIterator(result))
      const item = special(value, '__getitem__')
      if (item !== undefined && value instanceof PyInstance) return new IndexIterator(value, item)
    }
    if (value instanceof PyList) return new ArrayIterator(value.items)
    if (value instanceof PyTuple) return new ArrayIterator(value.items)
    if (value instanceof PyDict) return new TableIterator(value.entries, pickKey, 'dictionary')
    if (value instanceof DictView) return new TableIterator(value.dict.entries, viewPick(value), 'dictionary')
    if (value instanceof PySet) return new TableIterator(value.items, item => item, 'Set')
    if (value instanceof PyRange) return new RangeIterator(value)
    if (value instanceof PyBytes) return new NativeIterator(value.data.values())
    if (value instanceof PyInstance && value.payload !== undefined) return getIterator(value.payload, rt)
  }
  return raise('TypeError', `'${typeOf(value).name}' object is not iterable`)
}

function asIterator(value: Value): PyIterator {
  if (value instanceof PyIterator) return value
  const next = special(value, '__next__')
  if (next === undefined) raise('TypeError', `iter() returned non-iterator of type '${typeOf(value).name}'`)
  return new MethodIterator(value, next)
}

/** An iterator for `next()`: the value must be one already. */
export function iteratorOf(value: Value): PyIterator {
  if (value instanceof PyIterator) return value
  const next = special(value, '__next__')
  if (next === undefined) raise('TypeError', `'${typeOf(value).name}' object is not an iterator`)
  return new MethodIterator(value, next)
}

/** Runs `each` over what an iterator gives until DONE or until `each` answers false. */
export function drain(iterator: PyIterator, each: (item: Value) => Pending | false | void | undefined, rt: Rt): undefined | Pending {
  const loop = (): undefined | Pending => {
    for (;;) {
      if (rt.tickDue) return rt.tick().then(loop)
      const item = iterator.next(rt)
      if (item instanceof Pending) return item.then(value => (value === DONE ? undefined : after(each(value))))
      if (item === DONE) return undefined
      const result = each(item)
      if (result instanceof Pending) return result.then(answer => (answer === false ? undefined : loop()))
      if (result === false) return undefined
    }
  }
  const after = (result: Pending | false | void | undefined): undefined | Pending => {
    if (result === false) return undefined
    if (result instanceof Pending) return result.then(answer => (answer === false ? undefined : loop()))
    return loop()
  }
  return loop()
}

export function forEach(value: Value, each: (item: Value) => Pending | false | void, rt: Rt): undefined | Pending {
  const iterator = getIterator(value, rt)
  return iterator instanceof Pending ? iterator.then(found => drain(found, each, rt)) : drain(iterator, each, rt)
}

/** All items, in a fresh array. */
export function collect(value: Value, rt: Rt): Value[] | Pending {
  if ((value instanceof PyList || value instanceof PyTuple) && value.cls.plain) {
    rt.charge(1 + (value.items.length >> 4))
    rt.alloc(value.items.length * 8)
    return value.items.slice()
  }
  const items: Value[] = []
  const add = (item: Value) => {
    if (items.length * 8 > MAX_OBJECT) throw new LimitExceeded('memory', `a list of more than ${MAX_OBJECT / 8} items`)
    rt.alloc(8)
    items.push(item)
  }
  const done = forEach(value, add, rt)
  return done instanceof Pending ? done.then(() => items) : items
}
