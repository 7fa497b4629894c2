/** `object[index]`: reading, assigning, deleting. */
import { call } from './call.ts'
import { raise } from './errors.ts'
import { keyOf } from './keys.ts'
import { grow } from './operators.ts'
import type { Pending } from './pending.ts'
import { bind } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { special } from './special.ts'
import { hasSurrogates, points } from './unicode.ts'
import { HostObject, PyBytes, PyClass, PyDict, PyInstance, PyList, PyRange, PySlice, PyTuple, typeOf } from './values.ts'
import type { Result, Value } from './values.ts'

type Rt = EvaluationRuntime

/** An index as a number, from int, bool or `__index__`; undefined for other values. */
export function indexOf(value: Value, rt: Rt): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return value > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER
  const method = special(value, '__index__')
  if (method !== undefined) return Number(rt.callNow(method, [value]))
  if (value instanceof PyInstance && value.payload !== undefined) return indexOf(value.payload, rt)
  return undefined
}

/** Start, stop, step and number of items of a slice over `length` items. */
export function sliceBounds(slice: PySlice, length: number, rt: Rt): { start: number; stop: number; step: number; count: number } {
  const part = (value: Value) =>
    value === null ? null : (indexOf(value, rt) ?? raise('TypeError', 'slice indices must be integers or None or have an __index__ method'))
  const step = part(slice.step) ?? 1
  if (step === 0) raise('ValueError', 'slice step cannot be zero')
  const low = step > 0 ? 0 : -1
  const high = step > 0 ? length : length - 1
  const clamp = (value: number | null, fallback: number) =>
    value === null ? fallback : value < 0 ? Math.max(value + length, low) : Math.min(value, high)
  const start = clamp(part(slice.start), step > 0 ? low : high)
  const stop = clamp(part(slice.stop), step > 0 ? high : low)
  return { start, stop, step, count: Math.max(0, Math.ceil((stop - start) / step)) }
}

function pick<T>(items: ArrayLike<T> & { slice(a: number, b: number): ArrayLike<T> }, slice: PySlice, rt: Rt): T[] {
  const { start, step, count } = sliceBounds(slice, items.length, rt)
  rt.charge(1 + (count >> 3))
  rt.alloc(count * 8)
  const out: T[] = new Array(count)
  for (let i = 0; i < count; i++) out[i] = items[start + i * step]!
  return out
}

function bytesSlice({ data }: PyBytes, slice: PySlice, rt: Rt): PyBytes {
  const { start, step, count } = sliceBounds(slice, data.length, rt)
  rt.charge(1 + (count >> 4))
  rt.alloc(count)
  const out = new Uint8Array(count)
  for (let i = 0; i < count; i++) out[i] = data[start + i * step]!
  return new PyBytes(out)
}

function position(index: Value, length: number, what: string, rt: Rt): number {
  const at = indexOf(index, rt)
  if (at === undefined)
    raise(
      'TypeError',
      what === 'string'
        ? `string indices must be integers, not '${typeOf(index).name}'`
        : `${what} indices must be integers or slices, not ${typeOf(index).name}`,
    )
  const from = at < 0 ? at + length : at
  if (from < 0 || from >= length) raise('IndexError', `${what} index out of range`)
  return from
}

export function getItem(object: Value, index: Value, rt: Rt): Result {
  if (typeof object === 'string') return textItem(object, index, rt)
  if (typeof object === 'object' && object !== null) {
    if (object instanceof HostObject && object.getItem) return object.getItem(index, rt)
    const method = special(object, '__getitem__')
    if (method !== undefined) return call(method, [object, index], null, rt)
    if (object instanceof PyClass) {
      const generic = object.lookup('__class_getitem__')
      if (generic !== undefined) return call(generic, [object, index], null, rt)
      // `list[str]` in an annotation.
      return object
    }
    return builtinItem(object, index, rt)
  }
  return notSubscriptable(object)
}

const notSubscriptable = (object: Value): never => raise('TypeError', `'${typeOf(object).name}' object is not subscriptable`)

