/**
 * Values on their way in and out. One object of the host is one object of the language for the whole evaluation, so that
 * `context["prompt_data"]` and `flow_plan.context["prompt_data"]` are the same dict, and what an expression changes inside it is
 * written back into the very object that the flow keeps.
 */
import type { Row } from '../../api/model.ts'
import { isPlain } from '../../flows/describe.ts'
import { modelLabel } from '../../flows/objects.ts'
import { Plan } from '../../flows/plan.ts'
import { PlainDate } from '../../lib/plain-date.ts'
import { lazyDict, writeBack, type Conversion as ContextConversion } from '../context.ts'
import { raise } from '../errors.ts'
import { fromJson, toJson } from '../json.ts'
import { dictOf, setOf } from '../keys.ts'
import { PyDate } from '../modules/datetime/date.ts'
import { EPOCH, PyDateTime, atWall } from '../modules/datetime/datetime.ts'
import { UTC } from '../modules/datetime/tzinfo.ts'
import { HostObject, PyClass, PyDict, PyInstance, PyList, PySet, PyTuple } from '../values.ts'
import type { Value } from '../values.ts'
import { weigh } from '../weigh.ts'
import type { Classes } from './classes.ts'
import { ModelObject } from './object.ts'
import { PlanObject } from './plan.ts'

/** An aware datetime, in UTC. */
export const instantValue = (date: Date): Value => atWall(EPOCH + BigInt(date.getTime()) * 1000n, UTC)
export const dateOf = (value: PyDateTime): Date => new Date(Number((value.wall() - (value.offset() ?? 0n) - EPOCH) / 1000n))

export class Conversion {
  readonly classes: Classes
  private readonly entered = new Map<object, Value>()
  private readonly left = new Map<Value, object>()
  /** What came in and can be written back. */
  private readonly containers: (PyDict | PyList)[] = []
  private inside: ContextConversion | undefined

  constructor(classes: Classes) {
    this.classes = classes
  }

  private get conversion(): ContextConversion {
    return (this.inside ??= { enter: value => this.enterObject(value), leave: value => this.out(value) })
  }

  private remember<T extends Value>(source: object, value: T): T {
    this.entered.set(source, value)
    this.left.set(value, source)
    if (value instanceof PyDict || value instanceof PyList) this.containers.push(value)
    return value
  }

  /** A value of the host as a value of the language. */
  enter(value: unknown): Value {
    return this.enterObject(value) ?? fromJson(value)
  }

  /** The row of a model, whatever it is tagged with. */
  object(label: string, row: Row): Value {
    const known = this.entered.get(row)
    if (known instanceof ModelObject) return known
    const own = this.classes.byLabel.get(label)
    if (!own) return this.dict(row)
    return this.remember(row, new ModelObject(own, row, row[own.model.pk] !== undefined && row[own.model.pk] !== null))
  }

  /** A dict that writes back into `source`. */
  dict(source: Record<string, unknown>): PyDict {
    const known = this.entered.get(source)
    return known instanceof PyDict ? known : this.remember(source, lazyDict(source, this.conversion))
  }

  private enterObject(value: unknown): Value | undefined {
    if (typeof value !== 'object' || value === null) return undefined
    if (value instanceof PyClass || value instanceof HostObject || value instanceof PyInstance) return value
    const known = this.entered.get(value)
    if (known !== undefined) return known
    const label = modelLabel(value)
    if (label !== undefined) return this.object(label, value as Row)
    if (value instanceof Plan) return this.remember(value, new PlanObject(value, this))
    if (Array.isArray(value)) return this.remember(value, new PyList(value.map(item => this.enter(item))))
    if (value instanceof Date) return instantValue(value)
    if (value instanceof PlainDate) {
      const [year, month, day] = value.text.split('-').map(Number) as [number, number, number]
      return new PyDate(year, month, day)
    }
    if (value instanceof Set)
      return setOf(
        [...value].map(item => this.enter(item)),
        { charge: () => {}, alloc: () => {}, keyOfInstance: item => item },
      )
    if (value instanceof Map) return dictOf([...value].map(([key, item]) => [String(key), this.enter(item)] as const))
    return isPlain(value) ? this.dict(value) : undefined
  }

  /**
   * A value of the language as the host keeps it: rows for objects, dates for datetimes, the same containers for those that came in.
   * Throws LimitExceeded for more than may leave an evaluation.
   */
  leave(value: Value): unknown {
    weigh(value)
    return this.out(value)
  }

  private out(value: Value): unknown {
    if (value === null || typeof value !== 'object') return value
    const source = this.left.get(value)
    if (value instanceof ModelObject) return value.leave()
    if (value instanceof PlanObject) return value.plan
    if (value instanceof PyDateTime) return dateOf(value)
    if (value instanceof PyDate)
      return PlainDate.parse([value.year, value.month, value.day].map((part, index) => String(part).padStart(index ? 2 : 4, '0')).join('-'))
    if (source !== undefined && value instanceof PyDict) {
      writeBack(value, this.conversion)
      return source
    }
    if (value instanceof PyList) {
      const items = value.items.map(item => this.out(item))
      if (!Array.isArray(source)) return items
      source.splice(0, source.length, ...items)
      return source
    }
    if (value instanceof PyTuple) return value.items.map(item => this.out(item))
    if (value instanceof PySet) return [...value.items.values()].map(item => this.out(item))
    if (value instanceof PyDict) {
      const out: Row = {}
      for (const entry of value.entries.values()) {
        const key = typeof entry.key === 'string' ? entry.key : String(toJson(entry.key))
        Object.defineProperty(out, key, { value: this.out(entry.value), writable: true, enumerable: true, configurable: true })
      }
      return out
    }
    if (value instanceof HostObject && !value.toJson) raise('TypeError', `a ${value.cls.name} object cannot be kept in the context`)
    return toJson(value)
  }

  /** What `finish` writes back. */
  kept(): readonly Value[] {
    return this.containers
  }

  /** Writes what was changed into the objects that came in. Call it after every evaluation, also a failed one. */
  finish(): void {
    for (const value of this.containers) weigh(value)
    for (const [value, source] of this.left) {
      if (value instanceof PyDict) writeBack(value, this.conversion)
      else if (value instanceof PyList && Array.isArray(source)) this.leave(value)
      else if (value instanceof ModelObject) value.sync()
    }
  }
}
