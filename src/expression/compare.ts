/** Equality, order, membership and identity. */
import { call } from './call.ts'
import { raise } from './errors.ts'
import { DictView, forEach, viewPick } from './iterate.ts'
import { keyOf, latin1 } from './keys.ts'
import { sameInt } from './numbers.ts'
import { indexOfText } from './search.ts'
import { Pending, bind } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import type { CompareOperator } from './syntax/ast.ts'
import { truth } from './truth.ts'
import { hasSurrogates } from './unicode.ts'
import {
  BoundMethod,
  HostObject,
  NotImplemented,
  PyBytes,
  PyDict,
  PyFloat,
  PyInstance,
  PyList,
  PyRange,
  PySet,
  PySlice,
  PyTuple,
  typeOf,
  types,
} from './values.ts'
import type { Result, Value } from './values.ts'

type Rt = EvaluationRuntime

/** The number in an int, bool or float; undefined for others. */
export function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof PyFloat) return value.value
  if (value instanceof PyInstance && value.payload !== undefined) return numberOf(value.payload)
  return undefined
}

/** What a subclass of a built-in scalar holds; other values as they are. */
export const unwrap = (value: Value): Value => (value instanceof PyInstance && value.payload !== undefined ? value.payload : value)

/** `==` without pausing; identical objects are equal, as in containers. */
export function equals(a: Value, b: Value, rt: Rt): boolean {
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length !== b.length) return false
    rt.charge(a.length >> 6)
    return a === b
  }
  if (a === b) return true
  const own = special(a, '__eq__')
  if (own !== undefined) {
    const answer = rt.callNow(own, [a, b])
    if (answer !== NotImplemented) return rt.settle(truth(answer, rt))
  }
  const reflected = special(b, '__eq__')
  if (reflected !== undefined) {
    const answer = rt.callNow(reflected, [b, a])
    if (answer !== NotImplemented) return rt.settle(truth(answer, rt))
  }
  if (own !== undefined || reflected !== undefined) return false
  return builtinEquals(a, b, rt)
}

