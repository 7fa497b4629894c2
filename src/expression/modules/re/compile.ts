import { exceptionClass, LimitExceeded, raise } from '../../errors.ts'
import type { Runtime } from '../../module.ts'
import { compileRegex, RegexBudgetError, RegexSyntaxError, RegexValueError } from '../../regex/index.ts'
import type { Program } from '../../regex/index.ts'
import { PyException } from '../../values.ts'
import type { Value } from '../../values.ts'

export const reError = exceptionClass('error', 'Exception', 're')

/** Turns the engine's errors into exceptions of the language, or into the end of the evaluation. */
export function guarded<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw translated(error)
  }
}

export function translated(error: unknown): unknown {
  if (error instanceof RegexBudgetError) return new LimitExceeded('steps', error.message)
  if (error instanceof RegexValueError) raise(error.kind, error.message)
  if (!(error instanceof RegexSyntaxError)) return error
  const exception = new PyException(reError, [error.message])
  const { msg, pattern, pos, lineno, colno } = error
  exception.attrs = new Map<string, Value>(Object.entries({ msg, pattern, pos, lineno, colno }))
  return exception
}

const CACHE_SIZE = 256
const CACHED_PATTERN = 4096 // characters
const cache = new Map<string, Program>()

/** Compiles, or finds what was compiled before: programs are immutable, so evaluations share them. */
export function compiled(pattern: string, flags: number, isText: boolean, rt: Pick<Runtime, 'charge'>): Program {
  rt.charge(pattern.length >> 6)
  const key = `${isText ? 't' : 'b'}${flags}:${pattern}`
  let program = cache.get(key)
  if (program === undefined) {
    rt.charge(100 + 10 * pattern.length)
    program = guarded(() => compileRegex(pattern, flags, isText))
    if (pattern.length > CACHED_PATTERN) return program
  } else cache.delete(key)
  cache.set(key, program)
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value!)
  return program
}
