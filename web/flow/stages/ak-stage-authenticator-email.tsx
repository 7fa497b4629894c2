import type { UserChallenge } from '../challenge.ts'
import { CodeField } from '../parts/code-field.tsx'
import { TextField } from '../parts/field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { ResendButton } from '../parts/resend-button.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

interface Props {
  /** `email` is masked: where a code was sent. */
  challenge: UserChallenge & { email: string | null; email_required: boolean }
}

/** Sets up a second factor whose codes come by mail. */
export function AuthenticatorEmailStage({ challenge }: Props) {
  const { t } = useStage()
  const { email, email_required: isAsked } = challenge
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        <p>{isAsked ? t('mail_factor_why') : t('code_sent', { address: email ?? '' })}</p>
        {isAsked ? <TextField name="email" label={t('email')} type="email" autocomplete="email" required autofocus /> : <CodeField />}
        <SubmitButton label={t('continue')} />
        {!isAsked && <ResendButton name="email" value={email ?? ''} />}
      </StageForm>
    </>
  )
}
