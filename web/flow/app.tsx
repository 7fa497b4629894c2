import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Answer, Challenge, FlowData } from './challenge.ts'
import { callExecutor, type Failure, type Reply } from './executor.ts'
import { FailureNotice } from './parts/failure-notice.tsx'
import { StageContext } from './stage.ts'
import { sayServerText, titleOf, type Translate } from './translate.ts'
import { fetchViews, viewOf } from './views.ts'

interface Step {
  /** Counts the challenges; a retry of the same one keeps its number, and so its form and what was typed. */
  number: number
  challenge: Challenge
  errors: Record<string, string[]>
}

/**
 * The card's content: the view of the current challenge. Rendered by the server first, then taken over by the browser;
 * only here is the executor called.
 */
export function App({ data, t }: { data: FlowData; t: Translate }) {
  const [step, setStep] = useState<Step>(() => ({ number: 0, challenge: data.challenge, errors: errorsOf(data.challenge, t) }))
  const [scripted, setScripted] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<{ what: Failure; retry: () => void }>()
  const region = useRef<HTMLDivElement>(null)
  const held = useRef<Promise<unknown>>(undefined)
  const seen = useRef(false)

  const show = (challenge: Challenge) => {
    const isRetry = challenge.response_errors !== undefined && challenge.component === step.challenge.component
    setStep({ number: isRetry ? step.number : step.number + 1, challenge, errors: errorsOf(challenge, t) })
  }
  const ask = async (answer?: Answer) => {
    setBusy(true)
    setFailure(undefined)
    const reply = await withView(await callExecutor(data.executor, answer))
    if ('failure' in reply) {
      setFailure({ what: reply.failure, retry: () => void ask(answer) })
    } else if (needsPage(reply.challenge, data)) {
      return location.reload()
    } else {
      show(reply.challenge)
    }
    // A redirect is still under way when it has been shown: keep the page still until the next one is there.
    setBusy('challenge' in reply && reply.challenge.component === 'xak-flow-redirect')
  }

  const present = async (challenge: Challenge) => {
    const reply = await withView({ challenge })
    if ('challenge' in reply) show(challenge)
    else setFailure({ what: reply.failure, retry: () => void present(challenge) })
  }

  useEffect(() => {
    // Brought back from the browser's memory, the page may show a step that is long done.
    const restore = (event: PageTransitionEvent) => {
      if (event.persisted) void ask()
    }
    addEventListener('pageshow', restore)
    return () => removeEventListener('pageshow', restore)
  })
  useLayoutEffect(() => setScripted(true), [])
  useEffect(() => {
    // A button that waited for the script could not take the focus when the page came; whoever has gone elsewhere since then stays there.
    if (scripted && document.activeElement === document.body) region.current!.querySelector<HTMLElement>('[autofocus]')?.focus()
  }, [scripted])
  // Before anything of the step is seen: what somebody typed since then would be emptied.
  useLayoutEffect(() => {
    document.title = [titleOf(t, step.challenge, data.brand, data.asking), data.brand].filter(Boolean).join(' · ')
    focusWhereWorkIs(region.current!, step, !seen.current)
    seen.current = true
  }, [step])

  const View = viewOf(step.challenge.component)
  const title = titleOf(t, step.challenge, data.brand, data.asking)
  return (
    <StageContext.Provider
      value={{
        challenge: step.challenge,
        t,
        errors: step.errors,
        scripted,
        busy,
        csrf: data.csrf,
        asking: data.asking,
        brand: data.brand,
        values: step.number === 0 ? data.values : {},
        base: data.executor.split('/api/v3/')[0]!,
        viewOf,
        hold: until => void (held.current = until),
        async ready() {
          setBusy(true)
          await held.current
          setBusy(false)
        },
        submit: answer => void ask(answer),
        refuse: errors => setStep({ ...step, errors }),
        show: challenge => void present(challenge),
      }}
    >
      <div ref={region}>
        {title && <h1 tabIndex={-1}>{title}</h1>}
        {failure && <FailureNotice failure={failure.what} retry={failure.retry} />}
        <View key={step.number} challenge={step.challenge} />
        {data.asking?.leave && !ENDS.has(step.challenge.component) && (
          <p class="below leave">
            <a href={data.asking.leave}>{t('leave_for', { name: data.asking.name })}</a>
          </p>
        )}
      </div>
    </StageContext.Provider>
  )
}

/** Steps that lead elsewhere by themselves. */
const ENDS = new Set(['xak-flow-redirect', 'ak-stage-autosubmit', 'ak-provider-iframe-logout', 'ak-stage-session-end'])

/**
 * What the page itself must know of a challenge beforehand: its policy must allow the target of a form (see AutosubmitStage), and who asks
 * for consent is told beside the challenge, of which another tab may have made one for somebody else meanwhile.
 */
const needsPage = ({ component, token }: Challenge, { asking }: FlowData): boolean =>
  (component === 'ak-stage-autosubmit' && asking?.form === undefined) ||
  (component === 'ak-stage-consent' && asking !== undefined && asking.token !== token)

/** The view comes with its challenge: a page that cannot fetch it is told so, and may ask again. */
async function withView(reply: Reply): Promise<Reply> {
  if ('failure' in reply) return reply
  try {
    await fetchViews(reply.challenge)
    return reply
  } catch {
    return { failure: { reason: 'network' } } // offline, or a new release whose files have other names
  }
}

/** What the executor says to a choice that is no answer yet: nothing to tell anybody. */
const CHOSEN = 'Empty response'

function errorsOf(challenge: Challenge, t: Translate): Record<string, string[]> {
  const said = Object.entries(challenge.response_errors ?? {}).map(
    ([name, details]) => [name, details.filter(detail => detail.string !== CHOSEN)] as const,
  )
  return Object.fromEntries(
    said
      .filter(([, details]) => details.length > 0)
      .map(([name, details]) => [name, details.map(({ string }) => sayServerText(t, string))]),
  )
}

/**
 * Refused passwords and codes are emptied; then the focus goes to the first wrong field, or the first field of a new step. A page that is
 * taken over came with its fields empty: there, whatever they hold was typed before the script was there, and goes on being typed.
 */
function focusWhereWorkIs(region: HTMLElement, { number, challenge, errors }: Step, taken: boolean) {
  const refused = Object.keys(errors).length > 0
  if (number === 0 && !refused) return // the browser has set the focus by itself, and someone may be typing
  if (taken && isAtWork(region)) return
  // What was typed while a code was sent is no part of what the server has answered to.
  if (refused && !taken && challenge.component !== 'ak-stage-prompt') {
    for (const password of region.querySelectorAll<HTMLInputElement>('[name=password], [name=code]')) password.value = ''
  }
  const target =
    (refused && region.querySelector<HTMLElement>('[aria-invalid=true]')) ||
    (refused && region.querySelector<HTMLElement>('[name=password]')) ||
    region.querySelector<HTMLElement>('[autofocus]') ||
    region.querySelector<HTMLElement>('h1')
  target?.focus()
}

/** Whether somebody has gone elsewhere than where the browser has put the focus by itself, or typed there. */
const isAtWork = (region: HTMLElement): boolean => {
  const { activeElement: at } = document
  if (!at || !region.contains(at)) return false
  return !at.matches('[autofocus]') || (at instanceof HTMLInputElement && at.value !== at.defaultValue)
}
