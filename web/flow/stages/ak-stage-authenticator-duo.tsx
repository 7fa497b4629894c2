import { useEffect, useState } from 'preact/hooks'
import type { UserChallenge } from '../challenge.ts'
import { callApi } from '../executor.ts'
import { isSafeRedirect } from '../markup.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

interface Props {
  challenge: UserChallenge & { activation_barcode: string; activation_code: string; stage_uuid: string }
}

const EVERY = 3_000 // ms

/** Sets Duo up: the phone scans, and the page goes on by itself as soon as Duo has heard from it. */
export function AuthenticatorDuoStage({ challenge }: Props) {
  const { activation_barcode: barcode, activation_code: code, stage_uuid: stage, component } = challenge
  const { t, base, submit, busy } = useStage()
  const [isAsking, setAsking] = useState(false)
  useEffect(() => {
    setAsking(true)
    const ask = async () => {
      if (busy) return
      const answer = await callApi<{ duo_response: string }>(`${base}/api/v3/stages/authenticator/duo/${stage}/enrollment_status/`)
      if (!stopped && answer && answer.duo_response !== 'waiting') submit({ component })
    }
    let stopped = false
    const timer = setInterval(() => void ask(), EVERY)
    return () => {
      stopped = true
      clearInterval(timer)
    }
  }, [busy])
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        <p>{t('duo_scan')}</p>
        <img class="barcode" src={barcode} alt={t('duo_barcode')} width="220" height="220" />
        {isSafeRedirect(code) && (
          <a class="btn" href={code}>
            {t('duo_open')}
          </a>
        )}
        {isAsking && (
          <p class="hint" role="status">
            {t('duo_waiting_setup')}
          </p>
        )}
        <SubmitButton label={t('continue')} />
      </StageForm>
    </>
  )
}
