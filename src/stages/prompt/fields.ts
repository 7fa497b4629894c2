import { MAX_PASSWORD_BYTES } from '../../core/password/passwords.ts'
import { booleanField, choiceField, emailField, integerField, textField, type AnswerField } from '../../flows/answer.ts'
import { PlainDate } from '../../lib/plain-date.ts'
import { SERVER_VALUED, SILENT, wireText, type PromptField } from './values.ts'

const wrong = (string: string, code = 'invalid') => ({ error: { string, code } })

/** Text that must meet one more rule; empty text passes where the field may be empty. */
const textThat = (inner: AnswerField, read: (text: string) => ReturnType<AnswerField['parse']>): AnswerField => ({
  ...inner,
  parse(value) {
    const parsed = inner.parse(value)
    return 'error' in parsed || parsed.value === '' ? parsed : read(parsed.value as string)
  },
})

const dateField = (inner: AnswerField): AnswerField =>
  textThat(inner, text => {
    const value = PlainDate.parse(text)
    return value ? { value } : wrong('Date has wrong format. Use one of these formats instead: YYYY-MM-DD.')
  })

const dateTimeField = (inner: AnswerField): AnswerField =>
  textThat(inner, text => {
    const date = new Date(/(?:[zZ]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`)
    return /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) && !Number.isNaN(date.getTime())
      ? { value: date }
      : wrong('Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].')
  })

/**
 * What people type is kept with the plan, in the session, until the flow is done: so there is an end to it. A line and a text are longer
 * than anybody needs; a file is a picture of a megabyte, which base64 makes a third larger.
 */
const MAX_LINE = 4_096
const MAX_TEXT = 65_536
const MAX_FILE = 1_500_000

/** `data:<type>;base64,<data>` (RFC 2397); kept as it is. */
const fileField = (inner: AnswerField): AnswerField =>
  textThat(inner, text => {
    if (!text.startsWith('data:')) return wrong('Invalid scheme')
    const comma = text.indexOf(',')
    if (comma < 0 || !/^data:[^,]{0,255};base64$/.test(text.slice(0, comma))) return wrong('Invalid encoding')
    const content = text.slice(comma + 1)
    const padding = content.indexOf('=')
    const digits = padding < 0 ? content : content.slice(0, padding)
    if (/[^A-Za-z\d+/]/.test(digits) || !/^={0,2}$/.test(content.slice(digits.length))) return wrong('Invalid encoding')
    return text.length > MAX_FILE ? wrong('This file is too large.', 'max_length') : { value: text }
  })

/** What can be hashed; see core/password/passwords.ts. */
const passwordField = (inner: AnswerField): AnswerField =>
  textThat(inner, text =>
    Buffer.byteLength(text) > MAX_PASSWORD_BYTES
      ? wrong(`Ensure this field has no more than ${MAX_PASSWORD_BYTES} characters.`, 'max_length')
      : { value: text },
  )

/**
 * How the answer to a field is read; undefined for one that is only shown. An initial value that says something is the default, and
 * makes the field optional.
 */
export function answerField(field: PromptField): AnswerField | undefined {
  const { type } = field
  if (SILENT.has(type) || SERVER_VALUED.has(type)) return undefined
  const start = wireText(field.initial)
  const required = field.required && start === ''
  const fallback = start === '' ? undefined : start
  const optional = { required, blank: !field.required }
  switch (type) {
    case 'checkbox':
      return booleanField({ required: false })
    case 'number':
      return {
        ...emptyIsAbsent(integerField({ required, fallback: fallback === undefined ? undefined : Number(fallback) }), field.required),
      }
    case 'radio-button-group':
    case 'dropdown':
      return choiceField(
        (field.choices ?? []).map(choice => choice.value),
        { required, fallback },
      )
    case 'email':
      return { ...emailField({ ...optional, maxLength: 254 }), fallback }
    case 'username':
      return { ...textField({ required, maxLength: 150 }), fallback }
    case 'password':
      return { ...passwordField(textField({ required })), fallback }
    case 'date':
      return { ...dateField(textField(optional)), fallback: fallback === undefined ? undefined : (PlainDate.parse(fallback) ?? fallback) }
    case 'date-time':
      return { ...dateTimeField(textField(optional)), fallback: field.initial instanceof Date ? field.initial : fallback }
    case 'file':
      return { ...fileField(textField({ ...optional, trim: false })), fallback }
    case 'ak-locale':
      return { ...textField({ ...optional, maxLength: MAX_LINE }), fallback }
    case 'text_area':
      return { ...textField({ ...optional, trim: false, maxLength: MAX_TEXT }), fallback }
    default:
      return { ...textField({ ...optional, trim: false, maxLength: MAX_LINE }), fallback }
  }
}

/** Forms send an empty text for a number that was left out. */
const emptyIsAbsent = (inner: AnswerField, required: boolean): AnswerField => ({
  ...inner,
  parse: value => (value === '' && !required ? { value: undefined } : inner.parse(value)),
})

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

/** Writes a value under a key such as `attributes.settings.locale`: each dot is one level. */
export function putNested(target: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split('.')
  if (path.some(part => FORBIDDEN.has(part))) return
  let place = target
  for (const part of path.slice(0, -1)) {
    const inner = Object.hasOwn(place, part) ? place[part] : undefined
    const next = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as Record<string, unknown>) : {}
    place[part] = next
    place = next
  }
  place[path.at(-1)!] = value
}
