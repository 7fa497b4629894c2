import type { UserChallenge } from '../challenge.ts'
import { useStage } from '../stage.ts'

/** Who is signing in, and the way out for everybody else. Shows nothing while nobody is known. */
export function UserPill({ challenge }: { challenge: UserChallenge }) {
  const { t } = useStage()
  if (!challenge.pending_user) return null
  return (
    <div class="pill">
      {challenge.pending_user_avatar && <img src={challenge.pending_user_avatar} alt="" width="32" height="32" />}
      <span class="who">
        <span class="visually-hidden">{t('signing_in_as', { name: '' })} </span>
        {challenge.pending_user}
      </span>
      {challenge.flow_info && <a href={challenge.flow_info.cancel_url}>{t('not_you')}</a>}
    </div>
  )
}
