import type { Outgoing } from '../../src/http/outgoing/outgoing.ts'
import type { Upstream } from './upstream.ts'

/** The address on loopback of what the real one has at `url`. */
function placed(upstreams: readonly Upstream[], url: string): string {
  const { origin, pathname, search } = new URL(url)
  const upstream = upstreams.find(one => one.origin === origin || one.serves.includes(origin))
  return upstream ? `${upstream.origin}${pathname}${search}` : url
}

/** A way out whose requests to the addresses that upstreams stand for reach those: for kinds of sources whose addresses nobody can set. */
export const reroute =
  (outgoing: Outgoing, ...upstreams: Upstream[]): Outgoing =>
  async (url, request) =>
    outgoing(placed(upstreams, url), request)

/**
 * A browser at an upstream: opens where an application sends it, and returns the address that the upstream sends it back to. Whom it
 * signs in says `upstream.signsIn`. Pass the same `cookies` to come back with the session that the upstream keeps.
 * @throws Error with the page when it is not sent back
 */
export async function visit(upstream: Upstream, url: string, cookies = new Map<string, string>()): Promise<URL> {
  let next = placed([upstream], url)
  for (let hop = 0; hop < 10; hop++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(next, { redirect: 'manual', headers: { cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      if (value === '') cookies.delete(name!)
      else cookies.set(name!, value!)
    }
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`${answer.status} at ${next}: ${await answer.text()}`)
    await answer.body?.cancel()
    const target = new URL(location, next)
    if (target.origin !== upstream.origin) return target
    next = target.href
  }
  throw new Error(`redirects without end from ${url}`)
}
