import type { DummyChallenge } from '../challenge.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'

export function DummyStage({ challenge }: { challenge: DummyChallenge }) {
  const { t } = useStage()
  return (
    <StageForm>
      <p>{challenge.name}</p>
      <SubmitButton label={t('continue')} />
    </StageForm>
  )
}
