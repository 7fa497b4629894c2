import type { DeviceChallenge } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'

/** Sends a request to a phone and waits for what is said there. */
export function DuoChallenge({ device }: { device: DeviceChallenge }) {
  const { t, errors, busy } = useStage()
  return (
    <StageForm>
      {errors.duo && <Alert texts={errors.duo} />}
      <p role="status">{t(busy ? 'duo_waiting' : 'mfa_duo_why')}</p>
      <SubmitButton label={t('duo_ask')} name="duo" value={device.device_uid} />
    </StageForm>
  )
}
