/**
 * Regular expressions with the syntax and the meaning of Python 3.11's `re`, in a bounded number of steps. For expressions, and for
 * every other place where an administrator or a client hands in a pattern: redirect URIs, prompt checks, filters.
 *
 * ```ts
 * const program = compileRegex('(?P<user>[^@]+)@(.+)', IGNORECASE)
 * const found = fullMatch(program, 'ada@example.org', { maxSteps: 10_000 })
 * found?.group(1) // 'ada'
 * ```
 */
import { RegexBudgetError } from './errors.ts'
import type { Program } from './program.ts'
import { attempt, Machine } from './run.ts'
import { Subject } from './subject.ts'

export { compileRegex } from './compile.ts'
export { RegexBudgetError, RegexSyntaxError, RegexValueError } from './errors.ts'
export { ASCII, DEBUG, DOTALL, IGNORECASE, LOCALE, MULTILINE, UNICODE, VERBOSE } from './flags.ts'
export type { Program } from './program.ts'
export { Subject } from './subject.ts'
export { escapeText, expandTemplate, expandedSize, parseTemplate } from './template.ts'

/** Steps that one match, or one search, may take unless told otherwise. A step is an instruction or 32 characters of a loop. */
export const DEFAULT_MAX_STEPS = 50_000

export interface MatchOptions {
  /** Beyond this many steps the match ends with RegexBudgetError. */
  maxSteps?: number
  /** Told of the steps that each match took, also of one that ran out of them. May throw to stop. */
  charge?: (steps: number) => void
  /** First code point to look at; text before it is still seen by `\b` and look-behind. Default 0. */
  pos?: number
  /** Code point offset where the text is taken to end. Default: its length. */
  endpos?: number
}

/** A match. Offsets count code points. */
export class RegexMatch {
  readonly program: Program
  readonly subject: Subject
  /** The region that was searched. */
  readonly pos: number
  readonly endpos: number
  /** Start and end of the match and of each group in turn; -1 for a group that took no part. */
  readonly spans: Int32Array
  /** Number of the group that was closed last, or null. */
  readonly lastIndex: number | null

  constructor(program: Program, subject: Subject, pos: number, endpos: number, spans: Int32Array, lastIndex: number | null) {
    this.program = program
    this.subject = subject
    this.pos = pos
    this.endpos = endpos
    this.spans = spans
    this.lastIndex = lastIndex
  }

  start(group = 0) {
    return this.spans[2 * group]!
  }

  end(group = 0) {
    return this.spans[2 * group + 1]!
  }

  /** The text of a group by number, or undefined when it took no part. */
  group(group = 0): string | undefined {
    const start = this.spans[2 * group]!
    return start < 0 ? undefined : this.subject.slice(start, this.spans[2 * group + 1]!)
  }

  /** The text of a group by name; undefined when it took no part or there is no such name. */
  named(name: string): string | undefined {
    const group = this.program.names.get(name)
    return group === undefined ? undefined : this.group(group)
  }
}

const machine = new Machine()

/** Reads the text, unless that alone would cost more than the match may. */
function subjectOf(text: string, options: MatchOptions, shared: boolean) {
  if (text.length >> READ_SHIFT > (options.maxSteps ?? DEFAULT_MAX_STEPS))
    throw new RegexBudgetError('the text is too long for a regular expression')
  return new Subject(text, shared)
}
const READ_SHIFT = 6 // 64 characters a step

type Mode = 'match' | 'full' | 'search'

/** Matches at the beginning of the text. @throws RegexBudgetError */
export const match = (program: Program, text: string, options: MatchOptions = {}) =>
  execute(program, subjectOf(text, options, true), 'match', options, false)

/** Matches the whole text. @throws RegexBudgetError */
export const fullMatch = (program: Program, text: string, options: MatchOptions = {}) =>
  execute(program, subjectOf(text, options, true), 'full', options, false)

