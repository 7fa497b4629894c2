import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'

/** What a client needs to know of its registration, and what it adds to its requests. */
export type Registration = { issuer: string; client_id: string; client_secret: string; scope: string; asks?: Record<string, string> }

export type RelyingParty = {
  /** On another site than the provider's `localhost`, as applications are. */
  origin: string
  /** Where the browser comes back to after signing in. */
  callback: string
  /** And after signing out. */
  bye: string
  /** Learns who it is, from discovery. */
  register: (registration: Registration) => Promise<void>
  /** Where it hears of ends of sessions, from the provider and through the browser. */
  backchannel: string
  frontchannel: string
  /** Resolves to the `sid` of the next session whose end it hears of; its visitor is signed out by then. */
  heard: () => Promise<string>
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
  signedIn?: { claims: Record<string, unknown>; id_token: string; sid: unknown } | undefined
}

/** A small application, which signs people in by openid-client: code flow with PKCE, state and nonce. */
export async function aRelyingParty(): Promise<RelyingParty> {
  let config: oidc.Configuration | undefined
  let scope = 'openid'
  let asks: Record<string, string> = {}
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
        ...asks,
      })
    },
    async '/callback'(visitor, url) {
      const error = url.searchParams.get('error')
      if (error !== null) return document('Not signed in', `<p>${escaped(error)}</p><a href="/login">Sign in</a>`)
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
        sid: bought.claims()!.sid,
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
  const ends = new EventEmitter<{ end: [string] }>()
  const end = (sid: string) => {
    for (const visitor of visitors.values()) if (visitor.signedIn?.sid === sid) visitor.signedIn = undefined
    ends.emit('end', sid)
  }
  /** OIDC Back-Channel Logout §2.6. */
  const takeLogoutToken = async (body: string): Promise<void> => {
    const { issuer, jwks_uri } = config!.serverMetadata()
    const keys = createRemoteJWKSet(new URL(jwks_uri!), { timeoutDuration: 60_000 })
    const audience = config!.clientMetadata().client_id
    const { payload } = await jwtVerify(new URLSearchParams(body).get('logout_token')!, keys, { issuer, audience, typ: 'logout+jwt' })
    end(String(payload.sid))
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url!, party.origin)
    const headers = { 'cache-control': 'no-store' }
    const failed = (error: unknown) => void response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error))
    if (url.href === party.backchannel)
      return void text(request)
        .then(takeLogoutToken)
        .then(() => response.writeHead(200, headers).end(), failed)
    if (url.origin + url.pathname === party.frontchannel) {
      if (url.searchParams.get('iss') === config!.serverMetadata().issuer) end(url.searchParams.get('sid')!)
      return void response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end('<!doctype html><title>Out</title>')
    }
    // A form comes from another site, without cookies: what it brought is shown.
    if (request.method === 'POST')
      return void text(request).then(body => {
        const brought = JSON.stringify(Object.fromEntries(new URLSearchParams(body)))
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(document('Posted', `<pre>${escaped(brought)}</pre>`))
      }, failed)
    const page = pages[url.pathname]
    if (!page) return void response.writeHead(404).end()
    // Browsers keep cookies by host alone, and applications of one test share theirs.
    const name = `visitor-${new URL(party.origin).port}`
    const known = new RegExp(`\\b${name}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1]
    const visitor = (known && visitors.get(known)) || {}
    if (!known || !visitors.has(known)) {
      const key = randomUUID()
      visitors.set(key, visitor)
      response.setHeader('set-cookie', `${name}=${key}; Path=/; HttpOnly; SameSite=Lax`)
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
    backchannel: `${origin}/backchannel_logout`,
    frontchannel: `${origin}/frontchannel_logout`,
    heard: () => once(ends, 'end').then(([sid]) => sid as string),
    async register(registration) {
      // Plain http, since all of it stays on loopback.
      config = await oidc.discovery(new URL(registration.issuer), registration.client_id, registration.client_secret, undefined, {
        execute: [oidc.allowInsecureRequests],
      })
      scope = registration.scope
      asks = registration.asks ?? {}
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
