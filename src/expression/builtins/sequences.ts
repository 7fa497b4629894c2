/** Methods of list, tuple and range. */
import { equals } from '../compare.ts'
import { raise } from '../errors.ts'
import { grow } from '../operators.ts'
import { Pending, bind } from '../pending.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { indexOf } from '../subscript.ts'
import { PyList, PyRange, PyTuple, typeOf, types } from '../values.ts'
import type { Kwargs, Value, PyClass } from '../values.ts'
import { getter, intrinsics, methods } from './define.ts'

type Rt = EvaluationRuntime
const { list, tuple, range } = types

/**
 * Sorts stably, by `key` when given. The order is Python's `<`.
 * Answers a fresh array.
 */
export function sorted(items: Value[], key: Value, reverse: boolean, rt: Rt): Value[] | Pending {
  const keys: Value[] = []
  // Merging from below, so that it can pause between comparisons. A stable sort in reverse order keeps equal items in their order:
  // the later of two goes first only when it is greater.
  const byKeys = (): Value[] | Pending => {
    const n = items.length
    rt.charge(n >> 2)
    rt.alloc(n * 24)
    const before = (i: number, j: number): boolean => (reverse ? rt.less(keys[i]!, keys[j]!) : rt.less(keys[j]!, keys[i]!))
    let from = items.map((_, i) => i)
    let to = new Array<number>(n)
    let width = 1
    let start = 0
    let [left, right, out] = [0, 1, 0]
    const merge = (): Value[] | Pending => {
      while (width < n) {
        while (start < n) {
          const middle = Math.min(start + width, n)
          const end = Math.min(start + 2 * width, n)
          while (out < end) {
            if (rt.tickDue) return rt.tick().then(merge)
            let second = left >= middle
            if (!second && right < end) {
              rt.charge(1)
              second = before(from[left]!, from[right]!)
            }
            to[out++] = second ? from[right++]! : from[left++]!
          }
          start = left = end
          right = Math.min(end + width, n)
        }
        ;[from, to] = [to, from]
        width *= 2
        start = left = out = 0
        right = width
      }
      return from.map(i => items[i]!)
    }
    return merge()
  }
  if (key === null) {
    for (const item of items) keys.push(item)
    return byKeys()
  }
  const run = (i: number): Value[] | Pending => {
    for (; i < items.length; i++) {
      if (rt.tickDue) return rt.tick().then(() => run(i))
      const k = rt.call(key, [items[i]!])
      if (k instanceof Pending) {
        return k.then(value => {
          keys.push(value)
          return run(i + 1)
        })
      }
      keys.push(k)
    }
    return byKeys()
  }
  return run(0)
}

function position(items: readonly Value[], value: Value, start: Value, stop: Value, what: string, rt: Rt): number {
  const clamp = (at: Value, fallback: number) => {
    if (at === null) return fallback
    const index = indexOf(at, rt) ?? fallback
    return index < 0 ? Math.max(0, index + items.length) : Math.min(index, items.length)
  }
  for (let i = clamp(start, 0); i < clamp(stop, items.length); i++) {
    rt.charge(1)
    if (equals(items[i]!, value, rt)) return i
  }
  return raise('ValueError', what === 'list' ? `${rt.repr(value)} is not in list` : 'tuple.index(x): x not in tuple')
}

function count(items: readonly Value[], value: Value, rt: Rt): number {
  rt.charge(2 * items.length)
  return items.filter(item => equals(item, value, rt)).length
}

