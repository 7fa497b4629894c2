/** Flag bits, with the numbers that Python's `re` module gives them. */
export const IGNORECASE = 2
export const LOCALE = 4
export const MULTILINE = 8
export const DOTALL = 16
export const UNICODE = 32
export const VERBOSE = 64
export const DEBUG = 128
export const ASCII = 256

export const TYPE_FLAGS = ASCII | LOCALE | UNICODE

export const FLAG_LETTERS: ReadonlyMap<string, number> = new Map([
  ['i', IGNORECASE],
  ['L', LOCALE],
  ['m', MULTILINE],
  ['s', DOTALL],
  ['x', VERBOSE],
  ['a', ASCII],
  ['u', UNICODE],
])

/** Flags inside a group that turns some on and some off; a new character type replaces the old one. */
export const scopedFlags = (flags: number, add: number, del: number) => ((add & TYPE_FLAGS ? flags & ~TYPE_FLAGS : flags) | add) & ~del
