import type { ComponentType } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { IdentificationChallenge, LoginSource } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { PasswordField, TextField } from '../parts/field.tsx'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'
import { sayServerText, type Translate } from '../translate.ts'

const REMEMBERED = 'authentik-remember-me-user'

export function IdentificationStage({ challenge }: { challenge: IdentificationChallenge }) {
  const { t } = useStage()
  const fields = challenge.user_fields ?? []
  const sources = [...(challenge.sources ?? [])].sort((a, b) => Number(b.promoted ?? false) - Number(a.promoted ?? false))
  return (
    <>
      {challenge.application_pre && (
        <div class="app">
          <span class="tile" aria-hidden="true">
            {String.fromCodePoint(challenge.application_pre.codePointAt(0)!).toUpperCase()}
          </span>
          <span>{t('to_continue_to', { name: challenge.application_pre })}</span>
        </div>
      )}
      {fields.length > 0 ? <IdentificationForm challenge={challenge} fields={fields} /> : <PasskeyAlone challenge={challenge} />}
      {sources.length > 0 && (
        <>
          {fields.length > 0 && <div class="or">{t('or_continue_with')}</div>}
          <div class="sources">
            {sources.map(source => (
              <SourceButton key={source.name} source={source} labelled={challenge.show_source_labels || !source.icon_url} />
            ))}
          </div>
        </>
      )}
      {challenge.enroll_url && (
        <p class="below">
          {t('no_account')} <a href={challenge.enroll_url}>{t('sign_up')}</a>
        </p>
      )}
    </>
  )
}

/** Where no name is asked for, a passkey may still say who it is. */
function PasskeyAlone({ challenge }: { challenge: IdentificationChallenge }) {
  const { errors } = useStage()
  if (!challenge.passkey_challenge) return null
  return (
    <div class="actions">
      {errors.non_field_errors && <Alert texts={errors.non_field_errors} />}
      <Passkey challenge={challenge} typing={false} button />
    </div>
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
  const { t, values, viewOf } = useStage()
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
              <input type="checkbox" name="remember_username" checked={remember.on} onChange={remember.onChange} /> {t('remember_username')}
            </label>
          )}
          {forgot}
        </div>
      </div>
      {challenge.captcha_stage && <Captcha challenge={challenge.captcha_stage} embedded />}
      <SubmitButton label={sayServerText(t, challenge.primary_action)} />
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
 * only after the first rendering, since the server, which renders the page first, cannot know it.
 */
function useRememberedName(challenge: IdentificationChallenge) {
  const ref = useRef<HTMLDivElement>(null)
  const [on, setOn] = useState(false)
  const input = () => ref.current!.querySelector<HTMLInputElement>('[name=uid_field]')!
  useEffect(() => {
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

function SourceButton({ source, labelled }: { source: LoginSource; labelled: boolean }) {
  const { show, t } = useStage()
  const label = t('continue_with', { name: source.name })
  const content = (
    <>
      {source.icon_url && <img src={source.icon_url} alt="" width="20" height="20" />}
      {labelled && <span aria-hidden="true">{source.name}</span>}
    </>
  )
  const css = source.promoted ? 'btn promoted' : 'btn'
  // A plain link where the source is only a redirect: it works without JavaScript and opens where the browser is told to.
  return source.challenge.component === 'xak-flow-redirect' ? (
    <a class={css} href={String(source.challenge.to)} aria-label={label} title={source.name}>
      {content}
    </a>
  ) : (
    <button class={`${css} js-only`} type="button" aria-label={label} title={source.name} onClick={() => show(source.challenge)}>
      {content}
    </button>
  )
}
