import type { DummyChallenge } from '../challenge.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'

export function DummyStage({ challenge }: { challenge: DummyChallenge }) {
  const { t } = useStage()
  return (
    <StageForm>
      {/* The question before a sign-out is asked with the flow's name. */}
      <p>{challenge.name === 'Default Invalidation Flow' ? t('sign_out_confirm') : challenge.name}</p>
      <SubmitButton label={t('continue')} />
    </StageForm>
  )
}
