/** Conversion between JSON and values at the edge: lossless and in insertion order. */
import { raise } from './errors.ts'
import { keyOfString } from './keys.ts'
import { floatRepr } from './numbers.ts'
import { DictView, viewPick } from './iterate.ts'
import { HostObject, PyBytes, PyDict, PyFloat, PyInstance, PyList, PyObject, PySet, PyTuple, typeOf } from './values.ts'
import type { DictEntry, Key, Value } from './values.ts'
import { weigh } from './weigh.ts'

const MAX_DEPTH = 200

/**
 * A JavaScript value as JSON has it, as a value of the language. Whole numbers become int, others float; undefined becomes None; bigint
 * and Uint8Array are taken too. Values of the language are passed through.
 */
export function fromJson(json: unknown, depth = 0): Value {
  if (depth > MAX_DEPTH) raise('RecursionError', 'maximum recursion depth exceeded while converting JSON')
  switch (typeof json) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return json
    case 'number':
      return Number.isSafeInteger(json) ? json + 0 : new PyFloat(json)
    case 'undefined':
      return null
    case 'object':
      break
    default:
      throw new TypeError(`cannot convert ${typeof json}`)
  }
  if (json === null || json instanceof PyObject) return json
  if (Array.isArray(json)) return new PyList(json.map(item => fromJson(item, depth + 1)))
  if (json instanceof Uint8Array) return new PyBytes(json)
  if (json instanceof Date) return json.toISOString()
  const entries = new Map<Key, DictEntry>()
  const pairs = json instanceof Map ? json : Object.entries(json)
  for (const [key, value] of pairs) entries.set(keyOfString(String(key)), { key: String(key), value: fromJson(value, depth + 1) })
  return new PyDict(entries)
}

const keyText = (key: Value): string => {
  if (typeof key === 'string') return key
  if (key === null) return 'null'
  if (typeof key === 'boolean') return key ? 'true' : 'false'
  if (typeof key === 'number' || typeof key === 'bigint') return String(key)
  if (key instanceof PyFloat) return floatRepr(key.value)
  if (key instanceof PyInstance && key.payload !== undefined) return keyText(key.payload)
  return raise('TypeError', `keys must be str, int, float, bool or None, not ${typeOf(key).name}`)
}

/**
 * A value as JSON has it: dict → object without prototype, list, tuple and set → array, float → number, large int → bigint, bytes → base64 text.
 * Throws the language's TypeError for what JSON cannot hold and RecursionError for depth (or cycles) beyond 200, and LimitExceeded for
 * more than may leave an evaluation.
 */
export function toJson(value: Value): unknown {
  if (value === null || typeof value !== 'object') return value
  weigh(value)
  return converted(value, 0, EXACT)
}

/**
 * The result of an evaluation, which was weighed when that ended, as ordinary objects that nobody else holds; ints beyond 2^53 as what is
 * nearest to them. Throws as `toJson`.
 */
export const toPlain = (value: Value): unknown => converted(value, 0, PLAIN)

/** What containers and ints become. */
type Shape = {
  readonly object: () => Record<string, unknown>
  readonly set: (target: Record<string, unknown>, key: string, value: unknown) => void
  readonly int: (value: bigint) => unknown
  /** What an object says of itself. */
  readonly told: (value: unknown) => unknown
}

const EXACT: Shape = {
  object: () => Object.create(null) as Record<string, unknown>,
  set: (target, key, value) => void (target[key] = value),
  int: value => value,
  told: value => value,
}

const PLAIN: Shape = { object: () => ({}), set: setOwn, int: Number, told: plainCopy }

// Assignment would call the setter of `__proto__`; a definition, which takes longer, makes an ordinary key of it.
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

function plainCopy(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plainCopy)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const out: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) setOwn(out, key, plainCopy(inner))
  return out
}

function converted(value: Value, depth: number, shape: Shape): unknown {
  if (typeof value === 'bigint') return shape.int(value)
  if (value === null || typeof value !== 'object') return value
  if (depth > MAX_DEPTH) raise('RecursionError', 'maximum recursion depth exceeded while converting to JSON')
  if (value instanceof PyFloat) return value.value
  if (value instanceof PyDict) {
    const out = shape.object()
    for (const { key, value: item } of value.entries.values()) shape.set(out, keyText(key), converted(item, depth + 1, shape))
    return out
  }
  if (value instanceof PyList || value instanceof PyTuple) return value.items.map(item => converted(item, depth + 1, shape))
  if (value instanceof PySet) return [...value.items.values()].map(item => converted(item, depth + 1, shape))
  if (value instanceof DictView) return [...value.dict.entries.values()].map(viewPick(value)).map(item => converted(item, depth + 1, shape))
  if (value instanceof PyBytes) return Buffer.from(value.data).toString('base64')
  if (value instanceof PyInstance) {
    if (value.toJson) return shape.told(value.toJson())
    if (value.payload !== undefined) return converted(value.payload, depth + 1, shape)
  }
  if (value instanceof HostObject && value.toJson) return shape.told(value.toJson())
  return raise('TypeError', `Object of type ${typeOf(value).name} is not JSON serializable`)
}

/** The JSON text of a value, where `1.0` stays `1.0` and large ints keep their digits; for claims and bodies. Throws as `toJson`. */
export function toJsonText(value: Value): string {
  weigh(value)
  return written(value, 0)
}

function written(value: Value, depth: number): string {
  if (depth > MAX_DEPTH) raise('RecursionError', 'maximum recursion depth exceeded while converting to JSON')
  if (typeof value === 'bigint') return String(value)
  if (value instanceof PyFloat) {
    if (!Number.isFinite(value.value)) return 'null'
    return floatRepr(value.value)
  }
  if (value instanceof PyDict) {
    const last = new Map<string, string>()
    for (const { key, value: item } of value.entries.values()) last.set(keyText(key), written(item, depth + 1))
    return `{${[...last].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
  }
  if (value instanceof PyList || value instanceof PyTuple) return `[${value.items.map(item => written(item, depth + 1)).join(',')}]`
  if (value instanceof PySet) return `[${[...value.items.values()].map(item => written(item, depth + 1)).join(',')}]`
  if (value instanceof PyInstance && !value.toJson && value.payload !== undefined) return written(value.payload, depth + 1)
  return JSON.stringify(converted(value, depth, EXACT)) ?? 'null'
}
