import { readChoice } from './authenticators/choice.ts'
import type { Answer, Challenge, PromptChallenge, PromptField } from './challenge.ts'

/** The hidden field that carries the CSRF token in forms posted without JavaScript. */
export const CSRF_FIELD = 'csrfmiddlewaretoken'

/** The fields of a submitted form, each with its last value, as a browser encodes them. */
export type FormFields = Record<string, string | undefined>

/**
 * Turns a submitted form into the body that the executor expects for this challenge: numbers and booleans
 * where the field has such a type, only fields the challenge asks for. Used by the browser on a FormData
 * and by the server on an urlencoded body, so that both ways of sending a form mean the same.
 */
export function answerFor(challenge: Challenge, form: FormFields): Answer {
  const { component } = challenge
  switch (component) {
    case 'ak-stage-identification':
      return { component, ...pick(form, ['uid_field', 'password', 'captcha_token']) }
    case 'ak-stage-password':
      return { component, password: form.password ?? '' }
    case 'ak-stage-consent':
      return { component, token: form.token ?? '', ...(form.decline !== undefined && { decline: true }) }
    case 'ak-stage-authenticator-validate':
      return { component, ...validateAnswer(form) }
    case 'ak-stage-user-login':
      return { component, remember_me: form.remember_me === 'true' }
    // The button that asks for another code has the address for its value, and sends no code along.
    case 'ak-stage-authenticator-email':
      return { component, ...pick(form, form.email === undefined ? ['code'] : ['email']) }
    case 'ak-stage-authenticator-sms':
      return { component, ...pick(form, form.phone_number === undefined ? ['code'] : ['phone_number']) }
    case 'ak-stage-prompt':
      return { component, ...promptAnswer((challenge as PromptChallenge).fields, form) }
    default:
      return {
        component,
        ...pick(
          form,
          Object.keys(form).filter(name => name !== CSRF_FIELD && name !== 'component'),
        ),
      }
  }
}

// Object.fromEntries defines own properties, so a field named `__proto__` stays an ordinary field.
const pick = (form: FormFields, names: string[]): Answer =>
  Object.fromEntries(names.filter(name => Object.hasOwn(form, name)).map(name => [name, form[name]]))

/** A choice among devices or set-up stages, a push, else a code. */
function validateAnswer({ selected_challenge: choice, selected_stage, duo, code = '' }: FormFields): Answer {
  if (choice !== undefined) return { selected_challenge: readChoice(choice) }
  if (selected_stage !== undefined) return { selected_stage }
  return duo === undefined ? { code } : { duo: Number(duo) }
}

/** Types that are shown but not answered: their value is the server's. */
const SILENT = new Set(['static', 'separator', 'alert_info', 'alert_warning', 'alert_danger'])
/** Types where the empty string is a value of its own, so that a person can clear an optional field. */
const BLANKABLE = new Set(['text', 'text_area', 'text_read_only', 'text_area_read_only', 'email', 'ak-locale', 'hidden'])

function promptAnswer(fields: PromptField[], form: FormFields): Answer {
  const entries: [string, unknown][] = []
  for (const field of fields) {
    if (SILENT.has(field.type)) continue
    const value = Object.hasOwn(form, field.field_key) ? form[field.field_key] : undefined
    const answered = promptValue(field, value)
    if (answered !== undefined) entries.push([field.field_key, answered])
  }
  return Object.fromEntries(entries)
}

function promptValue(field: PromptField, value: string | undefined): unknown {
  switch (field.type) {
    case 'checkbox':
      return value !== undefined && value !== 'false' // an unticked box is not sent by browsers
    case 'number':
      // What is no number goes to the server as typed, which names the mistake.
      return value === undefined || value.trim() === '' ? undefined : Number.isFinite(Number(value)) ? Number(value) : value
    case 'file':
      // Without JavaScript a browser sends the file's name; only the content, as data URI, is an answer.
      return value?.startsWith('data:') ? value : undefined
    case 'username':
    case 'password':
      return value === '' && !field.required ? undefined : value
    default:
      return value === '' && !BLANKABLE.has(field.type) ? undefined : value
  }
}
