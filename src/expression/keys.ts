/**
 * Dicts and sets find their entries by a canonical JavaScript key: values that are equal in Python (1, 1.0 and True; two tuples of equal
 * items) have the same key. Text that could be mistaken for a key of another type starts with NUL and is escaped.
 */
import { raise } from './errors.ts'
import type { Runtime } from './module.ts'
import { special } from './special.ts'
import { BoundMethod, HostObject, PyBytes, PyDict, PyFloat, PyInstance, PyList, PyRange, PySet, PySlice, PyTuple, types } from './values.ts'
import type { DictEntry, Key, Value } from './values.ts'

/** What `keyOf` needs of the interpreter. */
export type KeyRuntime = Pick<Runtime, 'charge' | 'alloc'> & {
  keyOfInstance(value: PyInstance | PyDict | PyList, eq: Value, hash: Value | undefined): Key
}

export const keyOfString = (text: string): string => (text.charCodeAt(0) === 0 ? `\0s${text}` : text)

/** Throws TypeError for values that cannot be hashed. */
export function keyOf(value: Value, rt: KeyRuntime): Key {
  switch (typeof value) {
    case 'string':
      // Looking it up reads all of it.
      if (value.length > 256) rt.charge(value.length >> 6)
      return value.charCodeAt(0) === 0 ? `\0s${value}` : value
    case 'boolean':
      return value ? 1 : 0
    case 'bigint':
      rt.charge(20)
      return value
    case 'number':
      return value
    default:
  }
  if (value === null) return null
  if (value instanceof PyTuple) {
    rt.charge(1 + 2 * value.items.length)
    const text = `\0t${value.items.map(item => keyText(keyOf(item, rt))).join('')}`
    if (text.length > 1024) payKey(text.length, rt)
    return text
  }
  if (value instanceof PyFloat) {
    const number = value.value
    if (Number.isNaN(number)) return value
    return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(number) : number
  }
  if (value instanceof HostObject) return value.hashKey ? `\0h${value.hashKey()}` : value
  if (value instanceof PyInstance) {
    if (value.hashKey) return `\0i${value.hashKey()}`
    const eq = special(value, '__eq__')
    const hash = special(value, '__hash__')
    if (eq === undefined && hash === undefined) return value.payload === undefined ? value : keyOf(value.payload, rt)
    return rt.keyOfInstance(value, eq ?? null, hash)
  }
  if (value instanceof PyBytes) {
    if (value.data.length > 256) payKey(value.data.length, rt)
    return `\0b${latin1(value.data)}`
  }
  if (value instanceof PySet && value.cls.isSubclass(types.frozenset)) {
    const { size } = value.items
    rt.charge(1 + 2 * size * (1 + Math.ceil(Math.log2(size + 1))))
    const texts = [...value.items.keys()].map(keyText).sort()
    const text = `\0f${texts.join('')}`
    if (text.length > 1024) payKey(text.length, rt)
    return text
  }
  if (value instanceof PyRange) return `\0r${value.length},${value.length ? value.start : ''},${value.length > 1 ? value.step : ''}`
  if (value instanceof BoundMethod) return `\0m${keyText(keyOf(value.self, rt))}${keyText(value.fn)}`
  if (value instanceof PyList || value instanceof PyDict || value instanceof PySet || value instanceof PySlice) {
    const hash = special(value, '__hash__')
    if (hash !== undefined && !(value instanceof PySet) && !(value instanceof PySlice))
      return rt.keyOfInstance(value, special(value, '__eq__') ?? null, hash)
    raise('TypeError', `unhashable type: '${value.cls.name}'`)
  }
  return value
}

/** Keys of long values are long texts, which are made and read whole. */
function payKey(length: number, rt: KeyRuntime): void {
  rt.charge(length >> 5)
  rt.alloc(length)
}

/** A key as text, distinct for distinct keys, for use inside other keys. */
export function keyText(key: Key): string {
  switch (typeof key) {
    case 'string':
      return `s${key.length}:${key}`
    case 'number':
      return `n${key === 0 ? 0 : key};`
    case 'bigint':
      return `n${key};`
    default:
      return key === null ? 'N' : `o${(key as { id: number }).id};`
  }
}

export function latin1(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
}

export const dictGet = (dict: PyDict, key: Value, rt: KeyRuntime): Value | undefined => dict.entries.get(keyOf(key, rt))?.value

export function dictSet(dict: PyDict, key: Value, value: Value, rt: KeyRuntime): void {
  const k = keyOf(key, rt)
  const entry = dict.entries.get(k)
  if (entry) entry.value = value
  else {
    rt.alloc(64)
    dict.entries.set(k, { key, value })
  }
}

/** A dict with str keys, without paying: for values that native code makes. */
export function dictOf(pairs: Iterable<readonly [string, Value]>): PyDict {
  const entries = new Map<Key, DictEntry>()
  for (const [key, value] of pairs) entries.set(keyOfString(key), { key, value })
  return new PyDict(entries)
}

export const dictGetString = (dict: PyDict, key: string): Value | undefined => dict.entries.get(keyOfString(key))?.value

export function setOf(items: Iterable<Value>, rt: KeyRuntime, cls = types.set): PySet {
  const map = new Map<Key, Value>()
  for (const item of items) {
    const key = keyOf(item, rt)
    if (!map.has(key)) map.set(key, item)
  }
  return new PySet(map, cls)
}
