/**
 * Finding a text in a text in time linear in both. The engine's own `indexOf` may take the product of the two lengths, `lastIndexOf`
 * always does; with texts that an expression chose that is a stall of minutes.
 */

/** Below this product of lengths the engine's own search cannot take long. */
const SAFE_PRODUCT = 1_000_000

/** Offset of the first `part` in `text` at or after `from`, or -1. */
export function indexOfText(text: string, part: string, from = 0): number {
  if (part.length < 2 || text.length * part.length <= SAFE_PRODUCT) return text.indexOf(part, from)
  return walk(text, part, failures(part), Math.max(0, from))
}

/** Offset of the last `part` in `text` that begins at or before `from`, or -1. */
export function lastIndexOfText(text: string, part: string, from = text.length): number {
  if (part.length < 2 || text.length * part.length <= SAFE_PRODUCT) return text.lastIndexOf(part, from)
  const end = Math.min(text.length, Math.max(0, from) + part.length)
  const table = failures(part, true)
  let matched = 0
  for (let i = end - 1; i >= 0; i--) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && part.charCodeAt(part.length - 1 - matched) !== unit) matched = table[matched - 1]!
    if (part.charCodeAt(part.length - 1 - matched) === unit) matched++
    if (matched === part.length) return i
  }
  return -1
}

/** `text.split(part)` of a part that is not empty, after at most `limit` separators. */
export function splitText(text: string, part: string, limit = Infinity): string[] {
  if (limit === Infinity && (part.length < 2 || text.length * part.length <= SAFE_PRODUCT)) return text.split(part)
  const out: string[] = []
  const find = finder(text, part)
  let from = 0
  while (out.length < limit) {
    const at = find(from)
    if (at < 0) break
    out.push(text.slice(from, at))
    from = at + part.length
  }
  out.push(text.slice(from))
  return out
}

/** How often a part that is not empty occurs without overlapping. */
export function countText(text: string, part: string): number {
  const find = finder(text, part)
  let count = 0
  for (let at = find(0); at >= 0; at = find(at + part.length)) count++
  return count
}

/** Searches one text again and again: the table is made once. */
function finder(text: string, part: string): (from: number) => number {
  if (part.length < 2 || text.length * part.length <= SAFE_PRODUCT) return from => text.indexOf(part, from)
  const table = failures(part)
  return from => walk(text, part, table, from)
}

function walk(text: string, part: string, table: Int32Array, from: number): number {
  let matched = 0
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && part.charCodeAt(matched) !== unit) matched = table[matched - 1]!
    if (part.charCodeAt(matched) === unit) matched++
    if (matched === part.length) return i - matched + 1
  }
  return -1
}

/** For each prefix (suffix when `backwards`) the length of the longest proper border: the table of Knuth, Morris and Pratt. */
function failures(part: string, backwards = false): Int32Array {
  const n = part.length
  const at = backwards ? (i: number) => part.charCodeAt(n - 1 - i) : (i: number) => part.charCodeAt(i)
  const table = new Int32Array(n)
  let matched = 0
  for (let i = 1; i < n; i++) {
    while (matched > 0 && at(matched) !== at(i)) matched = table[matched - 1]!
    if (at(matched) === at(i)) matched++
    table[i] = matched
  }
  return table
}
