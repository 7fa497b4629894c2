import type { DeviceChallenge } from '../challenge.ts'
import { CodeField } from '../parts/code-field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { ResendButton } from '../parts/resend-button.tsx'
import { useStage } from '../stage.ts'
import { choiceOf } from './choice.ts'

/** Where a class sends its codes to; undefined for classes whose codes a person has already. */
function receiver({ device_class: name, challenge }: DeviceChallenge): string | undefined {
  if (name === 'email') return String(challenge.email ?? '')
  return name === 'sms' ? String(challenge.phone_number ?? '') : undefined
}

/** Whether the code of a class has to be sent first. */
export const isSent = (device: DeviceChallenge): boolean => receiver(device) !== undefined

interface Props {
  device: DeviceChallenge
  /** How many codes were sent from this page. */
  sent: number
  /** Has a code sent. */
  onSend: () => void
}

/** Asks for a code: one that an app shows, that stands on paper, or that is sent. */
export function CodeChallenge({ device, sent, onSend }: Props) {
  const { t } = useStage()
  const to = receiver(device)
  const choice = { name: 'selected_challenge', value: choiceOf(device) }
  const waits = to !== undefined && sent === 0
  return (
    <>
      {waits && (
        <StageForm said="none">
          <SubmitButton label={t('mfa_send', { to })} {...choice} onPress={onSend} />
        </StageForm>
      )}
      <StageForm>
        {!waits && (
          <p>
            {to === undefined ? t(device.device_class === 'static' ? 'mfa_static_why' : 'mfa_totp_why') : t('code_sent', { address: to })}
          </p>
        )}
        <input type="hidden" name="device" value={choiceOf(device)} />
        <CodeField numeric={device.device_class !== 'static'} />
        <SubmitButton label={t('continue')} secondary={waits} />
      </StageForm>
      {to !== undefined && !waits && (
        <StageForm said="none">
          <ResendButton key={sent} {...choice} onPress={onSend} />
        </StageForm>
      )}
    </>
  )
}