/** The item of a built-in container, by its own rules. */
export function builtinItem(object: Value, index: Value, rt: Rt): Result {
  if (object instanceof PyDict) {
    const entry = object.entries.get(keyOf(index, rt))
    if (entry) return entry.value
    const missing = special(object, '__missing__')
    if (missing !== undefined) return call(missing, [object, index], null, rt)
    raise('KeyError', index)
  }
  if (object instanceof PyList) {
    if (index instanceof PySlice) return new PyList(pick(object.items, index, rt))
    return object.items[position(index, object.items.length, 'list', rt)]!
  }
  if (object instanceof PyTuple) {
    if (index instanceof PySlice) return new PyTuple(pick(object.items, index, rt))
    return object.items[position(index, object.items.length, 'tuple', rt)]!
  }
  if (object instanceof PyBytes) {
    if (index instanceof PySlice) return bytesSlice(object, index, rt)
    return object.data[position(index, object.data.length, 'index', rt)]!
  }
  if (object instanceof PyRange) {
    if (index instanceof PySlice) {
      const { start, step, count } = sliceBounds(index, object.length, rt)
      const from = object.start + start * object.step
      return new PyRange(from, from + count * step * object.step, step * object.step)
    }
    return object.start + position(index, object.length, 'range object', rt) * object.step
  }
  if (object instanceof PyInstance && object.payload !== undefined) return getItem(object.payload, index, rt)
  return notSubscriptable(object)
}

function textItem(text: string, index: Value, rt: Rt): string {
  rt.charge(text.length >> 6)
  if (!hasSurrogates(text)) {
    if (!(index instanceof PySlice)) return text[position(index, text.length, 'string', rt)]!
    const { start, stop, step } = sliceBounds(index, text.length, rt)
    if (step === 1) {
      rt.alloc(32)
      return text.slice(start, Math.max(start, stop))
    }
  }
  rt.charge(text.length >> 1)
  rt.alloc(text.length * 4)
  const characters = points(text)
  if (index instanceof PySlice) return pick(characters, index, rt).join('')
  return characters[position(index, characters.length, 'string', rt)]!
}

export function setItem(object: Value, index: Value, value: Value, rt: Rt): undefined | Pending {
  if (object instanceof HostObject && object.setItem) return object.setItem(index, value, rt)
  const method = special(object, '__setitem__')
  if (method !== undefined) return bind(call(method, [object, index, value], null, rt), () => undefined)
  return builtinSetItem(object, index, value, rt)
}

export function builtinSetItem(object: Value, index: Value, value: Value, rt: Rt): undefined | Pending {
  if (object instanceof PyDict) {
    const key = keyOf(index, rt)
    const entry = object.entries.get(key)
    if (entry) entry.value = value
    else {
      rt.alloc(64)
      object.entries.set(key, { key: index, value })
    }
    return undefined
  }
  if (object instanceof PyList) {
    if (!(index instanceof PySlice)) {
      const at = indexOf(index, rt)
      if (at === undefined) raise('TypeError', `list indices must be integers or slices, not ${typeOf(index).name}`)
      const from = at < 0 ? at + object.items.length : at
      if (from < 0 || from >= object.items.length) raise('IndexError', 'list assignment index out of range')
      object.items[from] = value
      return undefined
    }
    return bind(rt.collect(value), (items: Value[]) => {
      const { start, stop, step, count } = sliceBounds(index, object.items.length, rt)
      if (step === 1) grow(object.items.length + items.length, 0, rt)
      rt.charge((object.items.length + items.length) >> 3)
      if (step === 1) object.items = [...object.items.slice(0, start), ...items, ...object.items.slice(Math.max(start, stop))]
      else {
        if (items.length !== count)
          raise('ValueError', `attempt to assign sequence of size ${items.length} to extended slice of size ${count}`)
        for (let i = 0; i < count; i++) object.items[start + i * step] = items[i]!
      }
      rt.alloc(object.items.length * 8)
      return undefined
    })
  }
  return raise('TypeError', `'${typeOf(object).name}' object does not support item assignment`)
}

export function deleteItem(object: Value, index: Value, rt: Rt): undefined | Pending {
  if (object instanceof HostObject && object.deleteItem) return object.deleteItem(index, rt)
  const method = special(object, '__delitem__')
  if (method !== undefined) return bind(call(method, [object, index], null, rt), () => undefined)
  return builtinDeleteItem(object, index, rt)
}

export function builtinDeleteItem(object: Value, index: Value, rt: Rt): undefined {
  if (object instanceof PyDict) {
    if (!object.entries.delete(keyOf(index, rt))) raise('KeyError', index)
    return undefined
  }
  if (object instanceof PyList) {
    rt.charge(object.items.length >> 6)
    if (!(index instanceof PySlice)) {
      object.items.splice(position(index, object.items.length, 'list', rt), 1)
      return undefined
    }
    const { start, step, count } = sliceBounds(index, object.items.length, rt)
    rt.charge((object.items.length >> 2) + 2 * count)
    rt.alloc(count * 32)
    const gone = new Set(Array.from({ length: count }, (_, i) => start + i * step))
    object.items = object.items.filter((_, i) => !gone.has(i))
    return undefined
  }
  return raise('TypeError', `'${typeOf(object).name}' object doesn't support item deletion`)
}
