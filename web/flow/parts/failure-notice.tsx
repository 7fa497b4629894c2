import type { Failure } from '../executor.ts'
import { useStage } from '../stage.ts'

/** The executor could not be asked. Says why, and offers what may help: once more, or afresh. */
export function FailureNotice({ failure, retry }: { failure: Failure; retry: () => void }) {
  const { t } = useStage()
  const text = failure.reason === 'server' ? t('server_error', { status: String(failure.status) }) : t(`${failure.reason}_error`)
  // After a changed session the same answer would be refused again: only a fresh page has the right token and step.
  const stale = failure.reason === 'csrf' || failure.reason === 'not_found'
  return (
    <div class="alert bad" role="alert">
      <p>{text}</p>
      <button class="btn small" type="button" onClick={stale ? () => location.reload() : retry}>
        {t(stale ? 'reload' : 'try_again')}
      </button>
    </div>
  )
}
