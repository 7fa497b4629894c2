import type { PasswordChallenge } from '../challenge.ts'
import { PasswordField } from '../parts/field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

export function PasswordStage({ challenge }: { challenge: PasswordChallenge }) {
  const { t } = useStage()
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        {/* Password managers want to see whose password this is. */}
        <input
          class="visually-hidden"
          type="text"
          name="username"
          autocomplete="username"
          value={challenge.pending_user}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <PasswordField
          label={t('password')}
          canShow={challenge.allow_show_password ?? false}
          placeholder={t('please_enter_password')}
          required
          autofocus
        />
        {challenge.recovery_url && (
          <div class="row">
            <a href={challenge.recovery_url}>{t('forgot_password')}</a>
          </div>
        )}
        <SubmitButton label={t('continue')} />
      </StageForm>
    </>
  )
}
