/** What the profiles for sign-out share: clients that may be left, and a browser that leaves. */
import assert from 'node:assert/strict'
import type { Row } from '../../src/api/model.ts'
import { flowKey } from '../../src/providers/oauth2/fixture.ts'
import { HOST, type Answer } from '../harness.ts'
import { aClient, aPerson, provider, REDIRECT_URI, type Person, type RelyingParty } from './driver.ts'
import { aKey, asked, registeredBy } from './registered.ts'

/** A state of all that there is on a keyboard, in the length that the suite sends: it comes back unharmed. */
export const STATE = `a0!"#$%&'()*,-./:<=>?@[\\]^_\`{|}~`.repeat(3)

export const BYE = 'https://app.example.test/test/a/post_logout_redirect'

/** Response types that the plans are run with: one that brings the ID token by the token endpoint, one by the browser, one by both. */
export const RESPONSE_TYPES = ['code', 'id_token', 'code id_token token']

/** A client as the plans register it; leaving it ends the session. */
export async function aClientToLeave(values: Row = {}): Promise<RelyingParty> {
  const { server } = await provider()
  server.clock.reset() // other tests of the process move it
  return aClient({
    redirect_uris: [
      { matching_mode: 'strict', url: REDIRECT_URI },
      { matching_mode: 'strict', url: BYE, redirect_uri_type: 'logout' },
    ],
    invalidation_flow: await flowKey(server.ctx, 'default-invalidation-flow'),
    ...values,
  })
}

/** A client to leave that registered itself, by the metadata that the suite sends. */
export async function aRegisteredClientToLeave(metadata: Row = {}): Promise<RelyingParty> {
  const { server } = await provider()
  server.clock.reset()
  const { jwk } = await aKey()
  const answer = await asked({
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    contacts: ['certification@example.test'],
    jwks: { keys: [jwk] },
    post_logout_redirect_uris: [BYE],
    ...metadata,
  })
  return (await registeredBy(answer, await aKey())).party
}

/** Somebody who has signed in to a client. */
export async function somebodyIn(client: RelyingParty, type: string) {
  const person = await aPerson()
  await person.signIn()
  return { person, ...(await client.signIn(person, { response_type: type })) }
}

/** Where a sign-out led: to the client, or to a page; and the views on the way. */
export type Left = { to?: URL; page?: Answer; shown: Row[] }

/** Sends the browser to `end_session_endpoint` and goes on to the end, agreeing where asked unless `agree` is false. */
export async function leave(
  client: RelyingParty,
  { browser }: Person,
  params: Record<string, string>,
  { agree = true, method = 'GET' }: { agree?: boolean; method?: 'GET' | 'POST' } = {},
): Promise<Left> {
  const path = await client.endpoint('end_session')
  const query = new URLSearchParams(params).toString()
  let answer =
    method === 'POST' ? await browser.request('POST', path, { form: params }) : await browser.get(query ? `${path}?${query}` : path)
  const shown: Row[] = []
  for (let hop = 0; hop < 10; hop++) {
    const { location } = answer.headers
    if (typeof location !== 'string') return { page: answer, shown }
    const url = new URL(location, `https://${HOST}`)
    if (url.host !== HOST) return { to: url, shown }
    const slug = /^\/if\/flow\/([^/]+)\/$/.exec(url.pathname)?.[1]
    if (slug === undefined) {
      answer = await browser.get(url.pathname + url.search)
      continue
    }
    let challenge: Row = await browser.challenge(slug, url.search.slice(1))
    while (challenge.component === 'ak-stage-consent' || challenge.component === 'ak-provider-iframe-logout') {
      shown.push(challenge)
      if (challenge.component === 'ak-stage-consent' && !agree) return { page: answer, shown }
      challenge = await browser.challenge(slug, url.search.slice(1), { component: challenge.component, token: challenge.token })
    }
    shown.push(challenge)
    if (challenge.component !== 'xak-flow-redirect') return { page: answer, shown }
    const to = new URL(String(challenge.to), `https://${HOST}`)
    if (to.host !== HOST) return { to, shown }
    answer = await browser.get(to.pathname + to.search)
  }
  throw new Error('the browser is sent around without end')
}

/** The browser is back at the client with the state it sent and nothing else, and the person is signed out at the provider. */
export async function assertBack(client: RelyingParty, person: Person, { to }: Left, state: string | null): Promise<void> {
  assert.ok(to, 'the browser comes back')
  assert.equal(to.origin + to.pathname, BYE)
  assert.deepEqual([...to.searchParams], state === null ? [] : [['state', state]])
  await assertSignedOut(client, person)
}

/** Asked without a page, the provider wants one (OIDC Core §3.1.2.6). */
export async function assertSignedOut(client: RelyingParty, person: Person): Promise<void> {
  assert.equal(await client.refusal(person, { prompt: 'none' }), 'login_required')
}

/** The discovery document has these members, of these values. */
export async function assertDiscovered(client: RelyingParty, expected: Row): Promise<void> {
  const metadata = await client.metadata()
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(metadata[name], value, name)
  const addresses = Object.keys(metadata).filter(name => name.endsWith('_endpoint'))
  assert.ok(addresses.includes('end_session_endpoint'))
  for (const name of [...addresses, 'issuer', 'jwks_uri']) assert.match(String(metadata[name]), /^https:\/\//, name)
}
