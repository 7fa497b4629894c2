import type { SessionEndChallenge } from '../challenge.ts'
import { Notice } from '../parts/notice.tsx'
import { useStage } from '../stage.ts'

/** Signed out of an application, or of everything: then nobody is pending, and what is left is to sign in again. */
export function SessionEndStage({ challenge }: { challenge: SessionEndChallenge }) {
  const { t } = useStage()
  const name = challenge.application_name
  const everywhere = challenge.pending_user === ''
  return (
    <>
      {/* The flow's own title says the same, if it has one. */}
      <Notice kind="good" title={challenge.flow_info?.title ? undefined : name ? t('session_ended', { name }) : t('session_ended_plain')}>
        {everywhere && <p>{t('signed_out_why')}</p>}
      </Notice>
      <div class="actions">
        <a class="btn primary" href={challenge.overview_url ?? '/'}>
          {t(everywhere ? 'sign_in_again' : 'session_end_overview')}
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
