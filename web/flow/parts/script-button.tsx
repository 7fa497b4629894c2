import type { ButtonHTMLAttributes, ComponentChildren } from 'preact'
import { useStage } from '../stage.ts'

interface Props extends Pick<ButtonHTMLAttributes, 'aria-label' | 'aria-controls' | 'title'> {
  class: string
  children: ComponentChildren
  autofocus?: boolean
  /** Something is under way: the button keeps the focus, and cannot be pressed. */
  busy?: boolean
  onPress: () => void
}

/**
 * A button that means nothing to a browser by itself. Until the script has taken the page over it is disabled, so that no press of a finger,
 * a key or a screen reader gets lost; a browser that runs no scripts does not show it.
 */
export function ScriptButton({ class: name, busy = false, onPress, children, ...attributes }: Props) {
  const { scripted } = useStage()
  return (
    <button
      {...attributes}
      class={`${name} js-only`}
      type="button"
      disabled={!scripted}
      aria-disabled={busy || undefined}
      onClick={() => !busy && onPress()}
    >
      {children}
    </button>
  )
}
