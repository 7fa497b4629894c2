/** The state of one evaluation: budgets, line, call depth; and the interpreter's operations as native code sees them. */
import { getAttribute } from './attributes.ts'
import { call } from './call.ts'
import { equals, less } from './compare.ts'
import { LimitExceeded, exception, isCatchable, raise } from './errors.ts'
import { collect, forEach, getIterator } from './iterate.ts'
import { keyOf } from './keys.ts'
import { MAX_OBJECT, type Limits } from './limits.ts'
import type { Runtime } from './module.ts'
import { Pending, TICK, resume, type Answer } from './pending.ts'
import { repr, str } from './text.ts'
import { truth } from './truth.ts'
import { isInt } from './values.ts'
import type { Kwargs, Key, PyException, PyIterator, PyModule, PyObject, Result, Value } from './values.ts'
import { weigh } from './weigh.ts'

export interface LogEntry {
  level: string
  event: string
  fields: ReadonlyMap<string, Value>
}

/** Clocks and chance of an evaluation. */
export interface Environment {
  now(): number
  monotonic(): number
  random(): number
  /** Milliseconds of processor time of this thread, where the platform tells. */
  cpu?(): number
}

const CHECK_EVERY = 100 // steps between looks at the clock
const SLICE_STEPS = 1000
const SLICE_MS = 2
/** What an operation that goes in one piece may cost: a tick is due long before, so a slice of more steps is one operation's. */
const MOST_STEPS_AT_ONCE = 64_000
/** Longest run of a method that cannot be paused (`__eq__` during a look-up …). */
const UNPAUSED_MS = 25
/** What the steps before the first look at the processor's clock may count for, however long they took: most of more is the machine's. */
const LEAD_MS = 20

export class EvaluationRuntime implements Runtime {
  readonly limits: Limits
  readonly environment: Environment
  readonly findModule: (name: string) => PyModule | undefined
  /** Line of the author's text that runs now. */
  line = 0
  /** The function that runs now, as tracebacks name it. */
  functionName = ''
  depth = 0
  /** The exception being handled, for a bare `raise` and for `__context__`. */
  handling: PyException | null = null
  /** Names that a text made global; few do. */
  private named: Map<string, Value> | undefined
  readonly logs: LogEntry[] = []
  readonly messages: string[] = []
  readonly missingModules: string[] = []
  steps = 0
  allocated = 0
  hostCalls = 0
  cpu = 0
  ticks = 0
  /** Longest time the event loop was held at once, in milliseconds. */
  longestSlice = 0
  /** The event loop should have a turn at the next point where that is possible. */
  tickDue = false
  private nextCheck = CHECK_EVERY
  running = false
  private sliceStart = 0
  /** The processor's clock when it was first looked at in this slice; -1: not yet, since looking takes as long as a short evaluation. */
  private sliceCpu = -1
  /** What had passed by then, ms. */
  private sliceLead = 0
  private sliceSteps = 0
  private unpaused = 0
  private toldWeight = 0
  private interned: Map<string, PyObject[]> | undefined

  constructor(limits: Limits, environment: Environment, findModule: (name: string) => PyModule | undefined) {
    this.limits = limits
    this.environment = environment
    this.findModule = findModule
  }

  /** undefined: there is none, or only a built-in one. */
  globalNamed(name: string): Value | undefined {
    return this.named?.get(name)
  }

  get globals(): Map<string, Value> {
    return (this.named ??= new Map())
  }

  charge(steps: number): void {
    if ((this.steps += steps) >= this.nextCheck) this.check()
  }

  private check(): void {
    if (this.steps > this.limits.steps) throw new LimitExceeded('steps', `more than ${this.limits.steps} steps`)
    if (this.steps - this.sliceSteps > MOST_STEPS_AT_ONCE)
      throw new LimitExceeded('steps', `one operation of more than ${MOST_STEPS_AT_ONCE} steps`)
    this.nextCheck = this.steps + CHECK_EVERY
    const elapsed = this.environment.monotonic() - this.sliceStart
    if (this.sliceCpu < 0 && this.environment.cpu) {
      this.sliceCpu = this.environment.cpu()
      this.sliceLead = elapsed
    }
    // A busy machine takes the clock's time from us; only our own is counted.
    const late = this.cpu + elapsed > this.limits.cpu || (this.unpaused > 0 && elapsed > UNPAUSED_MS)
    const used = late ? this.used() : elapsed
    if (this.cpu + used > this.limits.cpu) throw new LimitExceeded('cpu', `more than ${this.limits.cpu} ms of computing`)
    if (elapsed > SLICE_MS || this.steps - this.sliceSteps >= SLICE_STEPS) this.tickDue = true
    if (this.unpaused > 0 && used > UNPAUSED_MS)
      throw new LimitExceeded('cpu', `a method that cannot be paused ran longer than ${UNPAUSED_MS} ms`)
  }

