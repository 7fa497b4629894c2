import type { DeviceChallenge } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { Ceremony } from '../parts/ceremony.tsx'
import { useStage } from '../stage.ts'
import { getCredential } from '../webauthn.ts'

/** Asks for a passkey or a security key. */
export function WebAuthnChallenge({ device }: { device: DeviceChallenge }) {
  const { t, challenge, errors, submit } = useStage()
  const { component } = challenge
  return (
    <div class="actions">
      <p>{t('mfa_webauthn_why')}</p>
      {errors.webauthn && <Alert texts={errors.webauthn} />}
      <Ceremony
        label={t('passkey_use')}
        atOnce={!errors.webauthn}
        perform={signal => getCredential(device.challenge, signal)}
        done={webauthn => submit({ component, webauthn })}
      />
    </div>
  )
}