methods(list, {
  'append(object, /)': ([self, item], rt) => {
    grow(self.items.length + 1, 1, rt)
    self.items.push(item)
    return null
  },
  'extend(iterable, /)': ([self, iterable], rt) =>
    bind(rt.collect(iterable), (items: Value[]) => {
      grow(self.items.length + items.length, items.length, rt)
      for (const item of items) self.items.push(item)
      return null
    }),
  'insert(index, object, /)': ([self, index, item], rt) => {
    const at = indexOf(index, rt) ?? raise('TypeError', `'${typeOf(index).name}' object cannot be interpreted as an integer`)
    rt.charge(1 + (self.items.length >> 6))
    grow(self.items.length + 1, 1, rt)
    self.items.splice(at < 0 ? Math.max(0, at + self.items.length) : at, 0, item)
    return null
  },
  'remove(value, /)': ([self, value], rt) => {
    for (let i = 0; i < self.items.length; i++) {
      rt.charge(1)
      if (equals(self.items[i], value, rt)) {
        self.items.splice(i, 1)
        return null
      }
    }
    return raise('ValueError', 'list.remove(x): x not in list')
  },
  'pop(index=-1, /)': ([self, index], rt) => {
    const { items } = self
    if (!items.length) raise('IndexError', 'pop from empty list')
    const at = indexOf(index, rt) ?? raise('TypeError', `'${typeOf(index).name}' object cannot be interpreted as an integer`)
    const from = at < 0 ? at + items.length : at
    if (from < 0 || from >= items.length) raise('IndexError', 'pop index out of range')
    if (from === items.length - 1) return items.pop()
    rt.charge(items.length >> 6)
    return items.splice(from, 1)[0]
  },
  'clear()': ([self]) => {
    self.items = []
    return null
  },
  'copy()': ([self], rt) => {
    rt.alloc(self.items.length * 8)
    rt.charge(self.items.length >> 4)
    return new PyList(self.items.slice())
  },
  'reverse()': ([self], rt) => {
    rt.charge(self.items.length >> 4)
    self.items.reverse()
    return null
  },
  'index(value, start=None, stop=None, /)': ([self, value, start, stop], rt) => position(self.items, value, start, stop, 'list', rt),
  'count(value, /)': ([self, value], rt) => count(self.items, value, rt),
  'sort(*, key=None, reverse=False)': ([self, key, reverse], rt) =>
    bind(rt.truth(reverse), (backwards: boolean) =>
      bind(sorted(self.items.slice(), key, backwards, rt), (items: Value[]) => {
        self.items = items
        return null
      }),
    ),
})

methods(tuple, {
  'index(value, start=None, stop=None, /)': ([self, value, start, stop], rt) => position(self.items, value, start, stop, 'tuple', rt),
  'count(value, /)': ([self, value], rt) => count(self.items, value, rt),
})

const only = (name: string, args: Value[], kwargs: Kwargs | null, most: number): void => {
  if (kwargs?.size) raise('TypeError', `${name}() takes no keyword arguments`)
  if (args.length > most) raise('TypeError', `${name} expected at most ${most} argument${most > 1 ? 's' : ''}, got ${args.length}`)
}

list.fresh = cls => new PyList([], cls)
list.construct = (cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  only(cls.name, args, kwargs, 1)
  return args.length ? bind(rt.collect(args[0]!), (items: Value[]) => new PyList(items, cls)) : new PyList([], cls)
}
tuple.construct = (cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  only(cls.name, args, kwargs, 1)
  if (args[0] instanceof PyTuple && cls === tuple && args[0].cls === tuple) return args[0]
  return args.length ? bind(rt.collect(args[0]!), (items: Value[]) => new PyTuple(items, cls)) : new PyTuple([], cls)
}
intrinsics(list, {
  __init__: (args, _, rt) =>
    args.length > 1
      ? bind(rt.collect(args[1]!), (items: Value[]) => {
          ;(args[0] as PyList).items = items
          return null
        })
      : null,
})

range.construct = (_: PyClass, args: Value[], kwargs: Kwargs | null, rt: Rt) => {
  only('range', args, kwargs, 3)
  if (!args.length) raise('TypeError', 'range expected at least 1 argument, got 0')
  const numbers = args.map(
    arg => indexOf(arg, rt) ?? raise('TypeError', `'${typeOf(arg).name}' object cannot be interpreted as an integer`),
  )
  const [start, stop, step] = numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1]
  if (step === 0) raise('ValueError', 'range() arg 3 must not be zero')
  return new PyRange(start, stop, step)
}
for (const part of ['start', 'stop', 'step'] as const) {
  getter(range, part, (self: PyRange) => self[part])
  getter(types.slice, part, self => self[part])
}
methods(range, {
  'index(value, /)': ([self, value]) => {
    const at = (Number(value) - self.start) / self.step
    return Number.isInteger(at) && at >= 0 && at < self.length ? at : raise('ValueError', `${Number(value)} is not in range`)
  },
  'count(value, /)': ([self, value], rt) =>
    Number.isInteger((Number(value) - self.start) / self.step) &&
    rt.equals(value, value) &&
    (Number(value) - self.start) / self.step < self.length
      ? 1
      : 0,
})
