import type { FastifyInstance } from 'fastify'
import { clientOf, HOST, type Answer, type Send } from './harness.ts'

/**
 * A browser without a screen: keeps cookies, follows redirects within the server, answers flows. It stands at
 * `https://id.example.test`; what it is redirected to elsewhere it reports and does not follow.
 */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly #app: FastifyInstance | Send
  readonly #headers: Record<string, string>

  constructor(app: FastifyInstance | Send, headers: Record<string, string> = {}) {
    this.#app = app
    this.#headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', ...headers }
  }

  async request(
    method: string,
    path: string,
    options: { body?: unknown; form?: Record<string, string>; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const csrf = this.cookies.get('authentik_csrf')
    const headers = {
      ...this.#headers,
      ...(cookie && { cookie }),
      ...(csrf && { 'x-authentik-csrf': csrf }),
      ...(options.form && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...options.headers,
    }
    const payload = options.form && new URLSearchParams(options.form).toString()
    const answer = await clientOf(this.#app).request(method, path, { body: options.body, headers, payload })
    for (const { name, value, expires, maxAge } of answer.cookies) {
      const gone = (expires instanceof Date && expires.getTime() <= 0) || maxAge === 0 || value === ''
      if (gone) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }

  get = (path: string, headers?: Record<string, string>) => this.request('GET', path, { headers })

  /** Follows redirects as long as they stay here; the last answer, or the address elsewhere that it led to. */
  async follow(
    path: string,
    limit = 20,
  ): Promise<{ answer: Answer; path: string; elsewhere?: undefined } | { elsewhere: URL; answer: Answer; path: string }> {
    let next = path
    for (let hop = 0; hop < limit; hop++) {
      const answer = await this.get(next)
      const location = answer.headers.location
      if (answer.status < 300 || answer.status >= 400 || typeof location !== 'string') return { answer, path: next }
      const target = new URL(location, `https://${HOST}${next}`)
      if (target.host !== HOST) return { elsewhere: target, answer, path: next }
      next = target.pathname + target.search
    }
    throw new Error(`more than ${limit} redirects from ${path}`)
  }

  /** One step of a flow: the challenge after following the executor's own redirects. */
  async challenge(slug: string, query: string, body?: unknown): Promise<Record<string, any>> {
    const url = `/api/v3/flows/executor/${slug}/?query=${encodeURIComponent(query)}`
    let answer = await this.request(body === undefined ? 'GET' : 'POST', url, { body })
    for (let hop = 0; answer.status === 302; hop++) {
      if (hop > 10) throw new Error(`the executor redirects without end at ${url}`)
      answer = await this.get(String(answer.headers.location))
    }
    if (answer.status !== 200) throw new Error(`${answer.status} from the executor: ${answer.text}`)
    return answer.body
  }

  /** Answers identification and password of a flow, and consent when asked; the last challenge (a redirect when it went well). */
  async signInWith(slug: string, query: string, username: string, password: string): Promise<Record<string, any>> {
    let challenge = await this.challenge(slug, query)
    for (let step = 0; step < 8; step++) {
      const answer =
        challenge.component === 'ak-stage-identification'
          ? { uid_field: username, ...(challenge.password_fields && { password }) }
          : challenge.component === 'ak-stage-password'
            ? { password }
            : challenge.component === 'ak-stage-consent'
              ? { token: challenge.token }
              : undefined
      if (!answer) return challenge
      challenge = await this.challenge(slug, query, { component: challenge.component, ...answer })
      if (challenge.response_errors) return challenge
    }
    return challenge
  }

  /** Signs in through the default flow. */
  signIn = (username: string, password: string) => this.signInWith('default-authentication-flow', '', username, password)
}
