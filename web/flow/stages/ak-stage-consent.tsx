import type { ConsentChallenge, ConsentPermission } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { useStage } from '../stage.ts'
import { asksToSignOut, sayServerText } from '../translate.ts'

export function ConsentStage({ challenge }: { challenge: ConsentChallenge }) {
  const { t, errors, asking } = useStage()
  const widened = challenge.additional_permissions.length > 0
  return (
    <>
      <UserPill challenge={challenge} />
      <StageForm>
        {errors.token && <Alert texts={errors.token} />}
        {challenge.header_text && !asksToSignOut(challenge.header_text) && <p>{sayServerText(t, challenge.header_text)}</p>}
        <Permissions title={t(widened ? 'consent_granted' : 'consent_permissions')} permissions={challenge.permissions} />
        <Permissions title={t('consent_additional')} permissions={challenge.additional_permissions} />
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

function Permissions({ title, permissions }: { title: string; permissions: ConsentPermission[] }) {
  // A scope without a description is nothing a person could judge; the application's scope mapping gives the words.
  const named = permissions.filter(permission => permission.name !== '')
  if (named.length === 0) return null
  return (
    <div>
      <p class="muted">{title}</p>
      <ul class="permissions">
        {named.map(permission => (
          <li key={permission.id}>{permission.name}</li>
        ))}
      </ul>
    </div>
  )
}
