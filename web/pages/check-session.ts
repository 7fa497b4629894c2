/**
 * Answers a client's page that asks, with `<client_id> <session_state>`, whether somebody has signed in or out since it got that value: `changed`,
 * `unchanged`, or `error` for what is no question (OIDC Session Management §3.2). Browsers hash on https and on this machine alone; where they
 * do not, nothing can be told.
 */
const { cookie } = JSON.parse(document.getElementById('check-session')!.textContent) as { cookie: string }

const stateOfBrowser = (): string =>
  document.cookie
    .split('; ')
    .find(pair => pair.startsWith(`${cookie}=`))
    ?.slice(cookie.length + 1) ?? ''

async function hex(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

async function answerTo(question: unknown, origin: string): Promise<'changed' | 'unchanged' | 'error'> {
  const parts =
    typeof question === 'string' ? /^(?<client>\S.*) (?<hash>[0-9a-f]{64})\.(?<salt>[0-9a-f]+)$/.exec(question)?.groups : undefined
  if (!parts || !('subtle' in crypto)) return 'error'
  const { client, hash, salt } = parts
  return (await hex([client, origin, stateOfBrowser(), salt].join(' '))) === hash ? 'unchanged' : 'changed'
}

addEventListener('message', ({ data, origin, source }: MessageEvent<unknown>) => {
  if (!source || source === window) return
  void answerTo(data, origin).then(answer => source.postMessage(answer, { targetOrigin: origin }))
})
