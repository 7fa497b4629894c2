import { Type, type TSchema } from 'typebox'
import { violations, type Violation } from '../lib/json-schema.ts'
import { invalid, type FieldErrors } from './errors.ts'

const typeName = (value: unknown): string => {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  return { string: 'str', number: Number.isInteger(value) ? 'int' : 'float', boolean: 'bool' }[typeof value as 'string'] ?? 'dict'
}

/** The sentence that clients know for a broken rule. */
function sentence({ keyword, schema, value }: Violation): string {
  if (value === null && keyword !== 'required') return 'This field may not be null.'
  const { format } = schema
  switch (keyword) {
    case 'required':
      return 'This field is required.'
    case 'type': {
      const [type] = [schema.type].flat()
      if (type === 'string' && format === 'uuid') return `“${String(value)}” is not a valid UUID.`
      if (type === 'string') return 'Not a valid string.'
      if (type === 'integer') return 'A valid integer is required.'
      if (type === 'number') return 'A valid number is required.'
      if (type === 'boolean') return 'Must be a valid boolean.'
      if (type === 'array') return `Expected a list of items but got type "${typeName(value)}".`
      return 'Value must be a dictionary, and not have any duplicate keys.'
    }
    case 'minLength':
      return 'This field may not be blank.'
    case 'maxLength':
      return `Ensure this field has no more than ${schema.maxLength} characters.`
    case 'minimum':
      return `Ensure this value is greater than or equal to ${schema.minimum}.`
    case 'maximum':
      return `Ensure this value is less than or equal to ${schema.maximum}.`
    case 'minItems':
      return 'This list may not be empty.'
    case 'enum':
      return `"${String(value)}" is not a valid choice.`
    case 'pattern':
      return 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'
    case 'format':
      if (format === 'uuid') return `“${String(value)}” is not a valid UUID.`
      if (format === 'email') return 'Enter a valid email address.'
      if (format === 'date-time')
        return 'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].'
      return 'Enter a valid value.'
    default:
      return 'Enter a valid value.'
  }
}

/** Puts a text at `path` of an error body; list items keep their position, as clients expect. */
function place(errors: FieldErrors, path: readonly string[], text: string): void {
  const [head, ...rest] = path as readonly [string, ...string[]]
  if (rest.length === 0) {
    const known = errors[head]
    if (Array.isArray(known) && typeof known[0] === 'string') (known as string[]).push(text)
    else errors[head] ??= [text]
    return
  }
  if (/^\d+$/.test(rest[0]!)) {
    const list = (errors[head] ??= []) as FieldErrors[]
    const index = Number(rest[0])
    if (rest.length === 1) {
      errors[head] = [text]
      return
    }
    while (list.length <= index) list.push({})
    place(list[index]!, rest.slice(1), text)
    return
  }
  place((errors[head] ??= {}) as FieldErrors, rest, text)
}

/** Why no database keeps a text as it is, or undefined: PostgreSQL has no NUL, and half a surrogate pair is no character. */
function textError(value: unknown): string | undefined {
  if (typeof value === 'string')
    return value.includes('\0') ? 'Null characters are not allowed.' : value.isWellFormed() ? undefined : 'Not a valid string.'
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const error = textError(key) ?? textError(inner)
    if (error !== undefined) return error
  }
  return undefined
}

function textErrors(value: unknown): FieldErrors {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const error = textError(inner)
      return error === undefined ? [] : [[name.toWellFormed().replaceAll('\0', '\uFFFD'), [error]]]
    }),
  )
}

/** Field errors of a value against a schema; empty when it fits. Text that no database keeps is an error whatever the schema. */
export function fieldErrors(schema: TSchema, value: unknown): FieldErrors {
  const found = violations(schema, value)
  if (found.length === 0) return textErrors(value)
  const errors: FieldErrors = {}
  // What is empty is told once, and not of what it is not besides.
  const blank = new Set(found.flatMap(({ path, keyword, value: text }) => (keyword === 'minLength' && text === '' ? [path.join('/')] : [])))
  for (const violation of found) {
    const { path, keyword } = violation
    if (keyword !== 'minLength' && blank.has(path.join('/'))) continue
    if (path.length === 0 && keyword === 'type') {
      return { non_field_errors: [`Invalid data. Expected a dictionary, but got ${typeName(value)}.`] }
    }
    place(errors, path.length > 0 ? path : ['non_field_errors'], sentence(violation))
  }
  return errors
}

/** The value, typed, when it fits the schema; throws the 400 that names each broken field. */
export function checked<T>(schema: TSchema, value: unknown): T {
  const errors = fieldErrors(schema, value)
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return value as T
}

/** An object schema whose properties are all required unless listed as optional. */
export const body = (properties: Record<string, TSchema>, optional: readonly string[] = []): TSchema =>
  Type.Unsafe({ type: 'object', properties, required: Object.keys(properties).filter(key => !optional.includes(key)) })