/** Finds the first match anywhere. @throws RegexBudgetError */
export const search = (program: Program, text: string, options: MatchOptions = {}) =>
  execute(program, subjectOf(text, options, true), 'search', options, false)

/**
 * All matches from left to right, none overlapping; an empty one may directly follow another, as in Python. The step budget is for
 * each match anew. @throws RegexBudgetError
 */
export function* matchAll(program: Program, text: string, options: MatchOptions = {}): Generator<RegexMatch, void, undefined> {
  const subject = subjectOf(text, options, false)
  let { pos = 0 } = options
  let mustAdvance = false
  for (;;) {
    const found = execute(program, subject, 'search', { ...options, pos }, mustAdvance)
    if (found === null) return
    yield found
    pos = found.end()
    mustAdvance = pos === found.start()
  }
}

/** Replaces all matches, or the first `count`, by what `replacement` answers. @throws RegexBudgetError */
export function replaceAll(
  program: Program,
  text: string,
  replacement: (found: RegexMatch) => string,
  options: MatchOptions & { count?: number } = {},
) {
  let out = ''
  let from = 0
  let left = options.count || Infinity
  let subject: Subject | undefined
  for (const found of matchAll(program, text, options)) {
    subject = found.subject
    out += subject.slice(from, found.start()) + replacement(found)
    from = found.end()
    if (--left === 0) break
  }
  return subject === undefined ? text : out + subject.slice(from, subject.length)
}

function execute(program: Program, subject: Subject, mode: Mode, options: MatchOptions, mustAdvance: boolean): RegexMatch | null {
  const maxSteps = options.maxSteps ?? DEFAULT_MAX_STEPS
  const { length } = subject
  const endpos = Math.max(0, Math.min(options.endpos ?? length, length))
  const pos = Math.max(0, Math.min(options.pos ?? 0, length))
  if (pos > endpos) return null
  machine.begin(program, maxSteps)
  let start = pos
  let end = -1
  try {
    // Reading the text is paid once.
    if (!subject.paid) machine.payForCharacters(subject.text.length, READ_SHIFT)
    subject.paid = true
    const last = endpos - program.minWidth
    const notAt = mustAdvance ? pos : -1
    if (mode !== 'search' || program.anchored) {
      if (start <= last && !(program.anchored && start > 0))
        end = attempt(machine, program, subject.codes, endpos, start, mode === 'full', notAt)
    } else {
      for (; start <= last; start += 1) {
        const from = start
        start = nextStart(program, subject.codes, start, last)
        machine.payForCharacters(start - from)
        if (start > last) break
        end = attempt(machine, program, subject.codes, endpos, start, false, notAt)
        if (end >= 0) break
      }
    }
  } catch (error) {
    if (error instanceof RegexBudgetError) options.charge?.(maxSteps)
    throw error
  } finally {
    machine.end()
  }
  options.charge?.(maxSteps - machine.steps)
  if (end < 0) return null
  const spans = new Int32Array(2 * program.groups + 2)
  spans[0] = start
  spans[1] = end
  const { registers } = machine
  for (let i = 0; i < 2 * program.groups; i += 2) {
    const complete = registers[i]! >= 0 && registers[i + 1]! >= 0
    spans[i + 2] = complete ? registers[i]! : -1
    spans[i + 3] = complete ? registers[i + 1]! : -1
  }
  const lastIndex = registers[2 * program.groups]!
  return new RegexMatch(program, subject, pos, endpos, spans, lastIndex < 0 ? null : lastIndex)
}

/** The first position from `start` on where a match can begin; beyond `last` when there is none. */
function nextStart(program: Program, codes: Int32Array, start: number, last: number) {
  const { firstChar, first } = program
  if (firstChar >= 0) {
    while (start <= last && codes[start] !== firstChar) start += 1
  } else if (first !== null) {
    while (start <= last && !first.has(codes[start]!)) start += 1
  }
  return start
}
