/**
 * The context of a flow as a dict of the language, converted only where an expression looks, and written back where it changed something.
 * Converting a whole flow context costs more than most evaluations.
 */
import { fromJson, toJson } from './json.ts'
import { keyOfString } from './keys.ts'
import { HostObject, PyDict, PyList, PyObject } from './values.ts'
import { weigh } from './weigh.ts'
import type { DictEntry, Key, Value } from './values.ts'

/** How values that JSON does not know (users, sources, plans) come in and go out. */
export interface Conversion {
  /** A value of the language, or undefined to convert as JSON. */
  enter?(value: unknown): Value | undefined
  /** A host's value, or undefined to convert as JSON. */
  leave?(value: Value): unknown
}

class LazyEntry implements DictEntry {
  readonly key: string
  readonly original: unknown
  private converted: Value | undefined
  private readonly conversion: Conversion
  /** Assigned by the expression, rather than read. */
  assigned = false
  constructor(key: string, original: unknown, conversion: Conversion) {
    this.key = key
    this.original = original
    this.conversion = conversion
  }
  get value(): Value {
    return (this.converted ??= enter(this.original, this.conversion))
  }
  set value(value: Value) {
    this.converted = value
    this.assigned = true
  }
  get untouched(): boolean {
    return !this.assigned && (this.converted === undefined || typeof this.converted !== 'object')
  }
  /** The value if anybody looked at it. */
  get seen(): Value | undefined {
    return this.converted
  }
}

function enter(value: unknown, conversion: Conversion): Value {
  const special = conversion.enter?.(value)
  if (special !== undefined) return special
  if (Array.isArray(value)) return new PyList(value.map(item => enter(item, conversion)))
  if (
    value !== null &&
    typeof value === 'object' &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
  )
    return lazyDict(value as Record<string, unknown>, conversion)
  return fromJson(value)
}

class LazyDict extends PyDict {
  readonly source: Record<string, unknown>
  constructor(source: Record<string, unknown>, entries: Map<Key, DictEntry>) {
    super(entries)
    this.source = source
  }
}

/** A dict over a plain object. Nothing is converted yet. */
export function lazyDict(source: Record<string, unknown>, conversion: Conversion = {}): PyDict {
  const entries = new Map<Key, DictEntry>()
  for (const key of Object.keys(source)) entries.set(keyOfString(key), new LazyEntry(key, source[key], conversion))
  return new LazyDict(source, entries)
}

function leave(value: Value, conversion: Conversion): unknown {
  const special = conversion.leave?.(value)
  if (special !== undefined) return special
  if (value instanceof LazyDict) {
    write(value, conversion)
    return value.source
  }
  if (value instanceof PyList) return value.items.map(item => leave(item, conversion))
  if (value instanceof PyDict) {
    const out: Record<string, unknown> = {}
    for (const entry of value.entries.values())
      set(out, typeof entry.key === 'string' ? entry.key : String(toJson(entry.key)), leave(entry.value, conversion))
    return out
  }
  if (value instanceof HostObject && !value.toJson) throw new TypeError(`a ${value.cls.name} cannot be kept in the context`)
  return toJson(value)
}

/** Keys are the expression's: `__proto__` must stay an ordinary one. */
const set = (target: Record<string, unknown>, key: string, value: unknown): void => {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

/**
 * Writes what an expression changed into the objects that `lazyDict` was made from; call it after every evaluation, also a failed one.
 * Nested objects are changed in place, so whoever shares them sees the change. Returns the changed top-level keys. Throws LimitExceeded,
 * and changes nothing, when there is more than may leave an evaluation.
 */
export function writeBack(dict: PyDict, conversion: Conversion = {}): string[] {
  if (!(dict instanceof LazyDict)) throw new TypeError('not a dict made by lazyDict')
  weigh(dict)
  return write(dict, conversion)
}

function write(dict: LazyDict, conversion: Conversion): string[] {
  const changed: string[] = []
  const { source } = dict
  const present = new Set<string>()
  for (const entry of dict.entries.values()) {
    const key = typeof entry.key === 'string' ? entry.key : String(toJson(entry.key))
    present.add(key)
    if (entry instanceof LazyEntry && !entry.assigned) {
      const { seen } = entry
      // Read only: containers may have been changed inside.
      if (seen instanceof LazyDict) {
        if (write(seen, conversion).length) changed.push(key)
      } else if (seen instanceof PyList || (seen instanceof PyDict && conversion.leave?.(seen) === undefined)) {
        const now = leave(seen, conversion)
        if (JSON.stringify(now, plain) !== JSON.stringify(entry.original, plain)) {
          set(source, key, now)
          changed.push(key)
        }
      }
      continue
    }
    set(source, key, leave(entry.value, conversion))
    changed.push(key)
  }
  for (const key of Object.keys(source)) {
    if (present.has(key)) continue
    delete source[key]
    changed.push(key)
  }
  return changed
}

const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value instanceof PyObject ? value.id : value
