import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'

/** A mail is on its way; only its link leads further. The one button asks for another. */
export function EmailStage() {
  const { t } = useStage()
  return (
    <StageForm said="info">
      <h2>{t('email_title')}</h2>
      <p>{t('email_why')}</p>
      <SubmitButton label={t('email_again')} secondary />
    </StageForm>
  )
}
