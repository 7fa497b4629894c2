/** What native modules share for looking at arguments. */
import { raise } from '../errors.ts'
import { latin1 } from '../keys.ts'
import { PyBytes, PyFloat, PyInstance, typeOf } from '../values.ts'
import type { Value } from '../values.ts'

/** The text of a str or of an object of a subclass of str, else undefined. */
export function textOf(value: Value | undefined): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof PyInstance && typeof value.payload === 'string' ? value.payload : undefined
}

/** The number of an int (a bool is one), else undefined. Ints beyond the safe range come rounded. */
export function intOf(value: Value | undefined): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return Number(value)
  return value instanceof PyInstance && value.payload !== undefined ? intOf(value.payload) : undefined
}

/** The number of an int or float, else undefined. */
export const numberOf = (value: Value | undefined): number | undefined => (value instanceof PyFloat ? value.value : intOf(value))

export const requireInt = (value: Value): number =>
  intOf(value) ?? raise('TypeError', `'${typeOf(value).name}' object cannot be interpreted as an integer`)

export const requireText = (value: Value, what: string): string =>
  textOf(value) ?? raise('TypeError', `${what} must be str, not ${typeOf(value).name}`)

/** Bytes as a text of one character (0 to 255) a byte, and back. */
export const latin1Text = (bytes: PyBytes): string => latin1(bytes.data)
export const latin1Bytes = (text: string): PyBytes => new PyBytes(Buffer.from(text, 'latin1'))
