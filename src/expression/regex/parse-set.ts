import type { Node } from './ast.ts'
import { ONE } from './ast.ts'
import type { SetItem } from './charset.ts'
import { parseEscape } from './escape.ts'
import { pointLength } from './source.ts'
import type { Source } from './source.ts'

/** Reads a character class; the opening bracket is consumed already. */
export function parseSet(source: Source): Node {
  const here = source.tell() - 1
  const items: SetItem[] = []
  const negate = source.match('^')
  const unterminated = () => source.error('unterminated character set', source.tell() - here)
  for (;;) {
    const token = source.get()
    if (token === null) throw unterminated()
    if (token === ']' && items.length > 0) break
    const from = setItem(source, token)
    if (!source.match('-')) {
      items.push(from)
      continue
    }
    const last = source.get()
    if (last === null) throw unterminated()
    if (last === ']') {
      items.push(from, { lo: 45, hi: 45 })
      break
    }
    const to = setItem(source, last)
    if ('category' in from || 'category' in to || to.hi < from.lo) {
      throw source.error(`bad character range ${token}-${last}`, pointLength(token) + 1 + pointLength(last))
    }
    items.push({ lo: from.lo, hi: to.hi })
  }
  const only = items[0]!
  if (!negate && items.every(item => 'lo' in item && 'lo' in only && item.lo === only.lo && item.hi === only.lo)) {
    return { op: 'char', char: (only as { lo: number }).lo, ...ONE }
  }
  return { op: 'set', items, negate, ...ONE }
}

function setItem(source: Source, token: string): SetItem {
  if (token.length < 2 || token[0] !== '\\') {
    const char = token.codePointAt(0)!
    return { lo: char, hi: char }
  }
  const escape = parseEscape(source, token, true)
  if ('category' in escape) return { category: escape.category }
  const { char } = escape as { char: number }
  return { lo: char, hi: char }
}
