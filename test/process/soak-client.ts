import { BOOTSTRAP, TOKEN } from '../e2e/program.ts'

export type Reply = { status: number; location: string | null; body: any }

/** An account of the soak, with the password that everybody has there. */
export const PASSWORD = BOOTSTRAP.AUTHENTIK_BOOTSTRAP_PASSWORD

const FLOW = '/api/v3/flows/executor/default-authentication-flow/?query='
const CALLBACK = 'https://soak.example.test/callback'

export type Registration = { client_id: string; client_secret: string; callback: string }

/** One installation at its current address, as its administrator, its people and its application use it. */
export class Client {
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  async send(method: string, path: string, { headers, body }: { headers?: Record<string, string>; body?: string } = {}): Promise<Reply> {
    const response = await fetch(this.#origin + path, {
      method,
      redirect: 'manual',
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') && text !== ''
    return { status: response.status, location: response.headers.get('location'), body: json ? JSON.parse(text) : text }
  }

  /** A call of the API as the administrator. */
  api(method: string, path: string, body?: object): Promise<Reply> {
    const headers = { authorization: `Bearer ${TOKEN}`, ...(body && { 'content-type': 'application/json' }) }
    return this.send(method, `/api/v3${path}`, { headers, ...(body && { body: JSON.stringify(body) }) })
  }

  /** As `api`, for what must succeed. */
  async must(method: string, path: string, body?: object): Promise<any> {
    const reply = await this.api(method, path, body)
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }

  /** Signs in through the default flow; the cookies of the session. */
  async signIn(username: string): Promise<string> {
    const cookies = new Map<string, string>()
    const step = async (method: string, body?: object): Promise<any> => {
      let path = FLOW
      for (let hop = 0; hop < 5; hop++) {
        const response = await fetch(this.#origin + path, {
          method,
          redirect: 'manual',
          headers: {
            cookie: cookieHeader(cookies),
            'x-authentik-csrf': cookies.get('authentik_csrf') ?? '',
            ...(body && { 'content-type': 'application/json' }),
          },
          ...(body && { body: JSON.stringify(body) }),
        })
        for (const line of response.headers.getSetCookie()) {
          const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
          cookies.set(name!, value!)
        }
        const text = await response.text()
        if (response.status === 200) return JSON.parse(text)
        if (response.status !== 302) throw new Error(`the flow answered ${response.status}: ${text.slice(0, 300)}`)
        ;({ pathname: path } = new URL(response.headers.get('location')!, this.#origin))
        path += new URL(response.headers.get('location')!, this.#origin).search
        method = 'GET'
        body = undefined
      }
      throw new Error('the flow redirects without end')
    }
    await step('GET')
    await step('POST', { component: 'ak-stage-identification', uid_field: username })
    const last = await step('POST', { component: 'ak-stage-password', password: PASSWORD })
    if (last.component !== 'xak-flow-redirect') throw new Error(`not signed in: ${JSON.stringify(last)}`)
    return cookieHeader(cookies)
  }

  /** Who a session belongs to; undefined when it is no longer one. */
  async whoIs(cookie: string): Promise<string | undefined> {
    const { status, body } = await this.send('GET', '/api/v3/core/users/me/', { headers: { cookie } })
    return status === 200 ? body.user.username : undefined
  }

  /** A code for the application, by a session. */
  async authorize({ client_id }: Registration, cookie: string): Promise<string> {
    const query = new URLSearchParams({ client_id, redirect_uri: CALLBACK, response_type: 'code', scope: 'openid profile offline_access' })
    const { status, location, body } = await this.send('GET', `/application/o/authorize/?${query.toString()}`, { headers: { cookie } })
    const code = location?.startsWith(CALLBACK) ? new URL(location).searchParams.get('code') : null
    if (!code) throw new Error(`no code: ${status} ${location ?? ''} ${String(body).slice(0, 300)}`)
    return code
  }

  /** A request to the token endpoint. */
  token({ client_id, client_secret }: Registration, grant: Record<string, string>): Promise<Reply> {
    const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
    return this.send('POST', '/application/o/token/', { headers, body: new URLSearchParams(grant).toString() })
  }

  exchange = (app: Registration, code: string) => this.token(app, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK })
  refresh = (app: Registration, refresh_token: string) => this.token(app, { grant_type: 'refresh_token', refresh_token })

  async userinfo(access_token: string): Promise<number> {
    return (await this.send('GET', '/application/o/userinfo/', { headers: { authorization: `Bearer ${access_token}` } })).status
  }

  /** The application whose codes and tokens the load spends. */
  async onboard(): Promise<Registration> {
    const [flow] = (await this.must('GET', '/flows/instances/?slug=default-provider-authorization-implicit-consent')).results
    const [key] = (await this.must('GET', '/crypto/certificatekeypairs/?name=Signet+Self-signed+ECDSA+Certificate')).results
    const mappings: { scope_name: string; pk: string }[] = (await this.must('GET', '/propertymappings/provider/scope/')).results
    const provider = await this.must('POST', '/providers/oauth2/', {
      name: 'Soak',
      authorization_flow: flow.pk,
      client_type: 'confidential',
      redirect_uris: [{ matching_mode: 'strict', url: CALLBACK }],
      signing_key: key.pk,
      property_mappings: mappings
        .filter(({ scope_name }) => ['openid', 'profile', 'offline_access'].includes(scope_name))
        .map(({ pk }) => pk),
      // Longer than a slow machine takes to start again.
      access_code_validity: 'minutes=30',
    })
    await this.must('POST', '/core/applications/', { name: 'Soak', slug: 'soak', provider: provider.pk })
    return { client_id: provider.client_id, client_secret: provider.client_secret, callback: CALLBACK }
  }
}

const cookieHeader = (cookies: ReadonlyMap<string, string>) => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
