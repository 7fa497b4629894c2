/**
 * Character properties as Python's `str` methods define them, kept in tables of 256 code points that are made when first
 * asked for. The single-character property tests below are the only use of JavaScript's own expressions; they cannot backtrack.
 */
const WORD = 1
const DIGIT = 2

const IS_WORD = /^[\p{L}\p{N}_]$/u
const IS_DIGIT = /^\p{Nd}$/u

const classPages = new Map<number, Uint8Array>()

function classOf(c: number) {
  let page = classPages.get(c >> 8)
  if (page === undefined) {
    page = new Uint8Array(256)
    const first = (c >> 8) << 8
    for (let i = 0; i < 256; i++) {
      const ch = String.fromCodePoint(first + i)
      page[i] = (IS_WORD.test(ch) ? WORD : 0) | (IS_DIGIT.test(ch) ? DIGIT : 0)
    }
    classPages.set(c >> 8, page)
  }
  return page[c & 255]!
}

/** `\w`: letters, everything numeric, and the underscore; combining marks are not part of it. */
export const isWord = (c: number) => (classOf(c) & WORD) !== 0

/** `\d`: decimal digits of every script. */
export const isDigit = (c: number) => (classOf(c) & DIGIT) !== 0

/** `\s`: what `str.isspace` accepts, which includes the four separators 0x1c to 0x1f. */
export function isSpace(c: number) {
  if (c < 0x80) return c === 32 || (c >= 9 && c <= 13) || (c >= 28 && c <= 31)
  return (
    c === 0x85 ||
    c === 0xa0 ||
    c === 0x1680 ||
    (c >= 0x2000 && c <= 0x200a) ||
    c === 0x2028 ||
    c === 0x2029 ||
    c === 0x202f ||
    c === 0x205f ||
    c === 0x3000
  )
}

export const isAsciiWord = (c: number) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 95
export const isAsciiDigit = (c: number) => c >= 48 && c <= 57
export const isAsciiSpace = (c: number) => c === 32 || (c >= 9 && c <= 13)

export const asciiLower = (c: number) => (c >= 65 && c <= 90 ? c + 32 : c)

const lowerPages = new Map<number, Int32Array>()

/** The simple lower-case mapping: one code point to one code point. */
export function lower(c: number) {
  if (c < 128) return asciiLower(c)
  let page = lowerPages.get(c >> 8)
  if (page === undefined) {
    page = new Int32Array(256)
    const first = (c >> 8) << 8
    for (let i = 0; i < 256; i++)
      page[i] = String.fromCodePoint(first + i)
        .toLowerCase()
        .codePointAt(0)!
    lowerPages.set(c >> 8, page)
  }
  return page[c & 255]!
}

// The blocks that hold cased letters; outside them every character is alone in its case class.
const CASED = [
  0, 0x5ff, 0x10a0, 0x10ff, 0x13a0, 0x13ff, 0x1c80, 0x1cbf, 0x1d70, 0x1d8f, 0x1e00, 0x218f, 0x24b0, 0x24ef, 0x2c00, 0x2d2f, 0xa640, 0xa7ff,
  0xab50, 0xabbf, 0xfb00, 0xfb06, 0xff20, 0xff5f, 0x10400, 0x105ff, 0x10c80, 0x10cff, 0x118a0, 0x118df, 0x16e40, 0x16e7f, 0x1e900, 0x1e943,
]
let caseClasses: Map<number, readonly number[]> | undefined

/**
 * All characters that IGNORECASE takes for the same as `c`, itself among them. Two characters are the same when the full upper case
 * of their lower case is: that adds to the pairs the few lower-case letters that share a capital (s and ſ, σ and ς, µ and μ).
 */
export function caseClass(c: number): readonly number[] {
  if (caseClasses === undefined) {
    const byUpper = new Map<string, number[]>()
    for (let b = 0; b < CASED.length; b += 2) {
      for (let i = CASED[b]!; i <= CASED[b + 1]!; i++) {
        const key = String.fromCodePoint(lower(i)).toUpperCase()
        const members = byUpper.get(key)
        if (members === undefined) byUpper.set(key, [i])
        else members.push(i)
      }
    }
    caseClasses = new Map()
    for (const members of byUpper.values()) if (members.length > 1) for (const m of members) caseClasses.set(m, members)
  }
  return caseClasses.get(c) ?? [c]
}

/** The same under the ASCII flag, where only A to Z have two cases. */
export const asciiCaseClass = (c: number): readonly number[] => (isAsciiWord(c) && c > 64 && c !== 95 ? [c, c ^ 32] : [c])
