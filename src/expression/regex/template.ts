import { RegexValueError } from './errors.ts'
import { CONTROL_ESCAPES } from './escape.ts'
import type { RegexMatch } from './index.ts'
import type { Program } from './program.ts'
import { isAsciiLetter, isDecimal, isIdentifier, isOctal, pointLength, quoted, Source } from './source.ts'

/** A replacement template: texts, and numbers of groups to put between them. */
export type Template = readonly (string | number)[]

/**
 * Reads a template of `re.sub`: `\1`, `\g<1>`, `\g<name>`, octal and control escapes.
 * @throws RegexSyntaxError; RegexValueError (IndexError) for a name that the pattern does not have
 */
export function parseTemplate(text: string, program: Program): Template {
  if (!text.includes('\\')) return [text]
  const source = new Source(text, program.isText)
  const parts: (string | number)[] = []
  const group = (number: number, back: number) => {
    if (number > program.groups) throw source.error(`invalid group reference ${number}`, back)
    parts.push(number)
  }
  for (;;) {
    const token = source.get()
    if (token === null) return parts
    if (token.length < 2 || token[0] !== '\\') {
      parts.push(token)
      continue
    }
    const c = token.slice(1)
    if (c === 'g') {
      const { number, back } = namedReference(source, program)
      group(number, back)
    } else if (c === '0') {
      parts.push(String.fromCharCode(parseInt(c + source.getWhile(2, isOctal), 8) & 0xff))
    } else if (isDecimal(c)) {
      const digits = decimalReference(source, c)
      if (typeof digits === 'string') parts.push(digits)
      else group(digits, String(digits).length)
    } else {
      const control = CONTROL_ESCAPES.get(token)
      if (control === undefined && isAsciiLetter(c)) throw source.error(`bad escape ${token}`, 2)
      parts.push(control === undefined ? token : String.fromCharCode(control))
    }
  }
}

function namedReference(source: Source, program: Program) {
  if (!source.match('<')) throw source.error('missing <')
  const name = source.getUntil('>', 'group name')
  const back = pointLength(name) + 1
  if (isIdentifier(name)) {
    const number = program.names.get(name)
    if (number === undefined) throw new RegexValueError('IndexError', `unknown group name ${quoted(name)}`)
    return { number, back }
  }
  if (!/^[0-9]+$/.test(name)) throw source.error(`bad character in group name ${quoted(name)}`, back)
  return { number: Number(name), back }
}

/** What `\1`, `\12` or `\123` is: the number of a group, or for three octal digits a character. */
function decimalReference(source: Source, first: string): number | string {
  let digits = first
  if (isDecimal(source.next)) {
    digits += source.get()
    if (isOctal(digits[0]) && isOctal(digits[1]) && isOctal(source.next)) {
      digits += source.get()
      const char = parseInt(digits, 8)
      if (char > 0o377) throw source.error(`octal escape value \\${digits} outside of range 0-0o377`, 4)
      return String.fromCharCode(char)
    }
  }
  return Number(digits)
}

/** The template with the groups of a match filled in; a group that took no part gives nothing. */
export function expandTemplate(template: Template, found: RegexMatch): string {
  let out = ''
  for (const part of template) out += typeof part === 'string' ? part : (found.group(part) ?? '')
  return out
}

/** How long `expandTemplate` will be, at most. */
export const expandedSize = (template: Template, found: RegexMatch): number =>
  template.reduce<number>(
    (size, part) => size + (typeof part === 'string' ? part.length : 2 * Math.max(0, found.end(part) - found.start(part))),
    0,
  )

/** `re.escape`: a pattern that matches the text literally. */
export const escapeText = (text: string) => text.replace(/[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g, '\\$&')
