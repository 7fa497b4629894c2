/** A stored object as expressions see it. Fields are there at once; what takes a query is a call to the host. */
import type { Model, Row } from '../../api/model.ts'
import { MODEL } from '../../flows/objects.ts'
import { raise } from '../errors.ts'
import { fromJson, toJson } from '../json.ts'
import type { Runtime } from '../module.ts'
import { EPOCH, PyDateTime, atWall } from '../modules/datetime/datetime.ts'
import { UTC } from '../modules/datetime/tzinfo.ts'
import { uuidOf } from '../modules/encoding.ts'
import type { Pending } from '../pending.ts'
import { BoundMethod, HostObject, NativeFunction, PyClassMethod } from '../values.ts'
import type { Result, Value } from '../values.ts'
import type { FieldInfo, ModelClass } from './classes.ts'
import { RelatedManager } from './queryset.ts'

/** A value of a column in the language. */
export function columnValue(kind: FieldInfo['kind'], stored: unknown): Value {
  if (stored === null || stored === undefined) return null
  if (kind === 'text' && typeof stored === 'string') return stored
  if (kind === 'instant') {
    const date = stored instanceof Date ? stored : new Date(String(stored))
    return atWall(EPOCH + BigInt(date.getTime()) * 1000n, UTC)
  }
  if (kind === 'uuid' && typeof stored === 'string') return uuidOf(stored)
  return fromJson(stored)
}

/** What is written to a column. */
export function storedValue(value: Value): unknown {
  if (value instanceof ModelObject) return value.key
  if (value instanceof PyDateTime) return new Date(Number((value.wall() - (value.offset() ?? 0n) - EPOCH) / 1000n))
  return toJson(value)
}

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)
/** For comparing what was stored with what an expression made of it. */
const text = (value: unknown): string => JSON.stringify(value ?? null, plain)

export class ModelObject extends HostObject {
  readonly own: ModelClass
  /** The columns as they are stored, shared with whoever handed the object in. */
  row: Row
  stored: boolean
  /** Values that were assigned, and what was looked at and can change inside. Most objects have none. */
  private values: Map<string, Value> | undefined
  private assigned: Set<string> | undefined
  private related: Map<string, Value> | undefined
  /** A password that `save()` will set; null: none that anybody could know. */
  password: string | null | undefined = undefined
  /** Nobody in particular: an account in no group, to learn what a text would say of one. */
  hypothetical = false

  constructor(own: ModelClass, row: Row, stored: boolean) {
    super(own.cls)
    this.own = own
    this.row = row
    this.stored = stored
  }

  get model(): Model {
    return this.own.model
  }

  get key(): unknown {
    return this.stored ? this.row[this.model.pk] : null
  }

  override getAttribute(name: string, rt: Runtime): Result | undefined {
    const { own } = this
    const found = own.attribute(name)
    switch (found?.kind) {
      case 'column':
        return this.column(found.info)
      case 'key': {
        const assigned = this.values?.get(found.info.name)
        return columnValue(found.info.kind, assigned === undefined ? this.row[found.info.name] : storedValue(assigned))
      }
      case 'reference':
        return this.reference(found.info, rt)
      case 'computed':
        return found.compute(this, rt)
      case 'single':
        return this.lazy(name, () => rt.hostCall('model.reverse', { object: this, relation: found.relation }))
      case 'many':
        return new RelatedManager(found.target, found.relation, this)
      case 'class': {
        const { value } = found
        if (value instanceof PyClassMethod) return new BoundMethod(own.cls, value.fn)
        return value instanceof NativeFunction ? new BoundMethod(this, value) : value
      }
      default:
        return name === 'backend' && typeof this.row.backend === 'string' ? this.row.backend : undefined
    }
  }

  private column({ name, kind }: FieldInfo): Value {
    const known = this.values?.get(name)
    if (known !== undefined) return known
    const value = columnValue(kind, this.row[name])
    // Of what cannot change inside, the row itself is memory enough.
    if (typeof value === 'object' && value !== null) (this.values ??= new Map()).set(name, value)
    return value
  }

  private reference(info: FieldInfo, rt: Runtime): Result {
    const { name } = info
    const assigned = this.values?.get(name)
    if (assigned !== undefined) return assigned
    if (this.row[name] === null || this.row[name] === undefined) return null
    return this.lazy(name, () => rt.hostCall('model.related', { label: info.references, key: this.row[name] }))
  }

  private lazy(name: string, load: () => Pending): Result {
    const known = this.related?.get(name)
    if (known !== undefined) return known
    return load().then((value: Value) => {
      ;(this.related ??= new Map()).set(name, value)
      return value
    })
  }

  override setAttribute(name: string, value: Value): boolean {
    // Of an account, whose row is the caller's own: those of other objects are shared with further requests.
    if (name === 'backend' && this.model.label === 'authentik_core.user') {
      this.row.backend = toJson(value)
      return true
    }
    const info = this.own.field(name)
    if (!info?.writable) return false
    ;(this.values ??= new Map()).set(info.name, value)
    ;(this.assigned ??= new Set()).add(info.name)
    this.related?.delete(info.name)
    return true
  }

  /** Fields whose value differs from what is stored. */
  changes(only?: readonly string[]): Row {
    const changed: Row = {}
    for (const [name, value] of this.values ?? []) {
      if (only && !only.includes(name)) continue
      const info = this.own.fields.get(name)!
      if (!info.writable || (!this.assigned?.has(name) && info.kind !== 'json')) continue
      const now = storedValue(value)
      if (text(now) !== text(this.row[name])) changed[name] = now
    }
    return changed
  }

  /** Takes over what is stored now. */
  refresh(row: Row, keepValues = false): void {
    for (const name of Object.keys(row)) this.row[name] = row[name]
    this.stored = true
    this.assigned = undefined
    this.related = undefined
    if (!keepValues) this.values = undefined
    // Containers that the expression holds stay the same ones.
    else for (const name of this.values?.keys() ?? []) if (this.own.fields.get(name)!.kind !== 'json') this.values!.delete(name)
  }

  /** An object that is not stored yet carries in its row what was assigned. */
  sync(): void {
    if (!this.stored) Object.assign(this.row, this.changes())
  }

  /** The row, for a plan. */
  leave(): Row {
    this.sync()
    if ((this.row as { [MODEL]?: string })[MODEL] === undefined)
      Object.defineProperty(this.row, MODEL, { value: this.model.label, enumerable: true, configurable: true })
    return this.row
  }

  override hashKey(): string {
    let root = this.own
    while (root.base) root = root.base
    return this.stored ? `${root.model.label}:${String(this.key)}` : `new:${this.id}`
  }

  override str(): string {
    return this.own.extras.str?.(this.row) ?? String(this.row[this.model.display] ?? this.key)
  }

  override repr(): string {
    return `<${this.model.name}: ${this.str()}>`
  }

  override attributeNames(): string[] {
    return [...this.own.choices(), 'pk', ...Object.keys(this.own.extras.computed ?? {})]
  }

  /** An object stands in results for its key. */
  override toJson(): unknown {
    return this.key
  }
}

/** What a method takes as `self`. */
export function modelObject(value: Value | undefined, own?: string): ModelObject {
  if (value instanceof ModelObject && (own === undefined || value.model.name === own)) return value
  return raise('TypeError', `expected a ${own ?? 'model'} object`)
}
