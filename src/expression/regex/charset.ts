import {
  asciiCaseClass,
  asciiLower,
  caseClass,
  isAsciiDigit,
  isAsciiSpace,
  isAsciiWord,
  isDigit,
  isSpace,
  isWord,
  lower,
} from './unicode.ts'

export type Category = 'd' | 'D' | 's' | 'S' | 'w' | 'W'

/** What stands between brackets. Ranges are inclusive; a single character is a range of one. */
export type SetItem = { lo: number; hi: number } | { category: Category }

/** How characters are compared: exactly, ignoring the case of A to Z, or ignoring case as Unicode defines it. */
export type Folding = 'none' | 'ascii' | 'unicode'

type Test = (c: number) => boolean

/** A compiled set: a table for ASCII, sorted ranges and category tests for the rest. */
export class CharSet {
  readonly ascii: Uint8Array
  readonly negate: boolean
  /** Sorted, disjoint: lo, hi, lo, hi … */
  private readonly ranges: Int32Array
  private readonly tests: readonly Test[]
  private readonly folding: Folding

  constructor(items: readonly SetItem[], negate: boolean, folding: Folding, asciiOnly: boolean) {
    this.negate = negate
    this.folding = folding
    this.ranges = mergeRanges(items)
    this.tests = [...new Set(items.flatMap(item => ('category' in item ? [item.category] : [])))].map(c => categoryTest(c, asciiOnly))
    this.ascii = new Uint8Array(128)
    for (let c = 0; c < 128; c++) this.ascii[c] = this.slow(c) ? 1 : 0
  }

  has(c: number) {
    return c < 128 ? this.ascii[c] === 1 : this.slow(c)
  }

  private slow(c: number) {
    return this.contains(c) !== this.negate
  }

  private contains(c: number) {
    const folded = this.folding === 'none' ? c : this.folding === 'ascii' ? asciiLower(c) : lower(c)
    for (let i = 0; i < this.tests.length; i++) if (this.tests[i]!(folded)) return true
    if (this.ranges.length === 0) return false
    if (this.inRanges(c)) return true
    if (this.folding === 'none') return false
    const same = this.folding === 'ascii' ? asciiCaseClass(c) : quickCaseClass(c)
    for (let i = 0; i < same.length; i++) if (this.inRanges(same[i]!)) return true
    return false
  }

  private inRanges(c: number) {
    const r = this.ranges
    let low = 0
    let high = (r.length >> 1) - 1
    while (low <= high) {
      const mid = (low + high) >> 1
      if (c < r[2 * mid]!) high = mid - 1
      else if (c > r[2 * mid + 1]!) low = mid + 1
      else return true
    }
    return false
  }
}

// ASCII without the full table of case classes, which takes milliseconds to make and is seldom wanted.
const ASCII_CLASSES: readonly (readonly number[])[] = Array.from({ length: 128 }, (_, c) => {
  const letter = asciiLower(c)
  const more = letter === 105 ? [0x130, 0x131] : letter === 115 ? [0x17f] : letter === 107 ? [0x212a] : []
  return [...asciiCaseClass(c), ...more]
})
export const quickCaseClass = (c: number) => (c < 128 ? ASCII_CLASSES[c]! : caseClass(c))

function mergeRanges(items: readonly SetItem[]) {
  const ranges = items.flatMap(item => ('category' in item ? [] : [item])).sort((a, b) => a.lo - b.lo)
  const out: number[] = []
  for (const { lo, hi } of ranges) {
    const last = out.length - 1
    if (last > 0 && lo <= out[last]! + 1) out[last] = Math.max(out[last]!, hi)
    else out.push(lo, hi)
  }
  return Int32Array.from(out)
}

function categoryTest(category: Category, asciiOnly: boolean): Test {
  const positive = {
    d: asciiOnly ? isAsciiDigit : isDigit,
    s: asciiOnly ? isAsciiSpace : isSpace,
    w: asciiOnly ? isAsciiWord : isWord,
  }[category.toLowerCase() as 'd' | 's' | 'w']
  return category === category.toLowerCase() ? positive : c => !positive(c)
}
