/** Compiling texts (cached) and running them against a host. */
import { createHash } from 'node:crypto'
import './builtins/index.ts'
import { compileProgram } from './compile/functions.ts'
import { LimitExceeded, isCatchable } from './errors.ts'
import { PyGenerator, asException, runProgram } from './function.ts'
import type { Code } from './function.ts'
import { findModule } from './modules/index.ts'
import { Pending, resume, type HostCall } from './pending.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { EvaluationRuntime, type Environment, type LogEntry } from './runtime.ts'
import { parse } from './syntax/parser.ts'
import { lastLine, tracebackOf } from './traceback.ts'
import { PyException, PyList } from './values.ts'
import type { PyModule, Result, Value } from './values.ts'
import { weigh } from './weigh.ts'

export interface Program {
  /** Shown in tracebacks as the file. */
  readonly name: string
  readonly names: readonly string[]
  readonly code: Code
}

/** Who answers what expressions ask of the outside. */
export interface Host {
  /** Carries out an operation. Throw a PyException for errors that the expression may handle; anything else ends the evaluation. */
  call?(op: string, args: unknown): Value | Promise<Value>
  /** Modules beyond the standard ones, such as the models. */
  module?(name: string): PyModule | undefined
  environment?: Partial<Environment>
  /** What is written back after the evaluation; it is weighed before it counts as a success. */
  kept?(): Iterable<Value>
}

export interface Stats {
  steps: number
  allocated: number
  hostCalls: number
  /** Milliseconds of the event loop's time. */
  cpu: number
  ticks: number
  /** Longest time the event loop was held at once, in milliseconds. */
  longestSlice: number
  /** Modules that were asked for and do not exist. */
  missingModules: string[]
}

export interface Evaluation {
  value: Value
  logs: LogEntry[]
  messages: string[]
  stats: Stats
}

/** An evaluation that did not end with a value: an exception nobody handled, or a limit. */
export class ExpressionError extends Error {
  /** Not enumerable, so that loggers do not walk through the interpreter. */
  readonly #exception: PyException | null
  /** `fault`: an error of the engine itself; `cause` has it. */
  readonly kind: 'exception' | 'limit' | 'fault'
  /** As Python prints it, with the author's line numbers. */
  readonly traceback: string
  readonly limit: string | null
  readonly logs: LogEntry[]
  readonly messages: string[]
  readonly stats: Stats
  constructor(cause: unknown, message: string, traceback: string, rt: EvaluationRuntime) {
    super(message, cause instanceof Error ? { cause } : undefined)
    this.name = 'ExpressionError'
    this.kind = cause instanceof LimitExceeded ? 'limit' : cause instanceof PyException ? 'exception' : 'fault'
    this.traceback = traceback
    this.#exception = cause instanceof PyException ? cause : null
    this.limit = cause instanceof LimitExceeded ? cause.limit : null
    this.logs = rt.logs
    this.messages = rt.messages
    this.stats = statsOf(rt)
  }

  get exception(): PyException | null {
    return this.#exception
  }
}

const MAX_SOURCE = 64 * 1024
const CACHE_SIZE = 1_000
const cache = new Map<string, Code>()

/**
 * Compiles a text whose context has these names. Compiled texts are kept, the last 1,000 used.
 * Throws ExpressionSyntaxError, or RangeError for a text beyond 64 KiB.
 */
export function compile(text: string, names: readonly string[], name = 'expression'): Program {
  if (text.length > MAX_SOURCE || Buffer.byteLength(text) > MAX_SOURCE)
    throw new RangeError(`expression is longer than ${MAX_SOURCE} bytes`)
  const key = createHash('sha256').update(JSON.stringify(names)).update(text).digest('base64')
  let code = cache.get(key)
  if (code) cache.delete(key)
  else code = compileProgram(parse(text), names)
  cache.set(key, code)
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value!)
  return { name, names, code }
}

