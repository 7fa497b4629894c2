import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { CaptchaChallenge } from '../challenge.ts'
import { Alert } from '../parts/alert.tsx'
import { FieldErrors } from '../parts/field.tsx'
import { UserPill } from '../parts/user-pill.tsx'
import { solve } from '../proof-of-work.ts'
import { useStage } from '../stage.ts'

/** How far the browser's work is, from 0 to 1; or how it ended. */
type Work = number | 'done' | 'failed'

/** Whether the server asks for work instead of a provider's word; see proof-of-work.ts. */
const isWork = (challenge: CaptchaChallenge): boolean => challenge.js_url.endsWith('/static/dist/proof-of-work.js')

/**
 * Proves that a person is here, as a step of its own or, `embedded`, as part of a form, whose answer then holds `captcha_token`.
 */
export function CaptchaStage({ challenge, embedded = false }: { challenge: CaptchaChallenge; embedded?: boolean }) {
  return embedded ? <EmbeddedCaptcha challenge={challenge} /> : <CaptchaStep challenge={challenge} />
}

function CaptchaStep({ challenge }: { challenge: CaptchaChallenge }) {
  const { errors, submit, t } = useStage()
  const texts = [...(errors.token ?? []), ...(errors.non_field_errors ?? [])]
  // After a refusal only a person begins again: a page must not ask and be refused for ever.
  const [again, setAgain] = useState<CaptchaChallenge>()
  const idle = texts.length > 0 && again !== challenge
  return (
    <>
      <UserPill challenge={challenge} />
      <div class="actions">
        {idle ? (
          <>
            <Alert texts={texts} />
            <button class="btn primary" type="button" onClick={() => setAgain(challenge)}>
              {t('try_again')}
            </button>
          </>
        ) : (
          <>
            <p>{t('captcha_why')}</p>
            <Proof challenge={challenge} onToken={token => token !== undefined && submit({ component: challenge.component, token })} />
          </>
        )}
      </div>
    </>
  )
}

/** The form waits for a proof that needs nobody; one that a person has to give must be there before it is sent. */
function EmbeddedCaptcha({ challenge }: { challenge: CaptchaChallenge }) {
  const { hold } = useStage()
  const input = useRef<HTMLInputElement>(null)
  const release = useRef<() => void>(undefined)
  // At once: a form that is sent in the moment before the work begins waits for it too.
  useLayoutEffect(() => {
    input.current!.value = ''
    if (isWork(challenge)) hold(new Promise<void>(resolve => (release.current = resolve)))
    return () => release.current?.()
  }, [challenge])
  const keep = (token: string | undefined) => {
    input.current!.value = token ?? ''
    release.current?.()
  }
  return (
    <div class="field">
      <input type="hidden" name="captcha_token" required ref={input} />
      <Proof challenge={challenge} onToken={keep} />
      <FieldErrors name="captcha_token" />
    </div>
  )
}

interface ProofProps {
  challenge: CaptchaChallenge
  /** Hears the token; undefined when there is none to be had, or no longer. */
  onToken: (token: string | undefined) => void
}

const Proof = (props: ProofProps) => {
  const { t } = useStage()
  return (
    <>
      {isWork(props.challenge) ? <OwnWork {...props} /> : <ProviderWidget {...props} />}
      <noscript>
        <p class="alert warn">{t('needs_script')}</p>
      </noscript>
    </>
  )
}

function OwnWork({ challenge, onToken }: ProofProps) {
  const { t } = useStage()
  const [work, setWork] = useState<Work>(0)
  useEffect(() => {
    const given = new AbortController()
    setWork(0)
    solve(challenge.site_key, setWork, given.signal).then(
      token => {
        setWork('done')
        onToken(token)
      },
      () => {
        if (given.signal.aborted) return
        setWork('failed')
        onToken(undefined)
      },
    )
    return () => given.abort()
  }, [challenge])
  if (work === 'failed') return <Alert texts={[t('captcha_failed')]} />
  return (
    <div class={`work js-only${work === 'done' ? ' done' : ''}`} role="status">
      <span>{t(work === 'done' ? 'captcha_done' : 'captcha_working')}</span>
      <progress max={1} value={work === 'done' ? 1 : work} aria-hidden="true" />
    </div>
  )
}

const isDark = (): boolean => {
  const { theme } = document.documentElement.dataset
  return theme === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark'
}

/** The provider's script runs in a frame whose page may load it; this page never does. */
function ProviderWidget({ challenge, onToken }: ProofProps) {
  const { base, t } = useStage()
  const frame = useRef<HTMLIFrameElement>(null)
  const [address, setAddress] = useState<string>()
  const [height, setHeight] = useState(0)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    const { js_url, site_key, interactive } = challenge
    setFailed(false)
    // The browser alone knows its theme, and each question has a widget of its own.
    setAddress(
      `${base}/if/captcha/?${String(new URLSearchParams({ js_url, site_key, interactive: String(interactive), theme: isDark() ? 'dark' : 'light', once: String(performance.now()) }))}`,
    )
    const listen = (event: MessageEvent) => {
      const said = (event.data as { captcha?: { token?: unknown; height?: unknown; over?: unknown; failed?: unknown } } | null)?.captcha
      if (event.origin !== location.origin || event.source !== frame.current?.contentWindow || !said) return
      if (typeof said.height === 'number') setHeight(Math.min(said.height, 700))
      if (typeof said.token === 'string') onToken(said.token)
      if (said.over || said.failed) onToken(undefined)
      if (said.failed) setFailed(true)
    }
    addEventListener('message', listen)
    return () => removeEventListener('message', listen)
  }, [challenge])
  if (failed) return <Alert texts={[t('captcha_failed')]} />
  return (
    <>
      {height === 0 && (
        <div class="work js-only" role="status">
          {t('captcha_working')}
        </div>
      )}
      {address && <iframe class="captcha" ref={frame} src={address} title={t('captcha_title')} height={height} />}
    </>
  )
}
