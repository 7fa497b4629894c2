import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose'
import type { Row } from '../../api/model.ts'
import { aParty, aSignedInBrowser, REDIRECT_URI, type Party } from './fixture.ts'

/** The claims of a signed response that the client must accept, JARM §2.4. */
async function accepted(party: Party, response: string | null): Promise<Row> {
  const { body } = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
  const { issuer, clientId } = party
  const options = { issuer, audience: clientId, requiredClaims: ['exp'], currentDate: party.server.deps.now() }
  return (await jwtVerify(response ?? '', createLocalJWKSet(body as JSONWebKeySet), options)).payload
}

test('a response is one signed JWT where the client asks for it, and travels as is usual for what it holds (JARM §2.3)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const cases: [Record<string, string>, string, string[]][] = [
    [{ response_mode: 'jwt' }, '?', ['code']],
    [{ response_mode: 'query.jwt' }, '?', ['code']],
    [{ response_mode: 'fragment.jwt' }, '#', ['code']],
    [{ response_mode: 'jwt', response_type: 'code id_token token', nonce: 'n' }, '#', ['code', 'id_token', 'access_token']],
    [{ response_mode: 'jwt', max_age: 'soon' }, '?', ['error', 'error_description']],
  ]
  for (const [params, mark, names] of cases) {
    const location = String((await party.authorize(browser, params)).headers.location)
    assert.ok(location.startsWith(`${REDIRECT_URI}${mark}response=`), location.slice(0, 200))
    const given = new URLSearchParams(location.slice(REDIRECT_URI.length + 1))
    assert.deepEqual([...given.keys()], ['response'], 'nothing stands beside it')
    const claims = await accepted(party, given.get('response'))
    for (const name of names) assert.ok(claims[name], `${name} ${JSON.stringify(params)}`)
    assert.equal(claims.state, 'some state')
    assert.ok(Number(claims.exp) - party.server.deps.now().getTime() / 1000 <= 600)
  }
})

test('a signed response may come as a form', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const page = await party.authorize(browser, { response_mode: 'form_post.jwt' })
  assert.equal(page.status, 200)
  const [, response] = /name="response" value="([^"]+)"/.exec(page.text) ?? []
  const claims = await accepted(party, response ?? null)
  assert.equal((await party.exchange(String(claims.code))).status, 200)
  assert.doesNotMatch(page.text, /name="(?:code|state)"/)
})

test('a signed response waits behind consent as any other', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser, { response_mode: 'jwt' })
  const asked = await browser.challenge(slug, '')
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  const claims = await accepted(party, new URL(done.to).searchParams.get('response'))
  assert.equal((await party.exchange(String(claims.code))).status, 200)
})

test('tokens are not sent in a query, signed or not (Multiple Response Types §3, JARM §2.3.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const location = String(
    (await party.authorize(browser, { response_mode: 'query.jwt', response_type: 'id_token', nonce: 'n' })).headers.location,
  )
  assert.ok(location.startsWith(`${REDIRECT_URI}#response=`), location)
  assert.equal(decodeJwt(location.split('response=')[1]!).error, 'invalid_request')
})

test('8 a redirect URI that brings a response along is refused', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/.*' }] })
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser, { redirect_uri: 'https://app.example.test/cb?response=x', response_mode: 'jwt' })
  assert.equal(answer.status, 400)
})
