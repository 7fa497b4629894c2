import type { AnswerError, AnswerErrors } from './stage.ts'

/** What became of one field of an answer. */
type Parsed = { value: unknown } | { error: AnswerError }

/** How one field of an answer is read. Texts and codes are those that clients of this API know. */
export type AnswerField = {
  required: boolean
  /** Null counts as absent. */
  nullable?: boolean
  /** Taken when the field is absent; makes it optional. */
  fallback?: unknown
  parse: (value: unknown) => Parsed
}

export type AnswerFields = Record<string, AnswerField>

/** The fields that were sent or have a fallback; nothing else of the body gets through. */
export type AnswerValues = Record<string, unknown>

const wrong = (string: string, code = 'invalid'): Parsed => ({ error: { string, code } })
const blank = wrong('This field may not be blank.', 'blank')

type TextOptions = {
  required?: boolean
  /** May be empty. */ blank?: boolean
  trim?: boolean
  maxLength?: number
  fallback?: string
  nullable?: boolean
}

/** Text. Numbers are read as text, objects and lists are not. */
export function textField(options: TextOptions = {}): AnswerField {
  const { required = true, blank: mayBeBlank = false, trim = true, maxLength, fallback, nullable } = options
  return {
    required,
    fallback,
    nullable,
    parse(value) {
      if (typeof value !== 'string' && typeof value !== 'number') return wrong('Not a valid string.')
      const text = trim ? String(value).trim() : String(value)
      // A null byte can be stored nowhere, and nobody types one.
      if (text.includes('\0')) return wrong('Null characters are not allowed.', 'null_characters_not_allowed')
      if (text === '' && !mayBeBlank) return blank
      if (maxLength !== undefined && text.length > maxLength)
        return wrong(`Ensure this field has no more than ${maxLength} characters.`, 'max_length')
      return { value: text }
    },
  }
}

const EMAIL = /^[^\s@"(),:;<>[\\\]]+@(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z\d-]{2,}$/i

/** An e-mail address. */
export function emailField(options: TextOptions = {}): AnswerField {
  const inner = textField(options)
  return {
    ...inner,
    parse(value) {
      const parsed = inner.parse(value)
      if ('error' in parsed || parsed.value === '') return parsed
      return (parsed.value as string).length <= 320 && EMAIL.test(parsed.value as string) ? parsed : wrong('Enter a valid email address.')
    },
  }
}

const TRUE = new Set<unknown>([true, 1, '1', 't', 'true', 'y', 'yes', 'on'])
const FALSE = new Set<unknown>([false, 0, '0', 'f', 'false', 'n', 'no', 'off'])

/** True or false, also as forms write it. */
export const booleanField = (options: { required?: boolean } = {}): AnswerField => ({
  required: options.required ?? true,
  parse(value) {
    const key = typeof value === 'string' ? value.trim().toLowerCase() : value
    if (TRUE.has(key)) return { value: true }
    return FALSE.has(key) ? { value: false } : wrong('Must be a valid boolean.')
  },
})

/** A whole number, also as text. */
export const integerField = (options: { required?: boolean; fallback?: number; nullable?: boolean } = {}): AnswerField => ({
  required: options.required ?? true,
  nullable: options.nullable,
  fallback: options.fallback,
  parse(value) {
    const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : ''
    return /^[+-]?\d{1,15}(?:\.0*)?$/.test(text) ? { value: Number(text) } : wrong('A valid integer is required.')
  },
})

/** A JSON object, whose keys are the stage's to look at. */
export const objectField = (options: { required?: boolean; nullable?: boolean } = {}): AnswerField => ({
  required: options.required ?? true,
  nullable: options.nullable,
  parse: value =>
    typeof value === 'object' && !Array.isArray(value) ? { value } : wrong('Value must be a dictionary, and not have any duplicate keys.'),
})

/** One of the given texts. */
export const choiceField = (choices: readonly string[], options: { required?: boolean; fallback?: string } = {}): AnswerField => ({
  required: options.required ?? true,
  fallback: options.fallback,
  parse(value) {
    const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
    if (text === '' && !(options.required ?? true)) return { value: '' }
    return text !== undefined && choices.includes(text)
      ? { value: text }
      : wrong(`"${text ?? JSON.stringify(value)}" is not a valid choice.`, 'invalid_choice')
  },
})

const kindName = (value: unknown): string => {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  return { string: 'str', number: Number.isInteger(value) ? 'int' : 'float', boolean: 'bool' }[typeof value as 'string'] ?? typeof value
}

/**
 * Reads the body of an answer. Unknown keys are passed over. A body that is absent counts as empty.
 * @returns the values, or what is wrong with each field
 */
export function readAnswer(fields: AnswerFields, body: unknown): { values: AnswerValues } | { errors: AnswerErrors } {
  const sent = body === undefined || body === null ? {} : body
  if (typeof sent !== 'object' || Array.isArray(sent)) {
    return {
      errors: { non_field_errors: [{ string: `Invalid data. Expected a dictionary, but got ${kindName(sent)}.`, code: 'invalid' }] },
    }
  }
  const values: AnswerValues = {}
  const errors: AnswerErrors = {}
  for (const [name, field] of Object.entries(fields)) {
    const value = Object.hasOwn(sent, name) ? (sent as Record<string, unknown>)[name] : undefined
    if (value === undefined || (value === null && field.nullable)) {
      if (field.fallback !== undefined) values[name] = field.fallback
      else if (field.required) errors[name] = [{ string: 'This field is required.', code: 'required' }]
      continue
    }
    if (value === null) {
      errors[name] = [{ string: 'This field may not be null.', code: 'null' }]
      continue
    }
    const parsed = field.parse(value)
    if ('error' in parsed) errors[name] = [parsed.error]
    else values[name] = parsed.value
  }
  return Object.keys(errors).length > 0 ? { errors } : { values }
}
