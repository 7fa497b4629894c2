import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createObject } from '../../../api/objects.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { ClientMetadata } from '../client/metadata.ts'
import { aBrowser, aParty, aSignedInBrowser, pkce, REDIRECT_URI, type Party } from '../fixture.ts'

const request = { response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid email', state: 'kept' }
const push = (party: Party, form: Record<string, string | undefined> = {}) => party.post('par', { ...request, ...form })
const open = (party: Party, uri: string) =>
  `/application/o/authorize/?${new URLSearchParams({ client_id: party.clientId, request_uri: uri }).toString()}`

async function responseTo(party: Party, browser: Awaited<ReturnType<typeof aSignedInBrowser>>['browser'], uri: string) {
  const { headers, status } = await browser.get(open(party, uri))
  return { status, response: headers.location === undefined ? undefined : new URL(String(headers.location)).searchParams }
}

test('a request that was sent ahead is granted under its URI, once (RFC 9126)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { verifier, challenge } = pkce()
  const pushed = await push(party, { code_challenge: challenge, code_challenge_method: 'S256' })
  assert.equal(pushed.status, 201, pushed.text)
  assert.match(pushed.body.request_uri, /^urn:ietf:params:oauth:request_uri:[\w-]{43}$/)
  assert.equal(pushed.body.expires_in, 540)
  const { response } = await responseTo(party, browser, pushed.body.request_uri)
  assert.equal(response?.get('state'), 'kept')
  assert.equal((await party.exchange(response?.get('code') ?? '', { code_verifier: verifier })).status, 200)
  assert.equal((await responseTo(party, browser, pushed.body.request_uri)).status, 400)
})

test('13 of many that open one pushed request at once, one gets a code', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { request_uri: uri } = (await push(party)).body
  const answers = await Promise.all(Array.from({ length: 20 }, () => responseTo(party, browser, uri)))
  assert.equal(answers.filter(({ response }) => response?.has('code')).length, 1)
})

test('what the browser adds to a pushed request does not count', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { request_uri: uri } = (await push(party)).body
  const answer = await browser.get(`${open(party, uri)}&redirect_uri=https%3A%2F%2Fevil.example&state=other&scope=offline_access`)
  const to = new URL(String(answer.headers.location))
  assert.equal(to.origin + to.pathname, REDIRECT_URI)
  assert.equal(to.searchParams.get('state'), 'kept')
})

test('70 what proves the client is not kept with its request', async () => {
  const party = await aParty()
  const secret = String(party.provider.client_secret)
  const { body } = await party.post('par', { ...request, client_id: party.clientId, client_secret: secret }, { basic: false })
  const { parameters } = await party.server.ctx.db
    .selectFrom('oauth2_pushed_request')
    .select('parameters')
    .where('uri_hash', '=', hashToken(body.request_uri))
    .executeTakeFirstOrThrow()
  assert.ok(parameters.includes('kept'))
  assert.ok(!parameters.includes(secret))
})

test('14 a pushed request is of no use to another client, nor when it is over', async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { request_uri: uri } = (await push(party)).body
  assert.equal((await responseTo(other, browser, uri)).status, 400)
  assert.equal((await responseTo(party, browser, `${uri}x`)).status, 400)
  party.server.clock.advance(601_000)
  assert.equal((await responseTo(party, browser, uri)).status, 400)
})

test('mistakes are told where the request is sent', async () => {
  const party = await aParty()
  const wrong = {
    'another redirect URI': { redirect_uri: 'https://elsewhere.example/' },
    'an unknown response type': { response_type: 'nonsense' },
    'a request URI': { request_uri: 'urn:ietf:params:oauth:request_uri:x' },
    'no redirect URI': { redirect_uri: undefined },
  }
  for (const [what, form] of Object.entries(wrong)) assert.equal((await push(party, form)).status, 400, what)
  const stranger = await party.post('par', { ...request, client_id: party.clientId, client_secret: 'wrong' }, { basic: false })
  assert.equal(stranger.body.error, 'invalid_client')
})

test('somebody who has to sign in first comes back to the pushed request, and its parameters stay out of addresses', async () => {
  const party = await aParty()
  const { request_uri: uri } = (await push(party, { login_hint: 'jane' })).body
  const answer = await (await aBrowser()).get(open(party, uri))
  const to = String(answer.headers.location)
  assert.match(to, /\/if\/flow\//)
  assert.ok(decodeURIComponent(to).includes(uri))
  assert.ok(!to.includes('login_hint'))
})

test('a client that must send ahead gets nothing without', async () => {
  const party = await aParty()
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, require_pushed_authorization_requests: true })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser)).get('error'), 'invalid_request')
  const { response } = await responseTo(party, browser, (await push(party)).body.request_uri)
  assert.ok(response?.has('code'))
  const metadata = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.equal(metadata.require_pushed_authorization_requests, true)
})
