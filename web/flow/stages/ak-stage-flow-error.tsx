import type { FlowErrorChallenge } from '../challenge.ts'
import { Notice } from '../parts/notice.tsx'
import { useStage } from '../stage.ts'

/** An exception in a stage. Only superusers get `error` and `traceback`; the request's id finds them in the log. */
export function FlowErrorStage({ challenge }: { challenge: FlowErrorChallenge }) {
  const { t } = useStage()
  return (
    <>
      <Notice kind="bad" title={t('something_wrong')}>
        <p>{t('something_wrong_why')}</p>
        <p>
          <code>{challenge.request_id}</code>
        </p>
      </Notice>
      {challenge.error && <pre class="trace">{challenge.error}</pre>}
      {challenge.traceback && <pre class="trace">{challenge.traceback}</pre>}
      <a class="btn wide" href="">
        {t('try_again')}
      </a>
    </>
  )
}
