/**
 * What the language core expects of the regular-expression engine. Semantics are those of Python's `re`. Texts are JavaScript
 * strings, and all offsets are UTF-16 code units; the engine never matches half of a surrogate pair. Patterns and texts of bytes come
 * as strings of code units 0-255 with `bytes: true`.
 */

/** Python's flag values. */
export const RegexFlags = { ASCII: 256, IGNORECASE: 2, LOCALE: 4, MULTILINE: 8, DOTALL: 16, UNICODE: 32, VERBOSE: 64 } as const

/** Whoever pays for matching: `charge` throws (not a Python exception) when the evaluation's budget is used up. */
export interface StepBudget {
  charge(steps: number): void
}

export interface RegexMatch {
  /** Start and end of group n at 2n and 2n+1; -1 for groups that did not take part. */
  readonly spans: readonly number[]
  /** Number of the last matched capturing group, 0 when none. */
  readonly lastIndex: number
}

export interface RegexProgram {
  readonly pattern: string
  /** Flags given plus those from the pattern. */
  readonly flags: number
  /** Number of capturing groups. */
  readonly groups: number
  readonly groupIndex: ReadonlyMap<string, number>
  /**
   * Matches `text` between `start` and `end` (`^` and lookbehind see the text before `start`, as with Python's pos; the text after `end` is not seen).
   * Steps are charged to `budget` as they are made, in batches of at most 1,000.
   */
  exec(text: string, start: number, end: number, mode: 'search' | 'match' | 'fullmatch', budget: StepBudget): RegexMatch | null
}

/** A pattern that does not compile; becomes `re.error`. `position` counts code points of the pattern. */
export class RegexSyntaxError {
  readonly message: string
  readonly position: number
  constructor(message: string, position: number) {
    this.message = message
    this.position = position
  }
}

/** `regex/index.ts` exports a function of this type named `compileRegex`. Throws RegexSyntaxError. */
export type CompileRegex = (pattern: string, flags: number, options?: { bytes?: boolean; budget?: StepBudget }) => RegexProgram
