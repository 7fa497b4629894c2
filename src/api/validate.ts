import type { Ajv, ErrorObject, ValidateFunction } from 'ajv'
import { createRequire } from 'node:module'
import { Type, type TSchema } from 'typebox'
import { invalid, type FieldErrors } from './errors.ts'

let loaded: Ajv | undefined

/** Loaded when the first body is checked: a start need not wait for it. */
function compiler(): Ajv {
  if (loaded) return loaded
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
  const { default: addFormats } = createRequire(import.meta.url)('ajv-formats') as typeof import('ajv-formats')
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true })
  addFormats.default(ajv, ['uuid', 'email', 'date', 'uri'])
  // RFC 3339, but a missing zone is read as UTC, as clients of this API expect.
  ajv.addFormat('date-time', value => !Number.isNaN(Date.parse(value)) && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value))
  return (loaded = ajv)
}

const compiled = new WeakMap<TSchema, ValidateFunction>()

/** Compiled on first use: a thousand validators at start would cost seconds. */
function validator(schema: TSchema): ValidateFunction {
  const known = compiled.get(schema)
  if (known) return known
  const made = compiler().compile(schema)
  compiled.set(schema, made)
  return made
}

const typeName = (value: unknown): string => {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  return { string: 'str', number: Number.isInteger(value) ? 'int' : 'float', boolean: 'bool' }[typeof value as 'string'] ?? 'dict'
}

/** The sentence that clients know for a broken rule. */
function sentence({ keyword, params, data, schema, parentSchema }: ErrorObject): string {
  if (data === null && keyword !== 'required') return 'This field may not be null.'
  const format = (parentSchema as { format?: string } | undefined)?.format
  switch (keyword) {
    case 'required':
      return 'This field is required.'
    case 'type': {
      const type = [schema].flat()[0] as string
      if (type === 'string' && format === 'uuid') return `“${String(data)}” is not a valid UUID.`
      if (type === 'string') return 'Not a valid string.'
      if (type === 'integer') return 'A valid integer is required.'
      if (type === 'number') return 'A valid number is required.'
      if (type === 'boolean') return 'Must be a valid boolean.'
      if (type === 'array') return `Expected a list of items but got type "${typeName(data)}".`
      return 'Value must be a dictionary, and not have any duplicate keys.'
    }
    case 'minLength':
      return 'This field may not be blank.'
    case 'maxLength':
      return `Ensure this field has no more than ${params.limit as number} characters.`
    case 'minimum':
      return `Ensure this value is greater than or equal to ${params.limit as number}.`
    case 'maximum':
      return `Ensure this value is less than or equal to ${params.limit as number}.`
    case 'minItems':
      return 'This list may not be empty.'
    case 'enum':
      return `"${String(data)}" is not a valid choice.`
    case 'pattern':
      return 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'
    case 'format':
      if (format === 'uuid') return `“${String(data)}” is not a valid UUID.`
      if (format === 'email') return 'Enter a valid email address.'
      if (format === 'uri') return 'Enter a valid URL.'
      if (format === 'date-time')
        return 'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].'
      return 'Enter a valid value.'
    default:
      return 'Enter a valid value.'
  }
}

/** Puts a text at `path` of an error body; list items keep their position, as clients expect. */
function place(errors: FieldErrors, path: string[], text: string): void {
  const [head, ...rest] = path as [string, ...string[]]
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
  const validate = validator(schema)
  if (validate(value)) return textErrors(value)
  const errors: FieldErrors = {}
  for (const error of validate.errors ?? []) {
    if (error.instancePath === '' && error.keyword === 'type') {
      return { non_field_errors: [`Invalid data. Expected a dictionary, but got ${typeName(value)}.`] }
    }
    const path = error.instancePath
      .split('/')
      .slice(1)
      .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    if (error.keyword === 'required') path.push((error.params as { missingProperty: string }).missingProperty)
    if (error.keyword === 'if' || error.keyword === 'anyOf') continue
    place(errors, path.length ? path : ['non_field_errors'], sentence(error))
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
