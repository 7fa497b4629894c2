/** Functions and generators written in an expression. */
import { exception, isCatchable, raise } from './errors.ts'
import { dictOf } from './keys.ts'
import { Pending, resume } from './pending.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { DONE, PyException, PyIterator, PyObject, PyTuple, types } from './values.ts'
import type { Done, Kwargs, PyClass, Result, Value } from './values.ts'

type Rt = EvaluationRuntime

/** Variables of one call, of one run of a comprehension, or of a class body. */
export class Frame {
  readonly slots: (Value | undefined)[]
  readonly parent: Frame | null
  readonly rt: Rt
  /** What `return` gave. */
  result: Value = null
  /** Names of a class body. */
  names: Map<string, Value> | null = null
  private annotated: [string, Value][] | null = null
  /** The class that methods of this body belong to, for zero-argument `super()`. */
  owner: { cls: PyClass | null } | null = null

  constructor(slots: (Value | undefined)[], parent: Frame | null, rt: Rt) {
    this.slots = slots
    this.parent = parent
    this.rt = rt
  }

  /** Annotated names of a class body, in order, with the name of the type. */
  get annotations(): [string, Value][] {
    return (this.annotated ??= [])
  }
}

/** A compiled function: everything that does not change between its definitions. */
export interface Code {
  readonly name: string
  readonly slots: number
  /** Parameters occupy the first slots: by position, then keyword-only, then `*rest`, then `**rest`. */
  readonly parameters: readonly string[]
  readonly positional: number
  readonly positionalOnly: number
  readonly rest: boolean
  readonly keywordRest: boolean
  readonly isGenerator: boolean
  /** Of the first slots, those that the body names: nobody looks at the others. */
  readonly used: readonly number[]
  /** Runs the body to its result. */
  run(frame: Frame): Result
}

export class PyFunction extends PyObject {
  name: string
  readonly code: Code
  readonly closure: Frame | null
  /** Default values by parameter index. */
  readonly defaults: ReadonlyMap<number, Value>
  readonly owner: { cls: PyClass | null } | null
  constructor(code: Code, closure: Frame | null, defaults: ReadonlyMap<number, Value>, owner: { cls: PyClass | null } | null) {
    super(types.function)
    this.name = code.name
    this.code = code
    this.closure = closure
    this.defaults = defaults
    this.owner = owner
    this.attrs = new Map()
  }

  invoke(args: Value[], kwargs: Kwargs | null, rt: Rt): Result {
    const { code } = this
    if (rt.tickDue) return rt.tick().then(() => this.invoke(args, kwargs, rt))
    rt.charge(2 + (args.length >> 3) + (kwargs ? (kwargs.size * code.parameters.length) >> 6 : 0))
    rt.alloc(96 + (code.slots + args.length) * 8)
    const frame = new Frame(this.bind(args, kwargs), this.closure, rt)
    frame.owner = this.owner
    if (code.isGenerator) return new PyGenerator(frame, code)
    return enter(rt, code.name, () => code.run(frame))
  }

  private bind(args: Value[], kwargs: Kwargs | null): (Value | undefined)[] {
    const { code } = this
    const slots: (Value | undefined)[] = args.slice(0, code.positional)
    slots.length = code.slots
    if (args.length > code.positional && !code.rest) this.tooMany(args.length)
    const named = code.parameters.length
    let extra: [string, Value][] | undefined
    if (kwargs) {
      for (const [name, value] of kwargs) {
        const index = code.parameters.indexOf(name)
        if (index >= code.positionalOnly) {
          if (slots[index] !== undefined) raise('TypeError', `${this.name}() got multiple values for argument '${name}'`)
          slots[index] = value
        } else if (code.keywordRest) (extra ??= []).push([name, value])
        else if (index >= 0) raise('TypeError', `${this.name}() got some positional-only arguments passed as keyword arguments: '${name}'`)
        else raise('TypeError', `${this.name}() got an unexpected keyword argument '${name}'`)
      }
    }
    for (let i = args.length < code.positional ? args.length : code.positional; i < named; i++) {
      if (slots[i] === undefined) {
        const value = this.defaults.get(i)
        if (value === undefined) this.missing(slots)
        slots[i] = value
      }
    }
    let next = named
    if (code.rest) slots[next++] = new PyTuple(args.slice(code.positional))
    if (code.keywordRest) slots[next] = dictOf(extra ?? [])
    return slots
  }

  private missing(slots: (Value | undefined)[]): never {
    const { parameters, positional } = this.code
    const absent = parameters.filter((_, i) => slots[i] === undefined && !this.defaults.has(i))
    const places = absent.filter(name => parameters.indexOf(name) < positional)
    const names = (places.length ? places : absent).map(name => `'${name}'`)
    const list = names.length > 2 ? `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}` : names.join(' and ')
    raise(
      'TypeError',
      `${this.name}() missing ${names.length} required ${places.length ? 'positional' : 'keyword-only'} argument${names.length > 1 ? 's' : ''}: ${list}`,
    )
  }

