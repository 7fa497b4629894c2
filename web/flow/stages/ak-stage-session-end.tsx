import type { SessionEndChallenge } from '../challenge.ts'
import { Notice } from '../parts/notice.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'

export function SessionEndStage({ challenge }: { challenge: SessionEndChallenge }) {
  const { t } = useStage()
  const name = challenge.application_name
  return (
    <>
      <UserPill challenge={challenge} />
      <Notice kind="good" title={name ? t('session_ended', { name }) : t('session_ended_plain')} />
      <div class="actions">
        <a class="btn primary" href={challenge.overview_url ?? '/'}>
          {t('session_end_overview')}
        </a>
        {challenge.invalidation_flow_url && (
          <a class="btn" href={challenge.invalidation_flow_url}>
            {t('session_end_brand', { name: challenge.brand_name })}
          </a>
        )}
        {name && challenge.application_launch_url && (
          <a class="btn" href={challenge.application_launch_url}>
            {t('session_end_application', { name })}
          </a>
        )}
      </div>
    </>
  )
}
