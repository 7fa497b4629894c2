import type { UserChallenge } from '../challenge.ts'
import { CodeField } from '../parts/code-field.tsx'
import { TextField } from '../parts/field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { ResendButton } from '../parts/resend-button.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

interface Props {
  /** `phone_number` is masked: where a code was sent. */
  challenge: UserChallenge & { phone_number: string | null; phone_number_required: boolean }
}

/** Sets up a second factor whose codes come as text messages. */
export function AuthenticatorSMSStage({ challenge }: Props) {
  const { t } = useStage()
  const { phone_number: number, phone_number_required: isAsked } = challenge
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        <p>{isAsked ? t('phone_factor_why') : t('code_sent', { address: number ?? '' })}</p>
        {isAsked ? (
          <TextField
            name="phone_number"
            label={t('phone_number')}
            type="tel"
            autocomplete="tel"
            placeholder="+1 555 0100"
            required
            autofocus
          />
        ) : (
          <CodeField />
        )}
        <SubmitButton label={t('continue')} />
        {!isAsked && number && <ResendButton name="phone_number" value={number} />}
      </StageForm>
    </>
  )
}
