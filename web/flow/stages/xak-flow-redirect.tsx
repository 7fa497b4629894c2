import { useEffect } from 'preact/hooks'
import type { RedirectChallenge } from '../challenge.ts'
import { isSafeRedirect } from '../markup.ts'
import { Alert } from '../parts/alert.tsx'
import { useStage } from '../stage.ts'

export function RedirectStage({ challenge }: { challenge: RedirectChallenge }) {
  const { t } = useStage()
  const safe = isSafeRedirect(challenge.to)
  useEffect(() => {
    // In place of this page: going back later must not lead into a flow that is done.
    if (safe) location.replace(challenge.to)
  }, [safe, challenge.to])
  if (!safe) return <Alert texts={[t('redirect_refused')]} />
  return (
    <div class="actions">
      <p class="muted" role="status">
        {t('redirecting')}
      </p>
      <a class="btn" href={challenge.to}>
        {t('redirect_link')}
      </a>
    </div>
  )
}
