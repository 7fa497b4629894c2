import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { answerFor, CSRF_FIELD } from '../answer.ts'
import { useStage } from '../stage.ts'
import { formFields } from './form-fields.ts'
import { Alert } from './alert.tsx'

/**
 * The form of a stage. Without JavaScript the browser posts it to the page's own address; with it, the same
 * fields become the executor's answer. Empty required fields are told in the page's own language.
 */
export function StageForm({
  children,
  said = 'bad',
}: {
  children: ComponentChildren
  /** What the server's texts about the whole form are; `none` where another form of the view shows them. */ said?: 'bad' | 'info' | 'none'
}) {
  const { challenge, csrf, errors, busy, ready, submit, refuse, t } = useStage()
  const form = useRef<HTMLFormElement>(null)
  /** Also while files are read, when nothing is shown of it yet. */
  const sending = useRef(false)
  useLayoutEffect(() => {
    form.current!.noValidate = true // from here on we say ourselves what is missing
  }, [])

  const refuseEmpty = (element: HTMLFormElement, type?: string): boolean => {
    const missing = requiredButEmpty(element, type)
    if (missing.length > 0) refuse(Object.fromEntries(missing.map(name => [name, [t('field_required')]])))
    return missing.length > 0
  }
  const refuseLarge = (element: HTMLFormElement): boolean => {
    const large = [...element.elements].find(isTooLarge) as HTMLInputElement | undefined
    if (large) refuse({ [large.name]: [t('file_too_large')] })
    return large !== undefined
  }
  const onSubmit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    if (busy || sending.current) return
    const element = event.currentTarget
    const { submitter } = event
    // Such a button asks for something else than what the fields are for.
    const goesAsItIs = submitter instanceof HTMLButtonElement && submitter.formNoValidate
    if (!goesAsItIs && (refuseEmpty(element) || refuseLarge(element))) return
    sending.current = true
    try {
      await ready()
      if (!refuseEmpty(element, 'hidden')) submit(answerFor(challenge, await formFields(element, submitter)))
    } finally {
      sending.current = false
    }
  }
  return (
    <form method="post" ref={form} onSubmit={onSubmit} aria-busy={busy}>
      <input type="hidden" name={CSRF_FIELD} value={csrf} />
      {errors.non_field_errors && said !== 'none' && <Alert texts={errors.non_field_errors} kind={said} />}
      {children}
    </form>
  )
}

/** The server takes data URIs of 1.5 million characters, of which each says three quarters of a byte. */
const isTooLarge = (input: Element): boolean => [...((input as HTMLInputElement).files ?? [])].some(file => file.size > 1_124_000)

/** Names of required fields that hold nothing. Hidden ones, which browsers do not check, are filled by scripts and asked for by `type`. */
const requiredButEmpty = (form: HTMLFormElement, type?: string): string[] => [
  ...new Set(
    [...form.elements]
      .filter((element): element is HTMLInputElement => 'validity' in element)
      .filter(element =>
        type === undefined ? element.validity.valueMissing : element.type === type && element.required && element.value === '',
      )
      .map(element => element.name),
  ),
]

/** The button that sends the form. It keeps focus while busy, so it is not disabled but inert. */
export function SubmitButton({
  label,
  name,
  value,
  secondary,
  needsScript = false,
  hasPlainTwin = false,
  onPress,
}: {
  label: string
  name?: string
  value?: string
  secondary?: boolean
  /** What the form asks for is not there without the script: it cannot be sent before, by Enter in a field neither. */
  needsScript?: boolean
  /** Another button stands here for browsers that run no scripts. */
  hasPlainTwin?: boolean
  /** Called in place of sending the form, where there is JavaScript. */ onPress?: () => void
}) {
  const { scripted, busy, t } = useStage()
  return (
    <button
      class={`btn${secondary ? '' : ' primary'}${hasPlainTwin ? ' js-only' : ''}`}
      type="submit"
      name={name}
      value={value}
      disabled={needsScript && !scripted}
      aria-disabled={busy || undefined}
      onClick={event => {
        if (!onPress) return
        event.preventDefault()
        if (!busy) onPress()
      }}
    >
      {busy && !secondary && <span class="spinner" aria-hidden="true" />}
      <span>{label}</span>
      {busy && !secondary && <span class="visually-hidden">{t('working')}</span>}
    </button>
  )
}
