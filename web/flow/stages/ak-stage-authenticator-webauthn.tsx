import type { UserChallenge } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { Ceremony } from '../parts/ceremony.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'
import { createCredential } from '../webauthn.ts'

interface Props {
  challenge: UserChallenge & { registration: Record<string, unknown> }
}

/** Sets up a passkey or a security key. */
export function AuthenticatorWebAuthnStage({ challenge }: Props) {
  const { component, registration } = challenge
  const { t, errors, submit } = useStage()
  return (
    <>
      <UserPill challenge={challenge} />
      <div class="actions">
        <p>{t('passkey_setup_why')}</p>
        {errors.response && (
          <Alert texts={errors.response.map(text => (text.startsWith('Registration failed.') ? t('passkey_refused') : text))} />
        )}
        <Ceremony
          label={t('passkey_setup')}
          perform={signal => createCredential(registration, signal)}
          done={response => submit({ component, response })}
        />
        {challenge.flow_info && (
          <a class="btn ghost" href={challenge.flow_info.cancel_url}>
            {t('cancel')}
          </a>
        )}
      </div>
    </>
  )
}
