import type { Challenge } from '../challenge.ts'
import { Notice } from '../parts/notice.tsx'
import { useStage } from '../stage.ts'

/** Said plainly rather than with an empty card: the flow has a step for which there is no view. */
export function UnknownStage({ challenge }: { challenge: Challenge }) {
  const { t } = useStage()
  return (
    <>
      <Notice kind="bad" title={t('unknown_component', { name: challenge.component })}>
        <p>{t('unknown_component_why')}</p>
      </Notice>
      {challenge.flow_info && (
        <a class="btn wide" href={challenge.flow_info.cancel_url}>
          {t('back')}
        </a>
      )}
    </>
  )
}
