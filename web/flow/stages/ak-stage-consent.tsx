import type { ConsentChallenge, ConsentPermission } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { Asker, AskerLinks } from '../parts/asker.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { stockScope } from '../scopes.ts'
import { useStage } from '../stage.ts'
import { asksToSignOut, sayServerText } from '../translate.ts'

export function ConsentStage({ challenge }: { challenge: ConsentChallenge }) {
  const { t, errors, asking } = useStage()
  const widened = challenge.additional_permissions.length > 0
  const { header_text: header } = challenge
  return (
    <>
      {asking && <Asker asking={asking} />}
      <UserPill challenge={challenge} />
      <StageForm>
        {errors.token && <Alert texts={errors.token} />}
        {asking?.unverified && <Alert texts={[t('unverified_why')]} kind="warn" />}
        {header && asking?.device ? (
          <Alert texts={[sayServerText(t, header), t('device_caution')]} kind="warn" />
        ) : (
          header && !asksToSignOut(header) && header !== saidAlready(asking?.name) && <p>{sayServerText(t, header)}</p>
        )}
        <Permissions title={t(widened ? 'consent_granted' : 'consent_permissions')} permissions={challenge.permissions} />
        <Permissions title={t('consent_additional')} permissions={challenge.additional_permissions} isNew />
        {asking?.goesTo !== undefined && (
          <p class="hint">{asking.goesTo === '' ? t('goes_here') : t('goes_to', { host: asking.goesTo })}</p>
        )}
        {asking && <AskerLinks asking={asking} />}
        <input type="hidden" name="token" value={challenge.token} />
        <SubmitButton label={t('continue')} />
        {asking?.declines ? (
          <SubmitButton label={t('decline')} name="decline" value="true" secondary />
        ) : (
          challenge.flow_info && (
            <a class="btn ghost" href={challenge.flow_info.cancel_url}>
              {t('cancel')}
            </a>
          )
        )}
      </StageForm>
    </>
  )
}

/** The usual sentence says no more than the application's name above it. */
const saidAlready = (name: string | undefined): string => `You're about to sign into ${name}.`

function Permissions({ title, permissions, isNew }: { title: string; permissions: ConsentPermission[]; isNew?: boolean }) {
  const { t } = useStage()
  // A scope of the administrator's without a description is meant not to be shown.
  const named = permissions.filter(permission => permission.name !== '' || stockScope(permission))
  if (named.length === 0) return null
  return (
    <div>
      <p class="muted">{title}</p>
      <ul class="permissions">
        {named.map(permission => {
          const [, text, why] = stockScope(permission) ?? []
          return (
            <li key={permission.id}>
              <div>
                {text ? t(text) : permission.name}
                {why && <p class="hint">{t(why)}</p>}
              </div>
              {isNew && <span class="badge">{t('consent_new')}</span>}
            </li>
          )
        })}
      </ul>
    </div>
  )
}