/** What the host threw, to be passed on as it is. */
class HostFault {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/* oxlint-disable signet/ambient -- what an evaluation takes where its host gives no clocks; the only place that reads them */
const machine: Environment = {
  now: Date.now,
  monotonic: () => performance.now(),
  random: Math.random,
  cpu: process.threadCpuUsage && (() => (usage => (usage.user + usage.system) / 1000)(process.threadCpuUsage())),
}
/* oxlint-enable signet/ambient */

/** Gives a value for a name of the program, or undefined for None. A Map is one. */
export type Variables = { get(name: string): Value | undefined }

/** As `evaluateNow`, always by a promise. */
export async function evaluate(program: Program, vars: Variables, host: Host = {}, limits?: Partial<Limits>): Promise<Evaluation> {
  return evaluateNow(program, vars, host, limits)
}

/**
 * Runs a program. `vars` is asked for each of its names that the text names. A top-level `yield` makes the result the list of what was
 * yielded. The result is there at once when neither the host nor the event loop had to have a turn.
 * Throws ExpressionError for unhandled exceptions, exceeded limits and faults of the engine; errors of the host are passed on as they are.
 */
export function evaluateNow(program: Program, vars: Variables, host: Host, limits?: Partial<Limits>): Evaluation | Promise<Evaluation> {
  const rt = new EvaluationRuntime(
    limits ? { ...defaultLimits, ...limits } : defaultLimits,
    { ...machine, ...host.environment },
    name => findModule(name) ?? host.module?.(name),
  )
  const deadline = rt.startSlice() + rt.limits.wall
  const ended = (value: Value): Evaluation => {
    rt.charge(weigh(value) >> 6)
    if (host.kept) for (const container of host.kept()) rt.charge(weigh(container) >> 6)
    rt.endSlice()
    return { value, logs: rt.logs, messages: rt.messages, stats: statsOf(rt) }
  }
  const failed = (thrown: unknown): never => {
    throw failureOf(thrown, program, rt)
  }
  try {
    const started = start(program, vars, rt)
    const value = started instanceof Pending ? drive(started, rt, host, deadline) : started
    return value instanceof Promise ? value.then(ended).catch(failed) : ended(value)
  } catch (thrown) {
    return failed(thrown)
  }
}

/** What the caller learns of an evaluation that broke off. */
function failureOf(thrown: unknown, program: Program, rt: EvaluationRuntime): unknown {
  if (rt.running) rt.endSlice()
  const error = asException(thrown)
  if (error instanceof PyException) return new ExpressionError(error, lastLine(error, rt), tracebackOf(error, program.name, rt), rt)
  if (error instanceof LimitExceeded) {
    const line = rt.line
    return new ExpressionError(
      error,
      `limit exceeded: ${error.message}`,
      `  File "${program.name}", line ${line}, in <expression>\nlimit exceeded: ${error.message}`,
      rt,
    )
  }
  if (error instanceof HostFault) return error.error
  return new ExpressionError(
    error,
    `internal error in line ${rt.line}`,
    `  File "${program.name}", line ${rt.line}, in <expression>\ninternal error`,
    rt,
  )
}

function start({ names, code }: Program, vars: Variables, rt: EvaluationRuntime): Result {
  const slots: (Value | undefined)[] = new Array(code.slots)
  for (const index of code.used) slots[index] = vars.get(names[index]!) ?? null
  const result = runProgram(code, slots, rt)
  if (!(result instanceof PyGenerator)) return result
  const items = rt.collect(result)
  return items instanceof Pending ? items.then(list => new PyList(list)) : new PyList(items)
}

/** Serves a suspended evaluation until it ends; without waiting as long as the host answers at once. */
function drive(pending: Pending, rt: EvaluationRuntime, host: Host, deadline: number): Value | Promise<Value> {
  // A promise must never come to a Pending, which looks like another promise to it.
  const onward = (reached: Value | Pending): Value | Promise<Value> =>
    reached instanceof Pending ? drive(reached, rt, host, deadline) : reached
  let current: Value | Pending = pending
  while (current instanceof Pending) {
    const waiting: Pending = current
    const { operation } = waiting
    rt.endSlice()
    if (rt.monotonic() > deadline) throw new LimitExceeded('wall', `more than ${rt.limits.wall} ms in all`)
    if (operation.kind !== 'host') {
      rt.ticks++
      return new Promise(setImmediate).then(() => {
        rt.startSlice(true)
        return onward(resume(waiting, false, undefined, isCatchable))
      })
    }
    const proceed = (failed: boolean, input: unknown): Value | Pending => {
      rt.startSlice()
      rt.charge(10)
      return resume(waiting, failed, input, isCatchable)
    }
    const refused = (error: unknown): Value | Pending => {
      if (error instanceof LimitExceeded) throw error
      if (!(error instanceof PyException)) throw new HostFault(error)
      return proceed(true, error)
    }
    let answer
    try {
      answer = ask(operation, rt, host)
    } catch (error) {
      current = refused(error)
      continue
    }
    if (answer instanceof Promise) {
      return within(answer, deadline - rt.monotonic(), rt.limits.wall).then(
        input => onward(proceed(false, input)),
        error => onward(refused(error)),
      )
    }
    current = proceed(false, answer)
  }
  return current
}

function ask({ op, args }: HostCall, rt: EvaluationRuntime, host: Host): Value | Promise<Value> {
  if (++rt.hostCalls > rt.limits.hostCalls) throw new LimitExceeded('host_calls', `more than ${rt.limits.hostCalls} host calls`)
  if (!host.call) throw new Error(`no host to answer ${op}`)
  return host.call(op, args)
}

/** The result of a promise, or LimitExceeded when `milliseconds` pass first. */
async function within(result: Promise<Value>, milliseconds: number, wall: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LimitExceeded('wall', `more than ${wall} ms in all`)), Math.max(0, milliseconds))
  })
  try {
    return await Promise.race([result, late])
  } finally {
    clearTimeout(timer)
  }
}

const statsOf = (rt: EvaluationRuntime): Stats => ({
  steps: rt.steps,
  allocated: rt.allocated,
  hostCalls: rt.hostCalls,
  cpu: rt.cpu,
  ticks: rt.ticks,
  longestSlice: rt.longestSlice,
  missingModules: rt.missingModules,
})
