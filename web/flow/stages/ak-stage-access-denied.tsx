import type { AccessDeniedChallenge } from '../challenge.ts'
import { Notice } from '../parts/notice.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'
import { sayServerText } from '../translate.ts'

/** What follows when somebody does not let a device in. */
const DECLINED = 'The device was not connected.'

export function AccessDeniedStage({ challenge }: { challenge: AccessDeniedChallenge }) {
  const { t } = useStage()
  // Nobody refused the person anything: they did, and the page may be closed.
  if (challenge.error_message === DECLINED) return <Notice kind="good" title={sayServerText(t, DECLINED)} />
  // Under which administrators find why.
  const explanation = challenge.response_errors?.explanation?.[0]?.string
  return (
    <>
      <UserPill challenge={challenge} />
      <Notice kind="bad" title={t('request_denied')}>
        {challenge.error_message?.split('\n').map(line => (
          <p key={line}>{sayServerText(t, line)}</p>
        ))}
      </Notice>
      {explanation !== undefined && (
        <dl class="facts">
          <dt>{t('explanation_id')}</dt>
          <dd>{explanation}</dd>
        </dl>
      )}
      {challenge.flow_info && (
        <a class="btn wide" href={challenge.flow_info.cancel_url}>
          {t('back')}
        </a>
      )}
    </>
  )
}
