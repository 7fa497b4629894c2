import type { UserChallenge } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

/** Asks whether to stay signed in. The buttons carry the answer, so it is one click and works without JavaScript. */
export function UserLoginStage({ challenge }: { challenge: UserChallenge }) {
  const { t, errors } = useStage()
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        {errors.remember_me && <Alert texts={errors.remember_me} />}
        <h2>{t('stay_signed_in')}</h2>
        <p class="muted">{t('stay_signed_in_why')}</p>
        <div class="pair">
          <SubmitButton label={t('yes')} name="remember_me" value="true" />
          <SubmitButton label={t('no')} name="remember_me" value="false" secondary />
        </div>
      </StageForm>
    </>
  )
}
