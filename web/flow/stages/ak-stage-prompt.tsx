import type { PromptChallenge, PromptField } from '../challenge.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { PromptControl } from '../parts/prompt-control.tsx'
import { useStage } from '../stage.ts'
import { sayStockText } from '../translate.ts'

export function PromptStage({ challenge }: { challenge: PromptChallenge }) {
  const { t, brand } = useStage()
  // What every installation asks for is asked in the language of the page.
  const say = (field: PromptField): PromptField => ({
    ...field,
    label: sayStockText(t, field.label, brand),
    placeholder: field.type === 'static' || field.type === 'hidden' ? field.placeholder : sayStockText(t, field.placeholder, brand),
  })
  // The first field that a person can fill in gets the focus.
  const first = challenge.fields.find(field => !/^(static|separator|hidden|alert_.*|.*_read_only)$/.test(field.type))
  const hasFile = challenge.fields.some(field => field.type === 'file')
  return (
    <StageForm>
      {challenge.fields.map(field => (
        <PromptControl key={field.field_key} field={say(field)} autofocus={field === first} />
      ))}
      {/* Only a script can send what is in a file; without any, the rest of the form is sent. */}
      {hasFile && typeof document === 'undefined' && (
        <noscript>
          <SubmitButton label={t('continue')} />
        </noscript>
      )}
      <SubmitButton label={t('continue')} needsScript={hasFile} hasPlainTwin={hasFile} />
    </StageForm>
  )
}
