import { useState } from 'preact/hooks'
import type { StaticChallenge } from '../challenge.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { ScriptButton } from '../parts/script-button.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

/** Shows codes to keep on paper, this once. */
export function AuthenticatorStaticStage({ challenge }: { challenge: StaticChallenge }) {
  const { t } = useStage()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(challenge.codes.join('\n'))
    setCopied(true)
  }
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        <p>{t('static_why')}</p>
        <ol class="codes" aria-label={t('static_codes')}>
          {challenge.codes.map(code => (
            <li key={code}>
              <code>{code}</code>
            </li>
          ))}
        </ol>
        <ScriptButton class="btn" onPress={() => void copy()}>
          {t(copied ? 'static_copied' : 'static_copy')}
        </ScriptButton>
        <span class="visually-hidden" role="status">
          {copied && t('static_copied')}
        </span>
        <SubmitButton label={t('static_kept')} />
      </StageForm>
    </>
  )
}
