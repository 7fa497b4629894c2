/**
 * The values above the driver look the same on both engines: booleans are `boolean`, instants `Date` (milliseconds), JSON columns
 * values, uuids lower-case strings, bytes `Uint8Array`, counts `number`. This file is the only place that knows how each engine
 * writes them.
 */
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'

export type Decoder = (value: never) => unknown

const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`the database holds ${text}, which is too large for a number`)
  return value
}

/** SQLite: how a value is read, by the declared type of its column; aggregates and expressions have none and stay as they are. */
const sqliteDecoders: Readonly<Record<string, Decoder>> = {
  boolean: (value: number) => value !== 0,
  instant: (value: number) => new Date(value),
  json_text: (value: string) => JSON.parse(value) as unknown,
}

export const sqliteDecoder = (declaredType: string | null): Decoder | undefined =>
  declaredType === null ? undefined : sqliteDecoders[declaredType.toLowerCase()]

export const decodeSqlite = (decoder: Decoder | undefined, value: SQLOutputValue): unknown =>
  decoder === undefined || value === null ? value : decoder(value as never)

const hexByte = (text: string, at: number) => Number.parseInt(text.slice(at, at + 2), 16)

/** `bytea` in its hex form, `\x0a0b`. */
const bytes = (text: string): Uint8Array => Uint8Array.from({ length: (text.length - 2) / 2 }, (_, index) => hexByte(text, 2 + index * 2))

/** `2026-01-05 09:00:00.123+00`: Postgres' ISO style. Zones may have minutes; years beyond four digits are not written by us. */
const instant = (text: string): Date => {
  const zone = text.length - (text.lastIndexOf('+') > 10 ? text.lastIndexOf('+') : text.lastIndexOf('-'))
  const parsed = new Date(text.replace(' ', 'T') + (zone === 3 ? ':00' : ''))
  if (Number.isNaN(parsed.getTime())) throw new RangeError(`the database holds an instant that cannot be read: ${text}`)
  return parsed
}

/** Postgres: how a value is read, by the object id of its type (pg_type.oid). */
const postgresDecoders = new Map<number, (text: string) => unknown>([
  [16, text => text === 't'],
  [17, bytes],
  [20, wholeNumber],
  [21, Number],
  [23, Number],
  [26, Number],
  [114, text => JSON.parse(text) as unknown],
  [700, Number],
  [701, Number],
  [1184, instant],
  [1700, text => (text.includes('.') ? Number(text) : wholeNumber(text))],
  [3802, text => JSON.parse(text) as unknown],
])

const asIs = (text: string): unknown => text

/** For `pg`'s `types` option: everything else is text. */
export const postgresTypes = { getTypeParser: (oid: number) => postgresDecoders.get(oid) ?? asIs }

/** A NUL cannot be stored in PostgreSQL text; refused on both engines, so that no installation is different. */
export class UnstorableTextError extends TypeError {
  constructor() {
    super('text with a NUL character cannot be stored')
  }
}

const storable = (text: string): string => {
  if (text.includes('\0')) throw new UnstorableTextError()
  return text
}

/**
 * The text of a JSON value as both engines take it: unpaired surrogates are replaced as they are in plain text, NUL refused.
 * @throws UnstorableTextError, TypeError for what JSON cannot say
 */
export const jsonText = (value: unknown): string => {
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`${typeof value} is not a JSON value`)
  if (/(?<!\\)(?:\\\\)*\\u0000/.test(text)) throw new UnstorableTextError()
  return text.includes('\\ud') ? text.replaceAll(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, '$1\ufffd') : text
}

const checkedDate = (value: Date): Date => {
  if (Number.isNaN(value.getTime())) throw new RangeError('an invalid date cannot be stored')
  return value
}

const undefinedParameter = () => new TypeError('a query parameter is undefined; SQL NULL is null')

export const encodeSqlite = (value: unknown): SQLInputValue => {
  switch (typeof value) {
    case 'string':
      return storable(value)
    case 'number':
    case 'bigint':
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'object':
      if (value === null) return null
      if (ArrayBuffer.isView(value)) return value as NodeJS.ArrayBufferView
      return value instanceof Date ? checkedDate(value).getTime() : jsonText(value)
    case 'undefined':
      throw undefinedParameter()
    default:
      throw new TypeError(`a ${typeof value} cannot be a query parameter`)
  }
}

export const encodePostgres = (value: unknown): unknown => {
  switch (typeof value) {
    case 'string':
      return storable(value)
    case 'number':
    case 'bigint':
    case 'boolean':
      return value
    case 'object':
      if (value === null || ArrayBuffer.isView(value)) return value
      return value instanceof Date ? checkedDate(value).toISOString() : jsonText(value)
    case 'undefined':
      throw undefinedParameter()
    default:
      throw new TypeError(`a ${typeof value} cannot be a query parameter`)
  }
}