  private tooMany(given: number): never {
    const { positional } = this.code
    const optional = [...this.defaults.keys()].filter(i => i < positional).length
    const takes = optional ? `from ${positional - optional} to ${positional}` : String(positional)
    raise(
      'TypeError',
      `${this.name}() takes ${takes} positional argument${positional === 1 ? '' : 's'} but ${given} ${given === 1 ? 'was' : 'were'} given`,
    )
  }
}

/** Runs a whole text; `slots` begin with the values of its parameters. Costs what a call with all of them does. */
export function runProgram(code: Code, slots: (Value | undefined)[], rt: Rt): Result {
  const given = code.parameters.length
  rt.charge(2 + (given >> 3))
  rt.alloc(96 + (code.slots + given) * 8)
  const frame = new Frame(slots, null, rt)
  return code.isGenerator ? new PyGenerator(frame, code) : enter(rt, code.name, () => code.run(frame))
}

/** Runs a body one level deeper, keeping the caller's line and adding a line of traceback when it raises. */
function enter(rt: Rt, name: string, run: () => Result): Result {
  const { line, handling, functionName } = rt
  if (rt.depth >= rt.limits.recursion) raise('RecursionError', 'maximum recursion depth exceeded')
  rt.depth++
  rt.functionName = name
  const leave = () => {
    rt.depth--
    rt.line = line
    rt.functionName = functionName
    rt.handling = handling
  }
  const failed = (error: unknown): never => {
    const raised = asException(error)
    if (raised instanceof PyException) raised.traceback.push({ name, line: rt.line })
    leave()
    throw raised
  }
  try {
    const result = run()
    if (result instanceof Pending) {
      return result.then(value => {
        leave()
        return value
      }, failed)
    }
    leave()
    return result
  } catch (error) {
    return failed(error)
  }
}

/** JavaScript's stack may end before ours does; for expressions that is the same RecursionError. */
export function asException(error: unknown): unknown {
  if (error instanceof RangeError && error.message.includes('call stack'))
    return exception('RecursionError', 'maximum recursion depth exceeded')
  return error
}

export class PyGenerator extends PyIterator {
  private readonly frame: Frame
  private readonly code: Code
  private suspended: Pending | null = null
  private state: 'new' | 'suspended' | 'running' | 'done' = 'new'
  /** What the generator returned; the value of `yield from`. */
  returned: Value = null

  constructor(frame: Frame, code: Code) {
    super(types.generator)
    this.frame = frame
    this.code = code
  }

  get name(): string {
    return this.code.name
  }

  next(rt: Rt): Value | Done | Pending {
    return this.resume(null, false, rt)
  }

  /** Goes on with a value or, when `failed`, with an exception at the `yield`; answers what is yielded next or DONE. */
  resume(input: Value | PyException, failed: boolean, rt: Rt): Value | Done | Pending {
    if (this.state === 'running') raise('ValueError', 'generator already executing')
    if (this.state === 'done') {
      if (failed) throw input as PyException
      return DONE
    }
    if (this.state === 'new') {
      if (failed) {
        this.state = 'done'
        throw input as PyException
      }
      if (input !== null) raise('TypeError', "can't send non-None value to a just-started generator")
    }
    rt.charge(1)
    if (rt.depth >= rt.limits.recursion) raise('RecursionError', 'maximum recursion depth exceeded')
    const { line, handling, functionName } = rt
    const { suspended } = this
    this.state = 'running'
    this.suspended = null
    rt.depth++
    rt.functionName = this.code.name
    const leave = () => {
      rt.depth--
      rt.line = line
      rt.functionName = functionName
      rt.handling = handling
    }
    const finished = (value: Value): Done => {
      this.state = 'done'
      this.returned = value
      leave()
      return DONE
    }
    const broken = (error: unknown): never => {
      this.state = 'done'
      const raised = asException(error)
      if (raised instanceof PyException) {
        raised.traceback.push({ name: this.code.name, line: rt.line })
        leave()
        if (raised.cls.name === 'StopIteration') {
          const wrapped = exception('RuntimeError', 'generator raised StopIteration')
          wrapped.cause = raised
          throw wrapped
        }
      }
      throw raised
    }
    const yielded = (pending: Pending): Value => {
      this.suspended = pending
      this.state = 'suspended'
      leave()
      return (pending.operation as { value: Value }).value
    }
    try {
      const result = suspended ? resume(suspended, failed, input, isCatchable) : this.code.run(this.frame)
      if (!(result instanceof Pending)) return finished(result)
      if (result.operation.kind === 'yield') return yielded(result)
      return result.boundary(finished, broken, yielded)
    } catch (error) {
      return broken(error)
    }
  }

  close(rt: Rt): Value | Pending {
    if (this.state === 'new' || this.state === 'done') {
      this.state = 'done'
      return null
    }
    const ended = (error: unknown): Value => {
      if (error instanceof PyException && ['GeneratorExit', 'StopIteration'].includes(error.cls.name)) return null
      throw error
    }
    const answered = (value: Value | Done): Value => (value === DONE ? null : raise('RuntimeError', 'generator ignored GeneratorExit'))
    try {
      const result = this.resume(exception('GeneratorExit'), true, rt)
      return result instanceof Pending ? result.then(answered, ended) : answered(result)
    } catch (error) {
      return ended(error)
    }
  }
}
