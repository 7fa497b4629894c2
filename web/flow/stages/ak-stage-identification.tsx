import type { ComponentType } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Asking, IdentificationChallenge, LoginSource } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { AskerLinks, Face } from '../parts/asker.tsx'
import { PasswordField, TextField } from '../parts/field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { ScriptButton } from '../parts/script-button.tsx'
import { useStage } from '../stage.ts'
import { sayServerText, type Translate } from '../translate.ts'

const REMEMBERED = 'authentik-remember-me-user'

export function IdentificationStage({ challenge }: { challenge: IdentificationChallenge }) {
  const { t, asking } = useStage()
  const fields = challenge.user_fields ?? []
  const asksName = fields.length > 0
  const sources = [...(challenge.sources ?? [])].sort((a, b) => Number(b.promoted ?? false) - Number(a.promoted ?? false))
  return (
    <>
      {challenge.application_pre && (
        <div class="app">
          <Face asking={{ icon: asking?.icon, name: challenge.application_pre }} />
          <span>
            {t('to_continue_to', { name: challenge.application_pre })}{' '}
            {asking?.unverified && <span class="badge warn">{t('unverified')}</span>}
          </span>
        </div>
      )}
      {asking?.unverified && <Unverified asking={asking} />}
      {asksName ? <IdentificationForm challenge={challenge} fields={fields} /> : <NonField />}
      {sources.length > 0 && (
        <>
          {asksName && <div class="or">{t('or_continue_with')}</div>}
          <div class={challenge.show_source_labels ? 'sources labelled' : 'sources'}>
            {sources.map(source => (
              <SourceButton key={source.name} source={source} labels={challenge.show_source_labels} />
            ))}
          </div>
        </>
      )}
      {!asksName && <WithPasskey challenge={challenge} after={sources.length > 0} />}
      {challenge.enroll_url && (
        <p class="below">
          {t('no_account')} <a href={challenge.enroll_url}>{t('sign_up')}</a>
        </p>
      )}
    </>
  )
}

/** What a client that registered itself says of itself (OIDC Registration §2), and where the sign-in will lead. */
function Unverified({ asking }: { asking: Asking }) {
  const { t } = useStage()
  return (
    <>
      {asking.goesTo && <p class="hint">{t('goes_to', { host: asking.goesTo })}</p>}
      <AskerLinks asking={asking} />
    </>
  )
}

/** What concerns a page without a form. */
function NonField() {
  const { errors } = useStage()
  return errors.non_field_errors ? <Alert texts={errors.non_field_errors} /> : null
}

/** Where no name is asked for, a passkey may still say who it is, or another page make one. */
function WithPasskey({ challenge, after }: { challenge: IdentificationChallenge; after: boolean }) {
  const { t } = useStage()
  if (!challenge.passkey_challenge && !challenge.passwordless_url) return null
  return (
    <>
      {after && <div class="or">{t('or_with_passkey')}</div>}
      <div class={after ? 'fields' : 'actions'}>
        {challenge.passkey_challenge && <Passkey challenge={challenge} typing={false} button />}
        {challenge.passwordless_url && (
          <a class="btn" href={challenge.passwordless_url}>
            {t('passwordless')}
          </a>
        )}
      </div>
    </>
  )
}

/** Passkeys, once their part of the script is there; without it, or without a passkey, the name is enough. */
function Passkey(props: { challenge: IdentificationChallenge; typing: boolean; button: boolean }) {
  const [part, setPart] = useState<{ View: ComponentType<typeof props> }>()
  useEffect(() => {
    void import('../parts/passkey-sign-in.tsx').then(
      ({ PasskeySignIn }) => setPart({ View: PasskeySignIn }),
      () => undefined, // offline, or a new release: the form works all the same
    )
  }, [])
  return part ? <part.View {...props} /> : null
}

