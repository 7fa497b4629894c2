/** Compiling texts (cached) and running them against a host. */
import { createHash } from 'node:crypto'
import './builtins/index.ts'
import { compileProgram } from './compile/functions.ts'
import { LimitExceeded, isCatchable } from './errors.ts'
import { PyFunction, PyGenerator, asException } from './function.ts'
import type { Code, Frame } from './function.ts'
import { findModule } from './modules/index.ts'
import { Pending, resume } from './pending.ts'
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
const environment: Environment = {
  now: Date.now,
  monotonic: () => performance.now(),
  random: Math.random,
  cpu: process.threadCpuUsage && (() => (usage => (usage.user + usage.system) / 1000)(process.threadCpuUsage())),
}
/* oxlint-enable signet/ambient */

/**
 * Runs a program. `vars` gives a value for each of its names (None where it gives none). A top-level `yield` makes the result the list of what was yielded.
 * Throws ExpressionError for unhandled exceptions, exceeded limits and faults of the engine; errors of the host are passed on as they are.
 */
export async function evaluate(
  program: Program,
  vars: ReadonlyMap<string, Value>,
  host: Host = {},
  limits: Partial<Limits> = {},
): Promise<Evaluation> {
  const rt = new EvaluationRuntime(
    { ...defaultLimits, ...limits },
    { ...environment, ...host.environment },
    name => findModule(name) ?? host.module?.(name),
  )
  const deadline = rt.monotonic() + rt.limits.wall
  rt.startSlice()
  try {
    const started = start(program, vars, rt)
    const value = started instanceof Pending ? await drive(started, rt, host, deadline) : started
    rt.charge(weigh(value) >> 6)
    for (const container of host.kept?.() ?? []) rt.charge(weigh(container) >> 6)
    rt.endSlice()
    return { value, logs: rt.logs, messages: rt.messages, stats: statsOf(rt) }
  } catch (thrown) {
    if (rt.running) rt.endSlice()
    const error = asException(thrown)
    if (error instanceof PyException) throw new ExpressionError(error, lastLine(error, rt), tracebackOf(error, program.name, rt), rt)
    if (error instanceof LimitExceeded) {
      const line = rt.line
      throw new ExpressionError(
        error,
        `limit exceeded: ${error.message}`,
        `  File "${program.name}", line ${line}, in <expression>\nlimit exceeded: ${error.message}`,
        rt,
      )
    }
    if (error instanceof HostFault) throw error.error
    throw new ExpressionError(
      error,
      `internal error in line ${rt.line}`,
      `  File "${program.name}", line ${rt.line}, in <expression>\ninternal error`,
      rt,
    )
  }
}

function start(program: Program, vars: ReadonlyMap<string, Value>, rt: EvaluationRuntime): Result {
  const args = program.names.map(name => {
    const value = vars.get(name)
    return value === undefined ? null : value
  })
  const result = new PyFunction(program.code, null as Frame | null, new Map(), null).invoke(args, null, rt)
  if (!(result instanceof PyGenerator)) return result
  const items = rt.collect(result)
  return items instanceof Pending ? items.then(list => new PyList(list)) : new PyList(items)
}

/** Serves a suspended evaluation until it ends. */
async function drive(pending: Pending, rt: EvaluationRuntime, host: Host, deadline: number): Promise<Value> {
  let current: Value | Pending = pending
  while (current instanceof Pending) {
    const { operation } = current
    rt.endSlice()
    if (rt.monotonic() > deadline) throw new LimitExceeded('wall', `more than ${rt.limits.wall} ms in all`)
    let failed = false
    let input: unknown
    if (operation.kind === 'host') {
      if (++rt.hostCalls > rt.limits.hostCalls) throw new LimitExceeded('host_calls', `more than ${rt.limits.hostCalls} host calls`)
      if (!host.call) throw new HostFault(new Error(`no host to answer ${operation.op}`))
      try {
        input = await within(host.call(operation.op, operation.args), deadline - rt.monotonic(), rt.limits.wall)
      } catch (error) {
        if (error instanceof LimitExceeded) throw error
        if (!(error instanceof PyException)) throw new HostFault(error)
        failed = true
        input = error
      }
    } else {
      rt.ticks++
      await new Promise(setImmediate)
    }
    rt.startSlice(operation.kind === 'tick')
    rt.charge(operation.kind === 'host' ? 10 : 0)
    current = resume(current, failed, input, isCatchable)
  }
  return current
}

/** The result of a promise, or LimitExceeded when `milliseconds` pass first. */
async function within(result: Value | Promise<Value>, milliseconds: number, wall: number): Promise<Value> {
  if (!(result instanceof Promise)) return result
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
