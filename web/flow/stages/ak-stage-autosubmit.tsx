import { useEffect, useRef } from 'preact/hooks'
import type { AutosubmitChallenge } from '../challenge.ts'
import { useStage } from '../stage.ts'

/**
 * Carries values to another site by POST. The page's policy must name that site as a form target, which only
 * the server can do: `App` reloads the page when such a challenge arrives later than with the page itself.
 */
export function AutosubmitStage({ challenge }: { challenge: AutosubmitChallenge }) {
  const { t } = useStage()
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    // Called from the prototype: a value named "submit" would otherwise hide the method.
    HTMLFormElement.prototype.submit.call(form.current!)
  }, [])
  return (
    <form method="post" action={challenge.url} ref={form}>
      {Object.entries(challenge.attrs).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <p class="muted" role="status">
        {challenge.title || t('sending')}
      </p>
      <button class="btn primary" type="submit">
        {t('continue')}
      </button>
    </form>
  )
}
