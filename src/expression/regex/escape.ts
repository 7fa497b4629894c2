import type { AtKind } from './ast.ts'
import type { Category } from './charset.ts'
import { isAsciiLetter, isDecimal, isHex, isOctal, pointLength, quoted } from './source.ts'
import type { Source } from './source.ts'

/** What a backslash sequence stands for. `group` is a back reference that has still to be checked. */
export type Escape = { char: number } | { category: Category } | { at: AtKind } | { group: number; length: number }

export const CONTROL_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['\\a', 7],
  ['\\b', 8],
  ['\\f', 12],
  ['\\n', 10],
  ['\\r', 13],
  ['\\t', 9],
  ['\\v', 11],
  ['\\\\', 92],
])
const ANCHORS: ReadonlyMap<string, AtKind> = new Map([
  ['\\A', 'beginString'],
  ['\\Z', 'endString'],
  ['\\b', 'boundary'],
  ['\\B', 'notBoundary'],
])

/** Reads the rest of an escape; `token` is the backslash and the character behind it. Inside brackets `\b` is a backspace. */
export function parseEscape(source: Source, token: string, inSet: boolean): Escape {
  if (!inSet) {
    const at = ANCHORS.get(token)
    if (at !== undefined) return { at }
  }
  const control = CONTROL_ESCAPES.get(token)
  if (control !== undefined) return { char: control }
  const c = token.slice(1)
  if (c.length === 1 && 'dDsSwW'.includes(c)) return { category: c as Category }
  if (c === 'x') return hexadecimal(source, token, 2)
  if (c === 'u' && source.isText) return hexadecimal(source, token, 4)
  if (c === 'U' && source.isText) return hexadecimal(source, token, 8)
  if (c === 'N' && source.isText) throw namedCharacter(source)
  if (inSet ? isOctal(c) : c === '0') return octal(source, token)
  if (isDecimal(c)) {
    if (inSet) throw source.error(`bad escape ${token}`, 2)
    return reference(source, token)
  }
  if (isAsciiLetter(c)) throw source.error(`bad escape ${token}`, 2)
  return { char: c.codePointAt(0)! }
}

function hexadecimal(source: Source, token: string, digits: number): Escape {
  const escape = token + source.getWhile(digits, isHex)
  if (escape.length !== digits + 2) throw source.error(`incomplete escape ${escape}`, escape.length)
  const char = parseInt(escape.slice(2), 16)
  if (char > 0x10ffff) throw source.error(`bad escape ${escape}`, escape.length)
  return { char }
}

function octal(source: Source, token: string): Escape {
  const escape = token + source.getWhile(2, isOctal)
  const char = parseInt(escape.slice(1), 8)
  if (char > 0o377) throw octalRange(source, escape)
  return { char }
}

const octalRange = (source: Source, escape: string) => source.error(`octal escape value ${escape} outside of range 0-0o377`, escape.length)

function reference(source: Source, token: string): Escape {
  let escape = token
  if (isDecimal(source.next)) {
    escape += source.get()
    if (isOctal(escape[1]) && isOctal(escape[2]) && isOctal(source.next)) {
      escape += source.get()
      const char = parseInt(escape.slice(1), 8)
      if (char > 0o377) throw octalRange(source, escape)
      return { char }
    }
  }
  return { group: Number(escape.slice(1)), length: escape.length }
}

// There is no table of character names here, so every name is unknown.
function namedCharacter(source: Source) {
  if (!source.match('{')) return source.error('missing {')
  const name = source.getUntil('}', 'character name')
  return source.error(`undefined character name ${quoted(name)}`, pointLength(name) + 4)
}
