import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aParty, aBrowser, aSignedInBrowser, pkce, REDIRECT_URI } from './fixture.ts'

test('the authorization response carries code, state and issuer (RFC 6749 §4.1.2, RFC 9207 §2)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser)
  assert.equal(answer.status, 302)
  const url = new URL(String(answer.headers.location))
  assert.equal(url.origin + url.pathname, REDIRECT_URI)
  assert.deepEqual([...url.searchParams.keys()], ['code', 'state', 'iss'])
  assert.equal(url.searchParams.get('state'), 'some state')
  assert.equal(url.searchParams.get('iss'), party.issuer)
})

test('a code buys tokens that userinfo takes', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid email profile' })
  const info = await party.userinfo(tokens.access_token)
  assert.equal(info.status, 200)
  assert.partialDeepStrictEqual(info.body, { email: user.email, preferred_username: user.username, email_verified: false })
})
