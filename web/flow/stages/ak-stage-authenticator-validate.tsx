import type { ComponentType } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { choiceOf, readChoice } from '../authenticators/choice.ts'
import { CodeChallenge, isSent } from '../authenticators/code.tsx'
import { DuoChallenge } from '../authenticators/duo.tsx'
import { WebAuthnChallenge } from '../authenticators/webauthn.tsx'
import type { DeviceChallenge, ValidateChallenge } from '../challenge.ts'
import type { Texts } from '../locales/en.ts'
import { Alert } from '../parts/alert.tsx'
import { StageForm } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'
import type { Translate } from '../translate.ts'

const NAMES: Record<string, keyof Texts> = {
  totp: 'mfa_totp',
  static: 'mfa_static',
  webauthn: 'mfa_webauthn',
  duo: 'mfa_duo',
  sms: 'mfa_sms',
  email: 'mfa_email',
}

const nameOf = (t: Translate, { device_class: name }: DeviceChallenge): string => (NAMES[name] ? t(NAMES[name]) : name)

/** Classes that are answered otherwise than by typing a code. */
const OTHERS: Record<string, ComponentType<{ device: DeviceChallenge }>> = { webauthn: WebAuthnChallenge, duo: DuoChallenge }

/** What the person used last, else what is offered first. */
const usual = (devices: DeviceChallenge[]): DeviceChallenge | undefined =>
  devices.reduce<DeviceChallenge | undefined>(
    (best, one) => (best && (best.last_used ?? '') >= (one.last_used ?? '') ? best : one),
    undefined,
  )

/** Asks for a second factor: the usual one at once, and any other that the person has. */
export function AuthenticatorValidateStage({ challenge }: { challenge: ValidateChallenge }) {
  const { device_challenges: devices } = challenge
  return (
    <>
      {challenge.pending_user && <UserPill challenge={challenge} />}
      {devices.length > 0 ? <Devices devices={devices} /> : <Configurations challenge={challenge} />}
    </>
  )
}

function Devices({ devices }: { devices: DeviceChallenge[] }) {
  const { challenge, values, errors, submit } = useStage()
  // Without JavaScript, the form that was sent says what was chosen.
  const before = values.selected_challenge ?? values.device
  const [chosen, setChosen] = useState(before ?? choiceOf(usual(devices)!))
  const [sent, setSent] = useState<Record<string, number>>(before === undefined ? {} : { [before]: 1 })
  const send = (key: string) => {
    setSent({ ...sent, [key]: (sent[key] ?? 0) + 1 })
    submit({ component: challenge.component, selected_challenge: readChoice(key) })
  }
  const region = useRef<HTMLDivElement>(null)
  const begun = useRef(false)
  useEffect(() => {
    if (begun.current) region.current!.querySelector<HTMLElement>('[autofocus]')?.focus()
    begun.current = true
  }, [chosen])

  const device = devices.find(one => choiceOf(one) === chosen) ?? devices[0]!
  const key = choiceOf(device)
  const View = OTHERS[device.device_class]
  return (
    <div ref={region}>
      {errors.selected_challenge && <Alert texts={errors.selected_challenge} />}
      {View ? (
        <View key={key} device={device} />
      ) : (
        <CodeChallenge key={key} device={device} sent={sent[key] ?? 0} onSend={() => send(key)} />
      )}
      <OtherWays
        devices={devices.filter(one => one !== device)}
        choose={other => {
          setChosen(choiceOf(other))
          if (isSent(other)) send(choiceOf(other))
        }}
      />
    </div>
  )
}

/** Buttons for the other devices. Without JavaScript, the server is told of the choice. */
function OtherWays({ devices, choose }: { devices: DeviceChallenge[]; choose: (device: DeviceChallenge) => void }) {
  const { t, busy } = useStage()
  if (devices.length === 0) return null
  return (
    <>
      <div class="or">{t('mfa_other')}</div>
      <StageForm said="none">
        {devices.map(device => (
          <button
            key={choiceOf(device)}
            class="btn"
            type="submit"
            name="selected_challenge"
            value={choiceOf(device)}
            aria-disabled={busy || undefined}
            onClick={event => {
              event.preventDefault()
              if (!busy) choose(device)
            }}
          >
            {nameOf(t, device)}
          </button>
        ))}
      </StageForm>
    </>
  )
}

/** Somebody without a device chooses what to set up. */
function Configurations({ challenge }: { challenge: ValidateChallenge }) {
  const { t, busy, errors } = useStage()
  return (
    <StageForm>
      {errors.selected_stage && <Alert texts={errors.selected_stage} />}
      <h2>{t('mfa_configure')}</h2>
      <p class="muted">{t('mfa_configure_why')}</p>
      {challenge.configuration_stages.map(stage => (
        <button key={stage.pk} class="btn" type="submit" name="selected_stage" value={stage.pk} aria-disabled={busy || undefined}>
          {stage.name}
        </button>
      ))}
    </StageForm>
  )
}
