/** Running a text for somebody: variables in, value, messages and log lines out, changes kept. */
import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { attempt } from '../../lib/attempt.ts'
import { LimitExceeded } from '../errors.ts'
import { compile, evaluateNow, ExpressionError, type Evaluation, type Host, type Program } from '../evaluate.ts'
import { toJson, toPlain } from '../json.ts'
import type { Limits } from '../limits.ts'
import { PyDateTime } from '../modules/datetime/datetime.ts'
import type { LogEntry } from '../runtime.ts'
import { HostObject, PyBytes, PyDict, PyException, PyFloat, PyInstance, PyList, PyRange, PySet, PyTuple } from '../values.ts'
import type { PyModule, Value } from '../values.ts'
import { describe } from '../../flows/describe.ts'
import { helpers } from './functions.ts'
import { httpOperations } from './http.ts'
import { modelOperations } from './model-operations.ts'
import { classesOf } from './models.ts'
import { configModule, hostModule } from './modules.ts'
import { programOperations } from './operations.ts'
import { QuerySet } from './queryset.ts'
import { Scope, dispatch, type Operation, type Question, type Source } from './scope.ts'
import { storeOperations } from './store.ts'

const operations: Readonly<Record<string, Operation>> = { ...storeOperations, ...modelOperations, ...programOperations, ...httpOperations }

/** Longest line and most lines of an evaluation that the server's own log takes. */
const LONGEST_LINE = 2_000
const MOST_LINES = 50

/** What a text can name beside the helpers. */
export type Variables = {
  /** The same array for the same names, see `namesOf`: what was compiled is found by it. */
  readonly names: readonly string[]
  /** The value of one of the names, asked for only when the text names it; undefined: that of the helper. */
  value(name: string): Value | undefined
}

/** Variables that are there already. */
export const variablesIn = (values: ReadonlyMap<string, Value>): Variables => ({
  names: namesOf(values.keys()),
  value: name => values.get(name),
})

export type Run = {
  source: Source
  text: string
  /** Values are made from the scope, so that they belong to this evaluation. */
  variables: (scope: Scope) => Variables
  question?: Question
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

const known = new Map<string, readonly string[]>()
/** These names in order, with those of the helpers: the same array for the same names. */
export function namesOf(given: Iterable<string>): readonly string[] {
  const names = [...new Set([...HELPERS.keys(), ...given])].sort()
  const key = names.join(' ')
  let found = known.get(key)
  // Contexts may have any keys; the usual few sets are remembered.
  if (known.size > 500) known.clear()
  if (!found) known.set(key, (found = names))
  return found
}

/** Compiled texts by their names, then by the text itself, which spares hashing it for each evaluation. */
const programs = new WeakMap<readonly string[], Map<string, Program>>()
const MOST_PROGRAMS = 500

function programOf(text: string, given: readonly string[], name: string): Program {
  let compiled = programs.get(given)
  if (!compiled) programs.set(given, (compiled = new Map()))
  const found = compiled.get(text)
  if (found) return found.name === name ? found : { ...found, name }
  const made = compile(text, given, name)
  if (compiled.size >= MOST_PROGRAMS) compiled.delete(compiled.keys().next().value!)
  compiled.set(text, made)
  return made
}

/** What finds the modules that are not the language's own. */
export const moduleFinder =
  (ctx: Pick<Ctx, 'registry' | 'config'>) =>
  (name: string): PyModule | undefined =>
    name === 'authentik.lib.config' ? configModule(ctx.config) : hostModule(ctx.registry, name)

const nothing = (): Row => ({})

/**
 * Runs a text; what it gives is there at once when nobody had to be waited for. What it changed in the context that was handed in is
 * written back, also when it fails.
 * @throws ExpressionError for an exception of the text or an exceeded limit, ExpressionSyntaxError and RangeError for a text that cannot be compiled
 */
export function runExpression(ctx: Ctx, run: Run): Ran | Promise<Ran> {
  const { source, question = null, describe: plain = nothing } = run
  const scope = new Scope({ asked: ctx, source, question, classes: classesOf(ctx.registry), variables: plain })
  const variables = run.variables(scope)
  const program = programOf(run.text, variables.names, source.name)
  const host: Host = {
    call: (op, args) => dispatch(operations, scope, op, args),
    module: moduleFinder(ctx),
    environment: { now: () => ctx.now().getTime() },
    kept: () => scope.kept(),
  }
  const named = {
    get: (name: string): Value | undefined => {
      const own = variables.value(name)
      return own === undefined ? HELPERS.get(name) : own
    },
  }
  return attempt(
    () => evaluateNow(program, named, host, run.limits),
    ({ value, messages, logs, stats }): Ran => {
      report(ctx, source, logs)
      scope.finish()
      return { value, scope, messages, logs, stats }
    },
    (error): never => {
      if (error instanceof ExpressionError) report(ctx, source, error.logs)
      try {
        scope.finish()
      } catch (tooMuch) {
        // A text that failed may leave more behind than can be kept; then nothing of it is.
        if (!(tooMuch instanceof LimitExceeded || tooMuch instanceof PyException)) throw tooMuch
      }
      throw error
    },
  )
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

/** The result of an evaluation as plain data: objects stand for their keys, whole numbers beyond 2^53 lose digits as they would in any JSON reader. */
export const plainResult = (scope: Scope, value: Value): unknown =>
  value instanceof PyDateTime ? scope.conversion.leave(value) : toPlain(value)
