import type { ComponentChildren, InputHTMLAttributes, PartialInputHTMLAttributes } from 'preact'
import { useState } from 'preact/hooks'
import { useStage } from '../stage.ts'
import { ScriptButton } from './script-button.tsx'

/** What connects a control with its errors and hint. */
export function useFieldState(name: string, hasHint = false) {
  const { errors } = useStage()
  const texts = errors[name] ?? []
  const id = `field-${name}`
  const describedBy = [hasHint && `${id}-hint`, texts.length > 0 && `${id}-error`].filter(Boolean).join(' ')
  return {
    texts,
    control: {
      id,
      name,
      'aria-invalid': texts.length > 0 ? ('true' as const) : undefined,
      'aria-describedby': describedBy || undefined,
    },
  }
}

interface FieldProps {
  name: string
  label: ComponentChildren
  hint?: ComponentChildren
  /** Stands at the far end of the label's line. */
  aside?: ComponentChildren
  children: ComponentChildren
}

/** Label, control, hint and errors, in the order in which they are read. */
export function Field({ name, label, hint, aside, children }: FieldProps) {
  return (
    <div class="field">
      <div class="row">
        <label for={`field-${name}`}>{label}</label>
        {aside}
      </div>
      {children}
      {hint && (
        <div class="hint" id={`field-${name}-hint`}>
          {hint}
        </div>
      )}
      <FieldErrors name={name} />
    </div>
  )
}

export function FieldErrors({ name }: { name: string }) {
  const { texts } = useFieldState(name)
  if (texts.length === 0) return null
  return (
    <div class="error" id={`field-${name}-error`}>
      {texts.map(text => (
        <p key={text}>{text}</p>
      ))}
    </div>
  )
}

type InputProps = Omit<PartialInputHTMLAttributes<HTMLInputElement>, 'name' | 'label' | 'role'> & Omit<FieldProps, 'children'>

/** An input whose type is only known at run time; the element's own types ask for a role that fits it. */
const Input = (attributes: Omit<InputProps, 'label' | 'hint' | 'aside'>) => <input class="input" {...(attributes as InputHTMLAttributes)} />

/** A line of text with its label. The browser keeps the value; `defaultValue` is what it starts with. */
export function TextField({ name, label, hint, aside, ...input }: InputProps) {
  const { control } = useFieldState(name, Boolean(hint))
  return (
    <Field name={name} label={label} hint={hint} aside={aside}>
      <Input type="text" dir="auto" {...input} {...control} />
    </Field>
  )
}

type PasswordProps = Omit<InputProps, 'name'> & { name?: string; canShow?: boolean }

/** A password, with a button that shows it if the stage allows. */
export function PasswordField({ name = 'password', canShow = false, label, hint, aside, ...input }: PasswordProps) {
  const { t } = useStage()
  const [shown, setShown] = useState(false)
  const { control } = useFieldState(name, Boolean(hint))
  return (
    <Field name={name} label={label} hint={hint} aside={aside}>
      <div class={canShow ? 'with-button' : undefined}>
        <Input autocomplete="current-password" {...input} {...control} type={shown ? 'text' : 'password'} />
        {canShow && (
          <ScriptButton
            class="in-field"
            aria-label={t(shown ? 'hide_password' : 'show_password')}
            title={t(shown ? 'hide_password' : 'show_password')}
            aria-controls={control.id}
            onPress={() => setShown(!shown)}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true" class="icon">
              <path d="M2.5 12s3.5-6.5 9.5-6.5 9.5 6.5 9.5 6.5-3.5 6.5-9.5 6.5S2.5 12 2.5 12Z" />
              <circle cx="12" cy="12" r="2.8" />
              {shown && <path d="m4 20 16-16" />}
            </svg>
          </ScriptButton>
        )}
      </div>
    </Field>
  )
}
