/** Running a text for somebody: variables in, value, messages and log lines out, changes kept. */
import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { LimitExceeded } from '../errors.ts'
import { compile, evaluate, ExpressionError, type Evaluation, type Host, type Program } from '../evaluate.ts'
import { toJson } from '../json.ts'
import type { Limits } from '../limits.ts'
import { PyDateTime } from '../modules/datetime/datetime.ts'
import type { LogEntry } from '../runtime.ts'
import { HostObject, PyBytes, PyDict, PyException, PyFloat, PyInstance, PyList, PyRange, PySet, PyTuple } from '../values.ts'
import type { PyModule, Value } from '../values.ts'
import { Conversion, describe } from './conversion.ts'
import { helpers } from './functions.ts'
import { httpOperations } from './http.ts'
import { modelOperations } from './model-operations.ts'
import { classesOf } from './models.ts'
import { configModule, hostModule } from './modules.ts'
import { programOperations } from './operations.ts'
import { QuerySet } from './queryset.ts'
import { dispatch, type Operation, type Scope, type Source } from './scope.ts'
import { storeOperations } from './store.ts'

const operations: Readonly<Record<string, Operation>> = { ...storeOperations, ...modelOperations, ...programOperations, ...httpOperations }

/** Longest line and most lines of an evaluation that the server's own log takes. */
const LONGEST_LINE = 2_000
const MOST_LINES = 50

export type Run = {
  source: Source
  text: string
  /** Names beside the helpers; values are made from the scope, so that they belong to this evaluation. */
  variables: (scope: Scope) => ReadonlyMap<string, Value>
  question?: Scope['question']
  /** The variables as plain values, for events that the text makes. */
  describe?: () => Row
  limits?: Partial<Limits>
}

export type Ran = {
  value: Value
  scope: Scope
  messages: string[]
  logs: LogEntry[]
  /** Host calls, steps and time. */
  stats: Evaluation['stats']
}

const HELPERS = new Map(Object.entries(helpers))

const names = new Map<string, readonly string[]>()
const sortedNames = (variables: ReadonlyMap<string, Value>): readonly string[] => {
  const key = [...variables.keys()].join(' ')
  let found = names.get(key)
  // Contexts may have any keys; the usual few sets are remembered.
  if (names.size > 500) names.clear()
  if (!found) names.set(key, (found = [...variables.keys()].sort()))
  return found
}

/** Compiled texts by their names, then by the text itself, which spares hashing it for each evaluation. */
const programs = new WeakMap<readonly string[], Map<string, Program>>()
const MOST_PROGRAMS = 500

function programOf(text: string, given: readonly string[], name: string): Program {
  let known = programs.get(given)
  if (!known) programs.set(given, (known = new Map()))
  const found = known.get(text)
  if (found) return found.name === name ? found : { ...found, name }
  const made = compile(text, given, name)
  if (known.size >= MOST_PROGRAMS) known.delete(known.keys().next().value!)
  known.set(text, made)
  return made
}

/** What finds the modules that are not the language's own. */
export const moduleFinder =
  (ctx: Pick<Ctx, 'registry' | 'config'>) =>
  (name: string): PyModule | undefined =>
    name === 'authentik.lib.config' ? configModule(ctx.config) : hostModule(ctx.registry, name)

/** The same request in the name of the administrator who wrote the text: it may do what they may, and events name it. */
function authorOf(ctx: Ctx, source: Source, callers: readonly string[]): Ctx {
  return { ...ctx, caller: { ...ctx.caller, system: true, superuser: true, expression: { ...source, callers } } }
}

export function openScope(ctx: Ctx, { source, question = null, describe: plain }: Pick<Run, 'source' | 'question' | 'describe'>): Scope {
  const classes = classesOf(ctx.registry)
  const callers = [...(ctx.caller.expression?.callers ?? []), ...(source.pk === null ? [] : [source.pk])]
  return {
    asked: ctx,
    ctx: authorOf(ctx, source, callers),
    source,
    classes,
    conversion: new Conversion(classes),
    question,
    variables: plain ?? (() => ({})),
    requests: 0,
    callers,
  }
}

/**
 * Runs a text. What it changed in the context that was handed in is written back, also when it fails.
 * @throws ExpressionError for an exception of the text or an exceeded limit, ExpressionSyntaxError and RangeError for a text that cannot be compiled
 */
