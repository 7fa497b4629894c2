import { useEffect, useRef, useState } from 'preact/hooks'
import type { IdentificationChallenge } from '../challenge.ts'
import { useStage } from '../stage.ts'
import { canAutofill, getCredential, hasWebAuthn } from '../webauthn.ts'
import { Ceremony } from './ceremony.tsx'

interface Props {
  challenge: IdentificationChallenge
  /** The person is typing a name: passkeys are no longer offered in the field. */
  typing: boolean
  /** Also shows a button, for browsers and people that do not find the suggestions. */
  button: boolean
}

/**
 * Signs in with a passkey from the page that asks for a name. It is offered among the suggestions of the name's field (conditional
 * mediation) until the person types, sends the form or presses the button: a browser talks to one authenticator at a time.
 */
export function PasskeySignIn({ challenge, typing, button }: Props) {
  const { component, passkey_challenge: options } = challenge
  const { t, busy, submit } = useStage()
  const [pressed, setPressed] = useState(false)
  const offering = useRef<AbortController>(undefined)
  const done = (passkey: unknown) => submit({ component, passkey })

  useEffect(() => {
    if (!options || typing || busy || pressed) return
    const controller = new AbortController()
    offering.current = controller
    void offer(options, controller.signal).then(passkey => passkey && done(passkey))
    return () => controller.abort()
  }, [options?.challenge, typing, busy, pressed])

  if (!button || !options || !hasWebAuthn()) return null
  return (
    <Ceremony
      secondary
      label={t('passkey_use')}
      done={done}
      perform={async signal => {
        offering.current?.abort()
        setPressed(true)
        try {
          return await getCredential(options, signal)
        } finally {
          setPressed(false)
        }
      }}
    />
  )
}

/** The passkey that was chosen among the suggestions; undefined when none was. Nobody asked for it, so nobody is told of its end. */
async function offer(options: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
  try {
    return (await canAutofill()) && !signal.aborted ? await getCredential(options, signal, 'conditional') : undefined
  } catch {
    return undefined
  }
}
