/** Raised for a pattern or replacement template that is not valid; the text of `message` is the one of Python's `re.error`. */
export class RegexSyntaxError extends Error {
  /** The message without the position. */
  readonly msg: string
  readonly pattern: string | null
  /** Code point offset into `pattern`, or null when the error belongs to no place. */
  readonly pos: number | null
  readonly lineno: number | null
  readonly colno: number | null

  constructor(msg: string, pattern: string | null = null, pos: number | null = null) {
    const place = pattern === null || pos === null ? null : locate(pattern, pos)
    super(
      place === null
        ? msg
        : place.several
          ? `${msg} at position ${pos} (line ${place.line}, column ${place.column})`
          : `${msg} at position ${pos}`,
    )
    this.name = 'RegexSyntaxError'
    this.msg = msg
    this.pattern = pattern
    this.pos = pos
    this.lineno = place?.line ?? null
    this.colno = place?.column ?? null
  }
}

/** Where Python raises IndexError (a template that names an unknown group) or OverflowError (a repeat count beyond its range). */
export class RegexValueError extends Error {
  readonly kind: 'IndexError' | 'OverflowError' | 'ValueError'
  constructor(kind: 'IndexError' | 'OverflowError' | 'ValueError', message: string) {
    super(message)
    this.name = 'RegexValueError'
    this.kind = kind
  }
}

/** Thrown when a match needs more steps, or more backtracking memory, than it was given. */
export class RegexBudgetError extends Error {
  constructor(message = 'the regular expression took too many steps') {
    super(message)
    this.name = 'RegexBudgetError'
  }
}

function locate(pattern: string, pos: number) {
  const points = Array.from(pattern).slice(0, pos)
  const last = points.lastIndexOf('\n')
  return { line: points.filter(c => c === '\n').length + 1, column: pos - last, several: pattern.includes('\n') }
}
