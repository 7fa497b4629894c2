import { useEffect, useState } from 'preact/hooks'
import { useStage } from '../stage.ts'

/** Seconds: mails and messages take a moment, and whoever asks again at once gets two. */
const WAIT = 30

/**
 * Asks for another code. In a browser with JavaScript it can be pressed after a while, which begins anew with every code: give it a key that
 * changes with them. It sends the form with `name` and `value` alone; where there is
 * JavaScript, it calls `onPress` instead, if given.
 */
export function ResendButton({ name, value, onPress }: { name?: string; value?: string; onPress?: () => void }) {
  const { t, busy } = useStage()
  const [left, setLeft] = useState(0)
  useEffect(() => setLeft(WAIT), [])
  useEffect(() => {
    if (left === 0) return
    const timer = setTimeout(() => setLeft(left - 1), 1000)
    return () => clearTimeout(timer)
  }, [left])
  const isInert = busy || left > 0
  return (
    <button
      class="btn ghost"
      type={name === undefined ? 'button' : 'submit'}
      name={name}
      value={value}
      formNoValidate
      aria-disabled={isInert || undefined}
      onClick={event => {
        if (isInert || onPress) event.preventDefault()
        if (!isInert) onPress?.()
      }}
    >
      {left > 0 ? t('code_again_in', { seconds: String(left) }) : t('code_again')}
    </button>
  )
}
