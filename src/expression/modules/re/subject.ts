import { raise } from '../../errors.ts'
import { PyBytes, typeOf } from '../../values.ts'
import type { Value } from '../../values.ts'
import { latin1Bytes, latin1Text, textOf } from '../arguments.ts'
import type { PyPattern } from './pattern.ts'

/** The text to be searched, as the engine wants it; it has to be of the pattern's kind. */
export function subjectText(pattern: PyPattern, value: Value): string {
  const text = textOf(value)
  if (text !== undefined) return pattern.program.isText ? text : raise('TypeError', 'cannot use a bytes pattern on a string-like object')
  if (!(value instanceof PyBytes)) raise('TypeError', `expected string or bytes-like object, got '${typeOf(value).name}'`)
  if (pattern.program.isText) raise('TypeError', 'cannot use a string pattern on a bytes-like object')
  return latin1Text(value)
}

/** A piece of the searched text as a value of the language. */
export const pieceOf = (pattern: PyPattern, text: string): Value => (pattern.program.isText ? text : latin1Bytes(text))
