/** For tests with independent clients: a server that listens, a browser with a session, and what clients discover. */
import assert from 'node:assert/strict'
import { createServer, request as send } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import * as client from 'openid-client'
import { sessionCookieValue, startSession } from '../src/core/session/session.ts'
import type { Row } from '../src/api/model.ts'
import { mounted, oauthServer, type Party } from '../src/providers/oauth2/fixture.ts'
import { aUser } from './builders.ts'
import { certified, type Certified } from './certificates.ts'

const closing: (() => Promise<unknown>)[] = []
after(() => Promise.all(closing.map(close => close())))

let plain: Promise<string> | undefined

/** The address of a server of the test's own process, over HTTP. */
export const listening = (): Promise<string> =>
  (plain ??= (async () => {
    const { deps } = await oauthServer()
    const app = await mounted(deps)
    await app.listen({ host: '127.0.0.1', port: 0 })
    closing.push(() => app.close())
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  })())

let secure: Promise<string> | undefined

/** The same over HTTPS, where clients are asked for certificates, as the program's own sockets do. */
export const listeningSecurely = (): Promise<string> =>
  (secure ??= (async () => {
    const { deps } = await oauthServer()
    const app = await mounted(deps)
    const { certificate: cert, key } = certified({ commonName: '127.0.0.1' })
    const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) =>
      app.routing(request, response),
    )
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
    closing.push(async () => {
      server.closeAllConnections()
      server.close()
      await app.close()
    })
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  })())

/** `fetch` with a certificate of the client, which the global one cannot show. */
export const fetchWith =
  (own: Certified | undefined): client.CustomFetch =>
  (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const shown = own && { cert: own.certificate, key: own.key }
      const sent = send(url, { method, headers, ...shown, rejectUnauthorized: false, agent: false }, answer => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('end', () => {
          const pairs = Object.entries(answer.headers).flatMap(([name, value]) =>
            [value ?? []].flat().map((one): [string, string] => [name, one]),
          )
          resolve(new Response(Buffer.concat(parts), { status: answer.statusCode, headers: pairs }))
        })
      })
      sent.on('error', reject).end(body?.toString())
    })

/** The cookie of a browser with a session of an account. */
export async function signedIn(account?: Row): Promise<{ cookie: string; user: Row }> {
  const { ctx, clock } = await oauthServer()
  clock.reset() // independent clients live by the time of the day
  const user = account ?? (await aUser(ctx))
  const { key } = await startSession(ctx, { user: user.id as number, authMethod: 'password', lifetime: 3_600_000 })
  return { cookie: `authentik_session=${sessionCookieValue(ctx, key, user)}`, user }
}

/** What a browser with a session is sent to. */
export async function browse(url: URL, cookie: string, fetched: typeof fetch = fetch): Promise<URL> {
  const answer = await fetched(url, { headers: { cookie }, redirect: 'manual' })
  assert.equal(answer.status, 302, await answer.text())
  return new URL(answer.headers.get('location')!)
}

/** A client as it finds itself configured. */
export async function discovered(party: Party, authentication: client.ClientAuth, metadata: Partial<client.ClientMetadata> = {}) {
  const issuer = new URL(`${await listening()}/application/o/${party.slug}/`)
  return client.discovery(issuer, party.clientId, metadata, authentication, { execute: [client.allowInsecureRequests] })
}

/** Registers what a client asks for beyond its provider's own fields. */
export async function asks(party: Party, metadata: Row): Promise<void> {
  const made = await party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...metadata })
  assert.equal(made.status, 201, made.text)
}
