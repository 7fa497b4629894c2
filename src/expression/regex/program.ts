import type { CharSet } from './charset.ts'

/**
 * Instructions. An instruction is its number followed by its operands in the same array; addresses are absolute.
 * "Registers" are the capture positions, the index of the last closed group, and what loops and look-arounds keep.
 */
export const MATCH = 0
export const CHAR = 1 // char
export const CHAR2 = 2 // char, char: the two cases of a letter
export const SET = 3 // set
export const ANY = 4
export const ALL = 5
export const STRING = 6 // string
export const JUMP = 7 // address
export const SPLIT = 8 // address: go on here, the address being the alternative
export const SPLIT_LAZY = 9 // address: go there, here being the alternative
export const OPEN = 10 // register
export const CLOSE = 11 // register, group
export const AT_BEGIN = 12
export const AT_BEGIN_LINE = 13
export const AT_END = 14
export const AT_END_LINE = 15
export const AT_END_STRING = 16
export const AT_BOUNDARY = 17 // ascii
export const AT_NOT_BOUNDARY = 18 // ascii
export const BACKREF = 19 // register, folding
export const IF_GROUP = 20 // register, address for when it is unset
export const REPEAT = 21 // unit, operand, min, max, char that must follow or -1
export const REPEAT_LAZY = 22 // the same
export const REPEAT_POSSESSIVE = 23 // the same
export const LOOP_START = 24 // register
export const LOOP = 25 // register, min, max, exit address
export const LOOP_LAZY = 26 // the same
export const ATOMIC = 27 // register
export const ATOMIC_END = 28 // register
export const LOOK = 29 // register, characters back
export const LOOK_END = 30 // register
export const LOOK_NOT = 31 // register, characters back, address behind it
export const LOOK_NOT_END = 32 // register

/** What a single-character repeat repeats; the operand is a character, a set, or unused. */
export const UNIT_CHAR = 0
export const UNIT_SET = 1
export const UNIT_ANY = 2
export const UNIT_ALL = 3

/** How a back reference compares. */
export const EXACT = 0
export const FOLD_ASCII = 1
export const FOLD_UNICODE = 2

/** The largest repeat count that is told from "without end". */
export const ENDLESS = 0x3fffffff

/** A compiled expression. */
export interface Program {
  readonly pattern: string
  /** All flags in force, those written inside the pattern among them. */
  readonly flags: number
  readonly isText: boolean
  /** Number of capturing groups. */
  readonly groups: number
  /** Group number by name, in the order of the pattern. */
  readonly names: ReadonlyMap<string, number>
  readonly code: Int32Array
  readonly sets: readonly CharSet[]
  readonly strings: readonly Int32Array[]
  readonly registers: number
  /** The least number of characters a match takes. */
  readonly minWidth: number
  /** True when a match can only begin where the text begins. */
  readonly anchored: boolean
  /** A set that the first character of every match is in, or null when that is not known. */
  readonly first: CharSet | null
  /** The one character every match begins with, or -1. */
  readonly firstChar: number
}
