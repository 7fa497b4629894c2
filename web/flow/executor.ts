import type { Answer, Challenge } from './challenge.ts'

/** Why the executor gave no challenge. `status` is the HTTP status of `server`. */
export type Failure = { reason: 'network' | 'csrf' | 'throttled' | 'not_found' } | { reason: 'server'; status: number }

export type Reply = { challenge: Challenge } | { failure: Failure }

/** Asks the executor for the current challenge (`answer` absent), or answers it. Never rejects. */
export async function callExecutor(url: string, answer?: Answer): Promise<Reply> {
  try {
    // Redirects to the same URL, one a silent stage, are followed by fetch.
    const response = await fetch(url, {
      method: answer ? 'POST' : 'GET',
      headers: {
        Accept: 'application/json',
        'X-authentik-CSRF': cookie('authentik_csrf'),
        ...(answer && { 'Content-Type': 'application/json' }),
      },
      body: answer && JSON.stringify(answer),
    })
    if (!response.ok) return { failure: failureOf(response.status) }
    const challenge = (await response.json()) as Challenge
    // An executor that could not match our encoding of the query sends us on in the body instead (not as 302).
    if (challenge.component === 'xak-flow-redirect' && String(challenge.to).startsWith(url.split('?')[0]!)) {
      return await callExecutor(String(challenge.to))
    }
    return { challenge }
  } catch {
    return { failure: { reason: 'network' } } // offline, refused, or an answer that was cut off
  }
}

/** Asks another part of the API, with an empty body. Undefined when it does not answer as it should. */
export async function callApi<T>(path: string): Promise<T | undefined> {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { Accept: 'application/json', 'X-authentik-CSRF': cookie('authentik_csrf') },
    })
    return response.ok ? ((await response.json()) as T) : undefined
  } catch {
    return undefined // offline, or cut off: asked again in a moment
  }
}

function failureOf(status: number): Failure {
  if (status === 403) return { reason: 'csrf' }
  if (status === 404) return { reason: 'not_found' }
  if (status === 429) return { reason: 'throttled' }
  return { reason: 'server', status }
}

const cookie = (name: string): string =>
  decodeURIComponent(
    document.cookie
      .split('; ')
      .find(pair => pair.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? '',
  )
