/** Tracebacks as Python prints them. */
import { LimitExceeded } from './errors.ts'
import type { EvaluationRuntime } from './runtime.ts'
import { str } from './text.ts'
import { PyException } from './values.ts'

/** The last line: type and text. The text may come from a method of the expression; when that fails it is left out. */
export function lastLine(error: PyException, rt: EvaluationRuntime): string {
  const module = error.cls.module === 'builtins' || error.cls.module === '__main__' ? '' : `${error.cls.module}.`
  let text = ''
  try {
    text = str(error, rt)
  } catch (failure) {
    if (!(failure instanceof PyException) && !(failure instanceof LimitExceeded) && !(failure instanceof RangeError)) throw failure
    text = '<exception str() failed>'
  }
  return `${module}${error.cls.name}${text ? `: ${text}` : ''}`
}

/** `file` is the name of the policy or mapping; lines are those of its text. */
export function tracebackOf(error: PyException, file: string, rt: EvaluationRuntime, depth = 0): string {
  const frames = error.traceback.toReversed().map(({ name, line }) => `  File "${file}", line ${line}, in ${name}`)
  const shown = frames.length > 20 ? [...frames.slice(0, 10), `  … ${frames.length - 20} more`, ...frames.slice(-10)] : frames
  const own = ['Traceback (most recent call last):', ...shown, lastLine(error, rt)].join('\n')
  const before = error.cause ?? (error.suppressContext ? null : error.context)
  if (!before || depth > 10) return own
  const why = error.cause
    ? 'The above exception was the direct cause of the following exception:'
    : 'During handling of the above exception, another exception occurred:'
  return `${tracebackOf(before, file, rt, depth + 1)}\n\n${why}\n\n${own}`
}
