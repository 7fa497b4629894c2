import { useEffect, useRef, useState } from 'preact/hooks'
import type { IframeLogoutChallenge } from '../challenge.ts'
import { StageForm, SubmitButton } from '../parts/form.tsx'
import { useStage } from '../stage.ts'

/** ms after which the sign-out goes on, whether or not every application has answered; from when our own page in the frame asks them. */
const LONGEST_WAIT = 4_000
const LOOK_EVERY = 100 // ms

/** Applications hear through the browser that their session is over: in a frame whose page opens their addresses, and is loaded when all are. */
export function IframeLogoutStage({ challenge }: { challenge: IframeLogoutChallenge }) {
  const { base, submit, t } = useStage()
  const [address, setAddress] = useState<string>()
  const said = useRef(false)
  const frame = useRef<HTMLIFrameElement>(null)
  const done = () => {
    if (!said.current) submit({ component: challenge.component })
    said.current = true
  }
  const path = `${base}/if/logout/`
  useEffect(() => {
    // Set here and not in the markup, so that nothing is loaded before somebody listens.
    setAddress(path)
    // On a slow line that page takes its time; going on before it is there would tell nobody. A frame begins with an empty document.
    const isThere = () => frame.current !== null && frame.current.contentDocument?.URL !== 'about:blank'
    const look = () => {
      timer = isThere() ? setTimeout(done, LONGEST_WAIT) : setTimeout(look, LOOK_EVERY)
    }
    let timer = setTimeout(look, LOOK_EVERY)
    return () => clearTimeout(timer)
  }, [challenge])
  const names = challenge.logout_urls.map(({ provider_name }) => provider_name).filter(Boolean)
  return (
    <StageForm>
      <p role="status">{t('logout_frames')}</p>
      <ul class="permissions">
        {names.map(name => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      {address && (
        <iframe
          class="visually-hidden"
          ref={frame}
          src={address}
          title={t('logout_frames')}
          tabIndex={-1}
          aria-hidden="true"
          onLoad={done}
        />
      )}
      {/* A frame that is made by script is loaded inside of this element too: applications would hear it twice. */}
      {typeof document === 'undefined' && (
        <noscript>
          <iframe class="visually-hidden" src={path} title={t('logout_frames')} />
        </noscript>
      )}
      <SubmitButton label={t('continue')} />
    </StageForm>
  )
}
