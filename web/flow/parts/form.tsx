import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
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
  /** What the server's texts about the whole form are. */ said?: 'bad' | 'info'
}) {
  const { challenge, csrf, errors, busy, submit, refuse, t } = useStage()
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    form.current!.noValidate = true // from here on we say ourselves what is missing
  }, [])

  const onSubmit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    if (busy) return
    const element = event.currentTarget
    const missing = requiredButEmpty(element)
    if (missing.length > 0) return refuse(Object.fromEntries(missing.map(name => [name, [t('field_required')]])))
    submit(answerFor(challenge, await formFields(element, event.submitter)))
  }
  return (
    <form method="post" ref={form} onSubmit={onSubmit} aria-busy={busy}>
      <input type="hidden" name={CSRF_FIELD} value={csrf} />
      {errors.non_field_errors && <Alert texts={errors.non_field_errors} kind={said} />}
      {children}
    </form>
  )
}

const requiredButEmpty = (form: HTMLFormElement): string[] => [
  ...new Set(
    [...form.elements]
      .filter((element): element is HTMLInputElement => 'validity' in element && (element as HTMLInputElement).validity.valueMissing)
      .map(element => element.name),
  ),
]

/** The button that sends the form. It keeps focus while busy, so it is not disabled but inert. */
export function SubmitButton({ label, name, value, secondary }: { label: string; name?: string; value?: string; secondary?: boolean }) {
  const { busy, t } = useStage()
  return (
    <button class={secondary ? 'btn' : 'btn primary'} type="submit" name={name} value={value} aria-disabled={busy || undefined}>
      {busy && !secondary && <span class="spinner" aria-hidden="true" />}
      <span>{label}</span>
      {busy && !secondary && <span class="visually-hidden">{t('working')}</span>}
    </button>
  )
}
