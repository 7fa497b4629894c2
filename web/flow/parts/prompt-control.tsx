import type { HTMLInputTypeAttribute } from 'preact'
import type { PromptField } from '../challenge.ts'
import { LANGUAGES } from '../languages.ts'
import { useStage } from '../stage.ts'
import { Field, FieldErrors, PasswordField, TextField, useFieldState } from './field.tsx'
import { Markup } from './markup.tsx'

const INPUT_TYPES: Record<string, HTMLInputTypeAttribute> = {
  email: 'email',
  number: 'number',
  date: 'date',
  'date-time': 'datetime-local',
  file: 'file',
}
const AUTOCOMPLETE: Record<string, string> = { username: 'username', email: 'email', name: 'name', password: 'new-password' }

interface Props {
  field: PromptField
  autofocus: boolean
}

/** One field of a prompt stage, by its type. */
export function PromptControl({ field, autofocus }: Props) {
  switch (field.type) {
    case 'separator':
      return <hr />
    case 'hidden':
      return <input type="hidden" name={field.field_key} value={field.initial_value || field.placeholder} />
    case 'static':
      return <Static field={field} />
    case 'alert_info':
    case 'alert_warning':
    case 'alert_danger':
      return <MessageBox field={field} />
    case 'checkbox':
      return <Checkbox field={field} autofocus={autofocus} />
    case 'radio-button-group':
      return <RadioGroup field={field} autofocus={autofocus} />
    case 'dropdown':
    case 'ak-locale':
      return <Dropdown field={field} autofocus={autofocus} />
    case 'text_area':
    case 'text_area_read_only':
      return <TextArea field={field} autofocus={autofocus} />
    case 'password':
      return <PasswordField {...labels(field)} {...typed(field, autofocus)} canShow autocomplete="new-password" />
    default:
      return <Line field={field} autofocus={autofocus} />
  }
}

const labels = (field: PromptField) => ({
  name: field.field_key,
  label: field.label,
  hint: field.sub_text ? <Markup html={field.sub_text} /> : undefined,
})

const typed = (field: PromptField, autofocus: boolean) => ({
  placeholder: field.placeholder || undefined,
  required: field.required,
  autofocus,
})

function useInitialValue(field: PromptField): string {
  return useStage().values[field.field_key] ?? field.initial_value
}

function Line({ field, autofocus }: Props) {
  const { t } = useStage()
  const initial = useInitialValue(field)
  const isFile = field.type === 'file'
  const hint = isFile ? (
    <>
      {labels(field).hint}
      <noscript>{t('file_needs_script')}</noscript>
    </>
  ) : (
    labels(field).hint
  )
  return (
    <TextField
      {...labels(field)}
      hint={hint}
      {...typed(field, autofocus)}
      type={INPUT_TYPES[field.type] ?? 'text'}
      inputmode={field.type === 'number' ? 'numeric' : undefined}
      autocomplete={AUTOCOMPLETE[field.type] ?? AUTOCOMPLETE[field.field_key]}
      autocapitalize={field.type === 'username' ? 'none' : undefined}
      spellcheck={field.type === 'username' ? false : undefined}
      readOnly={field.type === 'text_read_only'}
      defaultValue={isFile ? undefined : initial}
    />
  )
}

function TextArea({ field, autofocus }: Props) {
  const { control } = useFieldState(field.field_key, field.sub_text !== '')
  return (
    <Field {...labels(field)}>
      <textarea
        dir="auto"
        class="input"
        rows={4}
        readOnly={field.type === 'text_area_read_only'}
        {...typed(field, autofocus)}
        {...control}
        defaultValue={useInitialValue(field)}
      />
    </Field>
  )
}

function Checkbox({ field, autofocus }: Props) {
  const { control } = useFieldState(field.field_key, field.sub_text !== '')
  const on = /^(true|1|yes|on)$/i.test(useInitialValue(field))
  return (
    <div class="field">
      <label class="check">
        <input type="checkbox" value="true" defaultChecked={on} autofocus={autofocus} {...control} /> {field.label}
      </label>
      {field.sub_text && (
        <div class="hint" id={`${control.id}-hint`}>
          <Markup html={field.sub_text} />
        </div>
      )}
      <FieldErrors name={field.field_key} />
    </div>
  )
}

function RadioGroup({ field, autofocus }: Props) {
  const { control, texts } = useFieldState(field.field_key, field.sub_text !== '')
  const initial = useInitialValue(field)
  return (
    <fieldset class="field" aria-describedby={control['aria-describedby']}>
      <legend>{field.label}</legend>
      {(field.choices ?? []).map((choice, index) => (
        <label class="check" key={choice.value}>
          <input
            type="radio"
            name={field.field_key}
            value={choice.value}
            defaultChecked={choice.value === initial}
            required={field.required}
            autofocus={autofocus && index === 0}
            aria-invalid={texts.length > 0 ? 'true' : undefined}
          />{' '}
          {choice.label}
        </label>
      ))}
      {field.sub_text && (
        <div class="hint" id={`${control.id}-hint`}>
          <Markup html={field.sub_text} />
        </div>
      )}
      <FieldErrors name={field.field_key} />
    </fieldset>
  )
}

function Dropdown({ field, autofocus }: Props) {
  const { t } = useStage()
  const { control } = useFieldState(field.field_key, field.sub_text !== '')
  const initial = useInitialValue(field)
  const choices = field.type === 'ak-locale' ? localeChoices(initial, t('automatic_language')) : (field.choices ?? [])
  const known = choices.some(choice => choice.value === initial)
  return (
    <Field {...labels(field)}>
      <select class="input" {...control} required={field.required && field.type !== 'ak-locale'} autofocus={autofocus}>
        {!known && (
          <option value="" selected>
            {field.placeholder || t('choose')}
          </option>
        )}
        {choices.map(choice => (
          <option key={choice.value} value={choice.value} selected={choice.value === initial}>
            {choice.label}
          </option>
        ))}
      </select>
    </Field>
  )
}

/** The languages of this page, "automatic", and the one that is set, should it be another. */
function localeChoices(current: string, automatic: string): { value: string; label: string }[] {
  const choices = [{ value: '', label: automatic }, ...Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))]
  return choices.some(choice => choice.value === current) ? choices : [...choices, { value: current, label: current }]
}

function Static({ field }: { field: PromptField }) {
  // A label is required of every field; one that only repeats the key was not meant to be read.
  const label = field.label === field.field_key ? '' : field.label
  return (
    <div class="prose">
      {label && <p class="label">{label}</p>}
      <div>
        <Markup html={field.initial_value || field.placeholder} />
      </div>
      {field.sub_text && (
        <div class="hint">
          <Markup html={field.sub_text} />
        </div>
      )}
    </div>
  )
}

const ALERT_KINDS: Record<string, string> = { alert_info: 'info', alert_warning: 'warn', alert_danger: 'bad' }

function MessageBox({ field }: { field: PromptField }) {
  return (
    <div class={`alert ${ALERT_KINDS[field.type]}`} role="note">
      {field.label && <p class="label">{field.label}</p>}
      <div>
        <Markup html={field.initial_value || field.placeholder} />
      </div>
      {field.sub_text && (
        <div class="hint">
          <Markup html={field.sub_text} />
        </div>
      )}
    </div>
  )
}
