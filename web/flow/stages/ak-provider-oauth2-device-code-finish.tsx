import { Notice } from '../parts/notice.tsx'
import { useStage } from '../stage.ts'

/** The device is let in; it goes on by itself. */
export function DeviceFinishStage() {
  const { t } = useStage()
  return (
    <Notice kind="good" title={t('device_done')}>
      {t('device_done_why')}
    </Notice>
  )
}
