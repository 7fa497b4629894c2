import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Answer, Asking, Challenge } from './challenge.ts'
import type { FormFields } from './answer.ts'
import type { Translate } from './translate.ts'
import type { View } from './views.ts'

/** What every view may use besides its own challenge. */
export interface Stage {
  challenge: Challenge
  t: Translate
  /** Texts by field name, translated where known; `non_field_errors` for the form. */
  errors: Record<string, string[]>
  /** The script has taken over what the server rendered: it hears what is pressed. */
  scripted: boolean
  /** True while the executor is being asked. */
  busy: boolean
  csrf: string
  /** The application that waits for the end of the flow. */
  asking?: Asking
  /** Name of the brand. */
  brand: string
  /** What was typed before a form without JavaScript was refused. */
  values: FormFields
  /** Path that the whole server lives under, without a slash at the end. */
  base: string
  /** The view of a challenge inside another's. */
  viewOf: (component: string) => View
  /** Forms wait for this before they are sent. */
  hold: (until: Promise<unknown>) => void
  /** Resolves when nothing holds a form back any more. */
  ready: () => Promise<void>
  submit: (answer: Answer) => void
  /** Shows errors found before anything was sent. */
  refuse: (errors: Record<string, string[]>) => void
  /** Shows another challenge without asking the executor, as the buttons of some sources do. */
  show: (challenge: Challenge) => void
}

export const StageContext = createContext<Stage | undefined>(undefined)

export function useStage(): Stage {
  const stage = useContext(StageContext)
  if (!stage) throw new Error('A stage view was rendered outside of StageContext')
  return stage
}