  alloc(bytes: number): void {
    if (bytes > MAX_OBJECT) throw new LimitExceeded('memory', `one object of more than ${MAX_OBJECT} bytes`)
    if ((this.allocated += bytes) > this.limits.memory) throw new LimitExceeded('memory', `more than ${this.limits.memory} bytes allocated`)
  }

  /** When it began. @param long whether the evaluation has taken a while: then the processor's clock is looked at from the beginning */
  startSlice(long = false): number {
    this.sliceStart = this.environment.monotonic()
    this.sliceCpu = long ? (this.environment.cpu?.() ?? -1) : -1
    this.sliceLead = 0
    this.running = true
    this.sliceSteps = this.steps
    this.tickDue = false
    return this.sliceStart
  }

  endSlice(): void {
    const [lead, rest] = this.taken()
    this.running = false
    this.cpu += this.counted(lead) + rest
    this.longestSlice = Math.max(this.longestSlice, lead + rest)
  }

  /** Milliseconds since the slice began: on the wall until the first look at the processor's clock, and of computing from then on. */
  private taken(): [lead: number, rest: number] {
    if (this.sliceCpu < 0) return [this.environment.monotonic() - this.sliceStart, 0]
    return [this.sliceLead, this.environment.cpu!() - this.sliceCpu]
  }

  private counted(lead: number): number {
    return this.environment.cpu ? Math.min(lead, LEAD_MS) : lead
  }

  private used(): number {
    const [lead, rest] = this.taken()
    return this.counted(lead) + rest
  }

  tick(): Pending {
    this.tickDue = false
    return new Pending(TICK)
  }

  hostCall(op: string, args: unknown): Pending {
    return new Pending({ kind: 'host', op, args })
  }

  /** Waits for a result where the interpreter cannot pause: comparing keys, sorting, repr of an item. */
  settle<T>(result: T | Pending): T {
    if (!(result instanceof Pending)) return result
    let current: Answer = result
    this.unpaused++
    try {
      while (current instanceof Pending) {
        if (current.operation.kind === 'tick') current = resume(current, false, undefined, isCatchable)
        else {
          const error = exception('RuntimeError', 'a host operation cannot be awaited inside this special method')
          current = resume(current, true, error, isCatchable)
        }
      }
      return current
    } finally {
      this.unpaused--
    }
  }

  /** Calls without pausing; see `settle`. */
  callNow(fn: Value, args: Value[]): Value {
    this.unpaused++
    try {
      return this.settle(call(fn, args, null, this))
    } finally {
      this.unpaused--
    }
  }

  /** The key of an object whose class defines equality: all equal objects of one hash share the first one's. */
  keyOfInstance(value: PyObject & Value, eq: Value, hash: Value | undefined): Key {
    if (hash === undefined || hash === null) raise('TypeError', `unhashable type: '${value.cls.name}'`)
    const number = this.callNow(hash, [value])
    if (!isInt(number)) raise('TypeError', '__hash__ method should return an integer')
    const bucketName = String(number)
    const interned = (this.interned ??= new Map())
    let bucket = interned.get(bucketName)
    if (!bucket) interned.set(bucketName, (bucket = []))
    for (const other of bucket) {
      if (other === value || (eq !== null && this.callNow(eq, [value, other]) === true)) return other
    }
    this.alloc(64)
    bucket.push(value)
    return value
  }

  call(fn: Value, args: Value[], kwargs: Kwargs | null = null): Result {
    return call(fn, args, kwargs, this)
  }

  getAttribute(object: Value, name: string): Result {
    return getAttribute(object, name, this)
  }

  iterator(value: Value): PyIterator | Pending {
    return getIterator(value, this)
  }

  collect(value: Value): Value[] | Pending {
    return collect(value, this)
  }

  forEach(value: Value, each: (item: Value) => Pending | false | void): undefined | Pending {
    return forEach(value, each, this)
  }

  truth(value: Value): boolean | Pending {
    return truth(value, this)
  }

  str(value: Value): string {
    return str(value, this)
  }

  repr(value: Value): string {
    return repr(value, this)
  }

  equals(a: Value, b: Value): boolean {
    return equals(a, b, this)
  }

  less(a: Value, b: Value): boolean {
    return less(a, b, this)
  }

  keyOf(value: Value): Key {
    return keyOf(value, this)
  }

  now(): number {
    return this.environment.now()
  }

  monotonic(): number {
    return this.environment.monotonic()
  }

  random(): number {
    return this.environment.random()
  }

  message(text: string): void {
    this.told(text.length)
    this.messages.push(text)
  }

  /** Pays for what will be reported when the evaluation is over, in one piece. */
  private told(weight: number): void {
    this.charge(2 + (weight >> 6))
    this.alloc(weight)
    if ((this.toldWeight += weight) > MAX_OBJECT)
      throw new LimitExceeded('memory', `more than ${MAX_OBJECT} bytes of messages and log lines`)
  }

  log(level: string, event: string, fields: ReadonlyMap<string, Value>): void {
    let weight = 64 + event.length
    for (const value of fields.values()) weight += weigh(value, MAX_OBJECT)
    this.told(weight)
    this.logs.push({ level, event, fields })
  }
}