function IdentificationForm({ challenge, fields }: { challenge: IdentificationChallenge; fields: string[] }) {
  const { t, values, viewOf, scripted } = useStage()
  const Captcha = viewOf('ak-stage-captcha')
  const remember = useRememberedName(challenge)
  const [typing, setTyping] = useState(false)
  const onInput = (event: { target: EventTarget | null }) => {
    remember.onInput()
    if (event.target instanceof HTMLInputElement && event.target.name === 'uid_field') setTyping(event.target.value !== '')
  }
  const forgot = challenge.recovery_url && <a href={challenge.recovery_url}>{t('forgot_password')}</a>
  return (
    <StageForm>
      <div ref={remember.ref} onInput={onInput} class="fields">
        <TextField
          name="uid_field"
          label={labelOf(fields, t)}
          autocomplete="username webauthn"
          autocapitalize="none"
          spellcheck={false}
          inputmode={fields.length === 1 && fields[0] === 'email' ? 'email' : undefined}
          defaultValue={values.uid_field ?? challenge.pending_user_identifier ?? ''}
          required
          autofocus
        />
        {challenge.password_fields && <PasswordField label={t('password')} canShow={challenge.allow_show_password ?? false} required />}
        <div class="row">
          {challenge.enable_remember_me && (
            <label class="check js-only">
              <input type="checkbox" name="remember_username" checked={remember.on} disabled={!scripted} onChange={remember.onChange} />{' '}
              {t('remember_username')}
            </label>
          )}
          {forgot}
        </div>
      </div>
      {challenge.captcha_stage && <Captcha challenge={challenge.captcha_stage} embedded />}
      <SubmitButton label={sayServerText(t, challenge.primary_action)} needsScript={Boolean(challenge.captcha_stage)} />
      {challenge.passwordless_url && (
        <a class="btn" href={challenge.passwordless_url}>
          {t('passwordless')}
        </a>
      )}
      {challenge.passkey_challenge && <Passkey challenge={challenge} typing={typing} button={!challenge.passwordless_url} />}
    </StageForm>
  )
}

/** "Email or username", in the order the administrator gave. Only the first begins the sentence. */
function labelOf(fields: string[], t: Translate): string {
  const name = (field: string, index: number) => {
    if (field === 'username' || field === 'email') return t(index === 0 ? field : `${field}_inside`)
    return field === 'upn' ? t('upn') : field
  }
  return fields.map(name).reduce((a, b) => t('or', { a, b }))
}

/**
 * The name that this browser remembers if the stage allows and the person asked for it. It is read
 * only after the first rendering, since the server, which renders the page first, cannot know it; and before that is seen, so that
 * nobody types into the empty field, or unticks the box, a moment before they are set.
 */
function useRememberedName(challenge: IdentificationChallenge) {
  const ref = useRef<HTMLDivElement>(null)
  const [on, setOn] = useState(false)
  const input = () => ref.current!.querySelector<HTMLInputElement>('[name=uid_field]')!
  useLayoutEffect(() => {
    if (!challenge.enable_remember_me) return
    const name = localStorage.getItem(REMEMBERED)
    if (name === null) return
    setOn(true)
    if (input().value === '') input().value = name
  }, [challenge.enable_remember_me])
  const store = (keep: boolean) => (keep ? localStorage.setItem(REMEMBERED, input().value) : localStorage.removeItem(REMEMBERED))
  return {
    ref,
    on,
    onInput: () => on && store(true),
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      setOn(event.currentTarget.checked)
      store(event.currentTarget.checked)
    },
  }
}

/** With its name where the stage shows names, and where a name is all there is: promoted ones say what they do. */
function SourceButton({ source, labels }: { source: LoginSource; labels: boolean }) {
  const { show, t } = useStage()
  const label = t('continue_with', { name: source.name })
  const text = source.promoted ? label : labels || !source.icon_url ? source.name : undefined
  const to = addressOf(source.challenge)
  const shared = {
    class: source.promoted ? 'btn promoted' : 'btn',
    'aria-label': label,
    title: text === undefined ? source.name : undefined,
    children: (
      <>
        {source.icon_url && <img src={source.icon_url} alt="" width="20" height="20" />}
        {text !== undefined && <span aria-hidden="true">{text}</span>}
      </>
    ),
  }
  // A plain link where the source is only a redirect: it works without JavaScript and opens where the browser is told to.
  if (to !== undefined) return <a {...shared} href={to} />
  return <ScriptButton {...shared} onPress={() => show(source.challenge)} />
}

/** Where a source's button leads; undefined when it shows a view of its own. */
function addressOf({ component, ...fields }: LoginSource['challenge']): string | undefined {
  if (component === 'xak-flow-redirect') return String(fields.to)
  if (component !== 'ak-source-oauth-apple') return undefined
  // Apple posts its answer, with the name that it tells once: "Sign in with Apple", request an authorization.
  const query = new URLSearchParams({ response_type: 'code id_token', response_mode: 'form_post' })
  for (const name of ['client_id', 'redirect_uri', 'scope', 'state']) query.set(name, String(fields[name]))
  return `https://appleid.apple.com/auth/authorize?${query}`
}
