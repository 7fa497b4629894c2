import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import * as oidc from 'openid-client'

/** What a client needs to know of its registration. */
export type Registration = { issuer: string; client_id: string; client_secret: string; scope: string }

export type RelyingParty = {
  /** On another site than the provider's `localhost`, as applications are. */
  origin: string
  /** Where the browser comes back to after signing in. */
  callback: string
  /** And after signing out. */
  bye: string
  /** Learns who it is, from discovery. */
  register: (registration: Registration) => Promise<void>
  /** What the last sign-in bought. */
  tokens: () => oidc.TokenEndpointResponse | undefined
  close: () => Promise<void>
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const document = (title: string, body: string) =>
  `<!doctype html><link rel="icon" href="data:," /><title>${title}</title><h1>${title}</h1>${body}`

/** What the application keeps of a browser. */
type Visitor = {
  pending?: { code_verifier: string; state: string; nonce: string } | undefined
  signedIn?: { claims: Record<string, unknown>; id_token: string } | undefined
}

/** A small application, which signs people in by openid-client: code flow with PKCE, state and nonce. */
export async function aRelyingParty(): Promise<RelyingParty> {
  let config: oidc.Configuration | undefined
  let scope = 'openid'
  let tokens: oidc.TokenEndpointResponse | undefined
  const visitors = new Map<string, Visitor>()

  const pages: Record<string, (visitor: Visitor, url: URL) => Promise<string | URL>> = {
    '/': async ({ signedIn }) =>
      signedIn
        ? document('Signed in', `<pre>${escaped(JSON.stringify(signedIn.claims, null, 2))}</pre><a href="/logout">Sign out</a>`)
        : document('Signed out', '<a href="/login">Sign in</a>'),
    async '/login'(visitor) {
      const code_verifier = oidc.randomPKCECodeVerifier()
      visitor.pending = { code_verifier, state: oidc.randomState(), nonce: oidc.randomNonce() }
      const { state, nonce } = visitor.pending
      const code_challenge = await oidc.calculatePKCECodeChallenge(code_verifier)
      return oidc.buildAuthorizationUrl(config!, {
        redirect_uri: party.callback,
        scope,
        state,
        nonce,
        code_challenge,
        code_challenge_method: 'S256',
      })
    },
    async '/callback'(visitor, url) {
      const { code_verifier, state, nonce } = visitor.pending!
      visitor.pending = undefined
      const bought = await oidc.authorizationCodeGrant(config!, url, {
        pkceCodeVerifier: code_verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      tokens = bought
      visitor.signedIn = {
        id_token: bought.id_token!,
        claims: await oidc.fetchUserInfo(config!, bought.access_token, bought.claims()!.sub),
      }
      return new URL('/', party.origin)
    },
    async '/logout'(visitor) {
      const id_token_hint = visitor.signedIn!.id_token
      visitor.signedIn = undefined
      return oidc.buildEndSessionUrl(config!, { id_token_hint, post_logout_redirect_uri: party.bye, state: 'a state' })
    },
    '/bye': async () => document('Goodbye', '<a href="/login">Sign in</a>'),
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url!, party.origin)
    const page = pages[url.pathname]
    if (!page) return void response.writeHead(404).end()
    const known = /\bvisitor=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]
    const visitor = (known && visitors.get(known)) || {}
    if (!known || !visitors.has(known)) {
      const key = randomUUID()
      visitors.set(key, visitor)
      response.setHeader('set-cookie', `visitor=${key}; Path=/; HttpOnly; SameSite=Lax`)
    }
    page(visitor, url).then(
      answer => {
        if (typeof answer === 'string') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(answer)
        else response.writeHead(302, { location: answer.href }).end()
      },
      (error: unknown) => void response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error)),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const party: RelyingParty = {
    origin,
    callback: `${origin}/callback`,
    bye: `${origin}/bye`,
    async register(registration) {
      // Plain http, since all of it stays on loopback.
      config = await oidc.discovery(new URL(registration.issuer), registration.client_id, registration.client_secret, undefined, {
        execute: [oidc.allowInsecureRequests],
      })
      scope = registration.scope
      visitors.clear()
      tokens = undefined
    },
    tokens: () => tokens,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return party
}
