import { encode } from 'uqr'
import type { TotpChallenge } from '../challenge.ts'
import { CodeField } from '../parts/code-field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

/** Sets up an app that shows codes: by a picture, by a link on the phone itself, or by typing the key. */
export function AuthenticatorTotpStage({ challenge }: { challenge: TotpChallenge }) {
  const { t } = useStage()
  const { config_url: url } = challenge
  const key = /[?&]secret=([A-Z2-7]+)/.exec(url)?.[1] ?? ''
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        <p>{t('totp_scan')}</p>
        <QrCode text={url} label={t('totp_picture')} />
        <a class="btn" href={url}>
          {t('totp_open')}
        </a>
        <div class="field">
          <span class="label" id="totp-key">
            {t('totp_by_hand')}
          </span>
          <code class="secret" aria-labelledby="totp-key">
            {key.match(/.{1,4}/g)?.join(' ')}
          </code>
        </div>
        <CodeField />
        <SubmitButton label={t('continue')} />
      </StageForm>
    </>
  )
}

/** A QR code as one path: dark on white in every theme, since many apps read no other. */
function QrCode({ text, label }: { text: string; label: string }) {
  const { size, data } = encode(text, { ecc: 'M', border: 2 })
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path fill="#fff" d={`M0 0h${size}v${size}h-${size}z`} />
      <path fill="#000" d={path} />
    </svg>
  )
}
