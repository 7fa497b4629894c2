/** logging and structlog: entries go to the evaluation's log. */
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import type { EvaluationRuntime } from '../runtime.ts'
import { percentFormat } from '../percent.ts'
import { PyException, PyInstance, PyTuple } from '../values.ts'
import type { Kwargs, NativeFunction, PyClass, PyModule, Value } from '../values.ts'

class Logger extends PyInstance {
  readonly name: string
  readonly bound: ReadonlyMap<string, Value>
  constructor(name: string, bound: ReadonlyMap<string, Value>) {
    super(loggerClass, null)
    this.name = name
    this.bound = bound
  }
}

function write(self: Logger, level: string, args: Value[], kwargs: Kwargs | null, rt: EvaluationRuntime): null {
  const [event = '', ...values] = args
  const text = typeof event === 'string' ? event : rt.str(event)
  const message = values.length ? percentFormat(text, new PyTuple(values), rt) : text
  const fields = new Map<string, Value>([
    ...self.bound,
    ...(self.name ? [['logger', self.name] as [string, Value]] : []),
    ...(kwargs ?? []),
  ])
  for (const [name, value] of fields) if (value instanceof PyException) fields.set(name, rt.repr(value))
  rt.log(level, message, fields)
  return null
}

const levels: Record<string, string> = {
  debug: 'debug',
  info: 'info',
  msg: 'info',
  warning: 'warning',
  warn: 'warning',
  error: 'error',
  exception: 'error',
  critical: 'critical',
  fatal: 'critical',
}

const loggerClass: PyClass = nativeClass({
  name: 'Logger',
  module: 'logging',
  methods: {
    ...Object.fromEntries(
      Object.entries(levels).map(([name, level]): [string, NativeFunction] => [
        name,
        nativeRaw(name, ([self, ...args], kwargs, rt) => write(self as Logger, level, args, kwargs, rt)),
      ]),
    ),
    log: nativeRaw('log', ([self, level, ...args], kwargs, rt) => write(self as Logger, levelName(level!), args, kwargs, rt)),
    bind: nativeRaw('bind', ([self], kwargs) => new Logger((self as Logger).name, new Map([...(self as Logger).bound, ...(kwargs ?? [])]))),
    new: nativeRaw('new', ([self], kwargs) => new Logger((self as Logger).name, kwargs ?? new Map())),
    setLevel: native('setLevel', 'self, level', () => null),
    isEnabledFor: native('isEnabledFor', 'self, level', () => true),
    getChild: native('getChild', 'self, suffix', ([self, suffix]) => new Logger(`${self.name}.${suffix}`, self.bound)),
  },
  getters: { name: (self: Logger) => self.name },
})

const numbers: Record<string, number> = { DEBUG: 10, INFO: 20, WARNING: 30, WARN: 30, ERROR: 40, CRITICAL: 50, FATAL: 50, NOTSET: 0 }
const levelName = (level: Value): string => (Object.entries(numbers).find(([, n]) => n === level)?.[0] ?? 'info').toLowerCase()

/** A logger for `ak_logger` and the like. */
export const logger = (name = ''): PyInstance => new Logger(name, new Map())

const root = logger()

export const logging: PyModule = defineModule('logging', {
  ...numbers,
  getLogger: native('getLogger', 'name=None', ([name]) => logger(name === null ? '' : String(name))),
  Logger: loggerClass,
  ...Object.fromEntries(
    Object.entries(levels)
      .filter(([name]) => name !== 'msg')
      .map(([name, level]) => [name, nativeRaw(name, (args, kwargs, rt) => write(root as Logger, level, args, kwargs, rt))]),
  ),
  basicConfig: nativeRaw('basicConfig', () => null),
})

const getLogger = nativeRaw('get_logger', (args, kwargs) => new Logger(typeof args[0] === 'string' ? args[0] : '', kwargs ?? new Map()))
export const structlog: PyModule = defineModule('structlog', { get_logger: getLogger, getLogger })
export const structlogStdlib: PyModule = defineModule('structlog.stdlib', { get_logger: getLogger, BoundLogger: loggerClass })
