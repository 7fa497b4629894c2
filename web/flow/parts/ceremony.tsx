import { useEffect, useRef, useState } from 'preact/hooks'
import type { Answer } from '../challenge.ts'
import type { Texts } from '../locales/en.ts'
import { useStage } from '../stage.ts'
import { failureText, hasWebAuthn } from '../webauthn.ts'
import { Alert } from './alert.tsx'
import { ScriptButton } from './script-button.tsx'

interface Props {
  /** What the button says. */
  label: string
  /** Talks to the authenticator. Rejects with the browser's error. */
  perform: (signal: AbortSignal) => Promise<Answer>
  /** Gets what the authenticator said. */
  done: (credential: Answer) => void
  /** Begins without a press of the button. */
  atOnce?: boolean
  secondary?: boolean
}

/**
 * The button that talks to an authenticator. It says that it waits and what went wrong, and may be pressed again. What it waits for ends when
 * the view goes away. Without JavaScript there is no such thing: a sentence says so.
 */
export function Ceremony({ label, perform, done, atOnce = false, secondary = false }: Props) {
  const { t, busy } = useStage()
  const [waiting, setWaiting] = useState(false)
  const [problem, setProblem] = useState<keyof Texts>()
  const running = useRef<AbortController>(undefined)

  const start = async () => {
    if (busy) return
    if (!hasWebAuthn()) return setProblem('passkey_unsupported')
    running.current?.abort()
    const controller = new AbortController()
    running.current = controller
    setProblem(undefined)
    setWaiting(true)
    try {
      done(await perform(controller.signal))
    } catch (error) {
      if (controller === running.current) setProblem(failureText(error))
    } finally {
      if (controller === running.current) setWaiting(false)
    }
  }
  useEffect(() => {
    if (atOnce) void start()
    return () => {
      running.current?.abort()
      running.current = undefined
    }
  }, [])
  const active = waiting || busy
  return (
    <>
      {problem && <Alert texts={[t(problem)]} />}
      <ScriptButton class={secondary ? 'btn' : 'btn primary'} autofocus={!secondary} busy={active} onPress={() => void start()}>
        {active && <span class="spinner" aria-hidden="true" />}
        <span>{label}</span>
        {active && <span class="visually-hidden">{t('passkey_waiting')}</span>}
      </ScriptButton>
      <noscript>{t('passkey_needs_script')}</noscript>
    </>
  )
}