function builtinEquals(a: Value, b: Value, rt: Rt): boolean {
  a = unwrap(a)
  b = unwrap(b)
  const x = numberOf(a)
  if (x !== undefined) {
    const y = numberOf(b)
    if (typeof x === 'bigint' || typeof y === 'bigint') rt.charge(20)
    return y !== undefined && sameInt(x, y)
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  rt.charge(1)
  if (a instanceof PyList) return b instanceof PyList && sameItems(a.items, b.items, rt)
  if (a instanceof PyTuple) return b instanceof PyTuple && sameItems(a.items, b.items, rt)
  if (a instanceof PyDict) {
    if (!(b instanceof PyDict) || a.entries.size !== b.entries.size) return false
    rt.charge(a.entries.size)
    for (const [key, entry] of a.entries) {
      const other = b.entries.get(key)
      if (!other || !equals(entry.value, other.value, rt)) return false
    }
    return true
  }
  const left = setLike(a, rt)
  if (left) {
    const right = setLike(b, rt)
    return right !== undefined && left.size === right.size && isSubset(left, right, rt)
  }
  if (a instanceof PyBytes) {
    if (!(b instanceof PyBytes) || a.data.length !== b.data.length) return false
    rt.charge(a.data.length >> 7)
    return Buffer.compare(a.data, b.data) === 0
  }
  if (a instanceof PySlice) return b instanceof PySlice && sameItems([a.start, a.stop, a.step], [b.start, b.stop, b.step], rt)
  if (a instanceof HostObject) return b instanceof HostObject && keyOf(a, rt) === keyOf(b, rt)
  if (a instanceof PyRange || a instanceof PyInstance || a instanceof BoundMethod) return a.cls === b.cls && keyOf(a, rt) === keyOf(b, rt)
  return a === b
}

function sameItems(a: readonly Value[], b: readonly Value[], rt: Rt): boolean {
  if (a.length !== b.length) return false
  rt.charge(a.length >> 1)
  for (let i = 0; i < a.length; i++) if (!equals(a[i]!, b[i]!, rt)) return false
  return true
}

/** The keys of a set, frozenset or of a dict's keys or items view. */
export function setLike(value: Value, rt: Rt): Map<unknown, Value> | undefined {
  if (value instanceof PySet) return value.items
  if (value instanceof DictView) {
    if (value.cls === types.dict_keys) {
      rt.charge(2 * value.dict.entries.size)
      rt.alloc(32 * value.dict.entries.size)
      return new Map([...value.dict.entries].map(([key, entry]) => [key, entry.key]))
    }
    if (value.cls === types.dict_items) {
      const pick = viewPick(value)
      rt.charge(10 * value.dict.entries.size)
      rt.alloc(96 * value.dict.entries.size)
      return new Map([...value.dict.entries.values()].map(entry => [keyOf(pick(entry), rt), pick(entry)]))
    }
  }
  return undefined
}

export function isSubset(a: Map<unknown, unknown>, b: Map<unknown, unknown>, rt: Rt): boolean {
  rt.charge(a.size)
  for (const key of a.keys()) if (!b.has(key)) return false
  return true
}

/** Order of two texts by code point. JavaScript compares UTF-16 units, which differs only above U+FFFF. */
function compareText(a: string, b: string, rt: Rt): number {
  const n = Math.min(a.length, b.length)
  rt.charge(n >> 6)
  if (n > 64) {
    if (!hasSurrogates(a) && !hasSurrogates(b)) return a < b ? -1 : a > b ? 1 : 0
    rt.charge(n >> 3)
  }
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const surrogateX = x >= 0xd800 && x <= 0xdfff
    const surrogateY = y >= 0xd800 && y <= 0xdfff
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

const holds = (op: string, order: number) => (op === '<' ? order < 0 : op === '<=' ? order <= 0 : op === '>' ? order > 0 : order >= 0)
const methods: Record<string, [string, string]> = {
  '<': ['__lt__', '__gt__'],
  '<=': ['__le__', '__ge__'],
  '>': ['__gt__', '__lt__'],
  '>=': ['__ge__', '__le__'],
  '==': ['__eq__', '__eq__'],
  '!=': ['__ne__', '__ne__'],
}

/** `<`, `<=`, `>` or `>=` of built-in values; undefined when they have no order. */
function builtinOrder(op: string, a: Value, b: Value, rt: Rt): boolean | undefined {
  if (typeof a === 'number' && typeof b === 'number') return holds(op, a - b)
  a = unwrap(a)
  b = unwrap(b)
  if (typeof a === 'string') {
    if (typeof b !== 'string') return undefined
    return holds(op, compareText(a, b, rt))
  }
  const x = numberOf(a)
  if (x !== undefined) {
    const y = numberOf(b)
    if (y === undefined) return undefined
    if (typeof x === 'bigint' || typeof y === 'bigint') rt.charge(20)
    return op === '<' ? x < y : op === '<=' ? x <= y : op === '>' ? x > y : x >= y
  }
  if ((a instanceof PyList && b instanceof PyList) || (a instanceof PyTuple && b instanceof PyTuple)) {
    const n = Math.min(a.items.length, b.items.length)
    for (let i = 0; i < n; i++) {
      rt.charge(1)
      if (!equals(a.items[i]!, b.items[i]!, rt)) return order(op, a.items[i]!, b.items[i]!, rt)
    }
    return holds(op, a.items.length - b.items.length)
  }
  if (a instanceof PyBytes && b instanceof PyBytes) {
    rt.charge(Math.min(a.data.length, b.data.length) >> 7)
    return holds(op, Buffer.compare(a.data, b.data))
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return undefined
  const left = setLike(a, rt)
  const right = left && setLike(b, rt)
  if (!left || !right) return undefined
  if (op === '<') return left.size < right.size && isSubset(left, right, rt)
  if (op === '<=') return isSubset(left, right, rt)
  if (op === '>') return left.size > right.size && isSubset(right, left, rt)
  return isSubset(right, left, rt)
}

const unordered = (op: string, a: Value, b: Value): never =>
  raise('TypeError', `'${op}' not supported between instances of '${typeOf(a).name}' and '${typeOf(b).name}'`)

/** An order without pausing. */
function order(op: string, a: Value, b: Value, rt: Rt): boolean {
  return rt.settle(compareOrder(op, a, b, rt)) as boolean
}

export const less = (a: Value, b: Value, rt: Rt): boolean => order('<', a, b, rt)

function compareOrder(op: string, a: Value, b: Value, rt: Rt): Result {
  const [own, reflected] = methods[op]!
  const method = special(a, own)
  const other = special(b, reflected)
  if (method === undefined && other === undefined) return builtinOrder(op, a, b, rt) ?? unordered(op, a, b)
  const second = (): Result => {
    if (other === undefined) return builtinOrder(op, a, b, rt) ?? unordered(op, a, b)
    return bind(call(other, [b, a], null, rt), (answer: Value) => (answer === NotImplemented ? unordered(op, a, b) : answer))
  }
  if (method === undefined) return second()
  return bind(call(method, [a, b], null, rt), (answer: Value) => (answer === NotImplemented ? second() : answer))
}

function compareEqual(op: '==' | '!=', a: Value, b: Value, rt: Rt): Result {
  const negate = op === '!='
  if (a instanceof PyFloat || b instanceof PyFloat) {
    const x = numberOf(a)
    const y = numberOf(b)
    if (x !== undefined && y !== undefined) return sameInt(x, y) !== negate
  }
  const ownNot = negate ? special(a, '__ne__') : undefined
  if (ownNot !== undefined) return call(ownNot, [a, b], null, rt)
  const own = special(a, '__eq__')
  const other = special(b, '__eq__')
  if (own === undefined && other === undefined) return equals(a, b, rt) !== negate
  const answered = (answer: Value): Result => (negate ? bind(truth(answer, rt), (yes: boolean) => !yes) : answer)
  const second = (): Result => {
    if (other === undefined) return (a === b) !== negate
    return bind(call(other, [b, a], null, rt), (answer: Value) => (answer === NotImplemented ? (a === b) !== negate : answered(answer)))
  }
  if (own === undefined) return second()
  return bind(call(own, [a, b], null, rt), (answer: Value) => (answer === NotImplemented ? second() : answered(answer)))
}

/** Any comparison operator; usually a bool, but special methods may answer anything. */
export function compare(op: CompareOperator, a: Value, b: Value, rt: Rt): Result {
  switch (op) {
    case '==':
    case '!=':
      if (typeof a === 'string' && typeof b === 'string') {
        if (a.length === b.length) rt.charge(a.length >> 6)
        return (a === b) === (op === '==')
      }
      return compareEqual(op, a, b, rt)
    case 'is':
      return isSame(a, b)
    case 'is not':
      return !isSame(a, b)
    case 'in':
      return contains(b, a, rt)
    case 'not in':
      return bind(contains(b, a, rt), (yes: boolean) => !yes)
    default:
      return compareOrder(op, a, b, rt)
  }
}

/** `is`. Host objects are made anew at each look, so they are the same when they stand for the same row. */
export function isSame(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a instanceof HostObject && b instanceof HostObject)
    return a.hashKey !== undefined && b.hashKey !== undefined && a.hashKey() === b.hashKey()
  return a instanceof PyTuple && b instanceof PyTuple && a.items.length === 0 && b.items.length === 0
}

/** `value in container`. */
export function contains(container: Value, value: Value, rt: Rt): boolean | Pending {
  if (typeof container === 'string') return containsText(container, value, rt)
  if (typeof container === 'object' && container !== null) {
    if (container instanceof HostObject && container.contains) return container.contains(value, rt)
    const method = special(container, '__contains__')
    if (method !== undefined) return bind(call(method, [container, value], null, rt), (answer: Value) => truth(answer, rt))
    if (container instanceof PyDict) return container.entries.has(keyOf(value, rt))
    if (container instanceof PySet) return container.items.has(value instanceof PySet ? keyOf(frozen(value), rt) : keyOf(value, rt))
    if (container instanceof PyList || container instanceof PyTuple) {
      const { items } = container
      for (let i = 0; i < items.length; i++) {
        rt.charge(1)
        if (equals(items[i]!, value, rt)) return true
      }
      return false
    }
    if (container instanceof DictView && container.cls === types.dict_keys) return container.dict.entries.has(keyOf(value, rt))
    if (container instanceof PyRange) {
      const number = numberOf(value)
      if (typeof number === 'number') {
        const offset = number - container.start
        return offset % container.step === 0 && offset / container.step >= 0 && offset / container.step < container.length
      }
      return false
    }
    if (container instanceof PyBytes) {
      rt.charge(1 + (container.data.length >> 5))
      if (typeof value === 'number') return container.data.includes(value)
      if (value instanceof PyBytes) return containsText(latin1(container.data), latin1(value.data), rt)
      raise('TypeError', `a bytes-like object is required, not '${typeOf(value).name}'`)
    }
    if (container instanceof PyInstance && container.payload !== undefined) return contains(container.payload, value, rt)
  }
  const inner = typeOf(container)
  if (typeof container !== 'object' || container === null || (container instanceof HostObject && !container.iterate))
    raise('TypeError', `argument of type '${inner.name}' is not iterable`)
  let found = false
  const done = forEach(
    container,
    item => {
      found = equals(item, value, rt)
      return found ? false : undefined
    },
    rt,
  )
  return done instanceof Pending ? done.then(() => found) : found
}

const frozen = (set: PySet) => new PySet(set.items, types.frozenset)

function containsText(text: string, value: Value, rt: Rt): boolean {
  const part = unwrap(value)
  if (typeof part !== 'string') raise('TypeError', `'in <string>' requires string as left operand, not ${typeOf(value).name}`)
  rt.charge(1 + (part.length > 1 ? (text.length + part.length) >> 3 : text.length >> 6))
  return indexOfText(text, part) >= 0
}