export async function runExpression(ctx: Ctx, run: Run): Promise<Ran> {
  const scope = openScope(ctx, run)
  const variables = new Map(HELPERS)
  for (const [name, value] of run.variables(scope)) variables.set(name, value)
  const program = programOf(run.text, sortedNames(variables), run.source.name)
  const host: Host = {
    call: (op, args) => dispatch(operations, scope, op, args),
    module: moduleFinder(ctx),
    environment: { now: () => ctx.now().getTime() },
    kept: () => scope.conversion.kept(),
  }
  let logs: LogEntry[] = []
  try {
    const { value, messages, logs: lines, stats } = await evaluate(program, variables, host, run.limits)
    logs = lines
    scope.conversion.finish()
    return { value, scope, messages, logs, stats }
  } catch (error) {
    if (error instanceof ExpressionError) logs = error.logs
    try {
      scope.conversion.finish()
    } catch (tooMuch) {
      // A text that failed may leave more behind than can be kept; then nothing of it is.
      if (!(tooMuch instanceof LimitExceeded || tooMuch instanceof PyException)) throw tooMuch
    }
    throw error
  } finally {
    report(ctx, run.source, logs)
  }
}

/** Lines of `ak_logger` in the server's log. */
function report(ctx: Ctx, source: Source, lines: readonly LogEntry[]): void {
  for (const line of lines.slice(0, MOST_LINES)) {
    const level =
      line.level === 'warning'
        ? 'warn'
        : line.level === 'critical'
          ? 'error'
          : line.level === 'debug' || line.level === 'error'
            ? line.level
            : 'info'
    ctx.log[level](
      { expression: source.name, kind: source.kind, ...(plainFields(line) && { fields: plainFields(line) }) },
      line.event.slice(0, LONGEST_LINE),
    )
  }
}

/** Named values of a log line; undefined when there are none. */
export function plainFields(line: LogEntry): Row | undefined {
  if (line.fields.size === 0) return undefined
  return Object.fromEntries([...line.fields].map(([name, value]) => [name, describe(plainOr(value))]))
}

function plainOr(value: Value): unknown {
  try {
    return toJson(value)
  } catch {
    // Whatever JSON cannot hold stands in a log as what it is called.
    return value instanceof HostObject ? (value.str?.() ?? value.cls.name) : (value as { cls: { name: string } }).cls.name
  }
}

/** Whether a result counts as "yes". A query set does when it finds something. */
export async function isTruthy(scope: Scope, value: Value): Promise<boolean> {
  if (value === null || typeof value !== 'object') return Boolean(value)
  if (value instanceof QuerySet) return Boolean(await dispatch(operations, scope, 'query.exists', { query: value.query }))
  if (value instanceof PyFloat) return value.value !== 0
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length > 0
  if (value instanceof PyDict) return value.entries.size > 0
  if (value instanceof PySet) return value.items.size > 0
  if (value instanceof PyBytes || value instanceof PyRange) return ('data' in value ? value.data.length : value.length) > 0
  if (value instanceof HostObject && value.length) return Number(value.length()) > 0
  if (value instanceof HostObject && value.truth) return Boolean(value.truth())
  return value instanceof PyInstance && value.payload !== undefined ? isTruthy(scope, value.payload) : true
}

/** The text of an exception without its kind, as users may read it: `ValueError: no` → `no`. */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error instanceof ExpressionError && error.kind === 'exception' ? error.message.replace(/^[\w.]+: /, '') : error.message
}

/** A result as plain data: objects stand for their keys, whole numbers beyond 2^53 lose digits as they would in any JSON reader. */
export function plainResult(scope: Scope, value: Value): unknown {
  const plain = (item: unknown): unknown => {
    if (typeof item === 'bigint') return Number(item)
    if (Array.isArray(item)) return item.map(plain)
    if (typeof item !== 'object' || item === null || item instanceof Date) return item
    const out: Row = {}
    for (const [key, inner] of Object.entries(item)) {
      if (key !== '__proto__') out[key] = plain(inner)
      else Object.defineProperty(out, key, { value: plain(inner), writable: true, enumerable: true, configurable: true })
    }
    return out
  }
  return value instanceof PyDateTime ? scope.conversion.leave(value) : plain(toJson(value))
}
