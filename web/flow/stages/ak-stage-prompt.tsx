import type { PromptChallenge } from '../challenge.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { PromptControl } from '../parts/prompt-control.tsx'
import { useStage } from '../stage.ts'

export function PromptStage({ challenge }: { challenge: PromptChallenge }) {
  const { t } = useStage()
  // The first field that a person can fill in gets the focus.
  const first = challenge.fields.find(field => !/^(static|separator|hidden|alert_.*|.*_read_only)$/.test(field.type))
  return (
    <StageForm>
      {challenge.fields.map(field => (
        <PromptControl key={field.field_key} field={field} autofocus={field === first} />
      ))}
      <SubmitButton label={t('continue')} />
    </StageForm>
  )
}
