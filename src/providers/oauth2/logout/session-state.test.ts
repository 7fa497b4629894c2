import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { aBrowser, aParty, aSignedInBrowser, REDIRECT_URI, type Party } from '../fixture.ts'
import type { Visitor } from '../../../../test/visitor.ts'

const COOKIE = 'authentik_browser_state'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** What our page answers in that browser to a client that shows this value. */
function isUnchanged(browser: Visitor, party: Party, shown: string): boolean {
  const [hash, salt] = shown.split('.')
  return hash === sha256(`${party.clientId} ${new URL(REDIRECT_URI).origin} ${browser.cookies.get(COOKIE) ?? ''} ${salt}`)
}

const stateFrom = async (party: Party, browser: Visitor, more: Record<string, string> = {}) =>
  (await party.response(browser, more)).get('session_state')!

test('an answer says what the sign-in looks like from outside, differently for each client and time (OIDC Session Management §2)', async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const shown = [await stateFrom(party, browser), await stateFrom(party, browser), await stateFrom(other, browser)]
  assert.equal(new Set(shown).size, 3)
  assert.deepEqual(
    [...shown.entries()].map(([index, state]) => isUnchanged(browser, index < 2 ? party : other, state)),
    [true, true, true],
  )
  assert.ok(!isUnchanged(browser, other, shown[0]!))
  assert.ok(isUnchanged(browser, party, await stateFrom(party, browser, { response_type: 'id_token', nonce: 'n' })))
})

test('nothing is said to requests that are not OpenID Connect, and to applications without pages', async () => {
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'strict', url: 'app.example:/back' },
      { matching_mode: 'strict', url: REDIRECT_URI },
    ],
  })
  const { browser } = await aSignedInBrowser()
  assert.ok(!(await party.response(browser, { redirect_uri: 'app.example:/back' })).has('session_state'))
  assert.ok(!(await party.response(browser, { scope: 'email' })).has('session_state'))
})

test('the value is another after a sign-out, and after the next sign-in', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const shown = await stateFrom(party, browser)
  const before = browser.cookies.get(COOKIE)
  await browser.challenge('default-invalidation-flow', '')
  assert.equal(browser.cookies.get(COOKIE), undefined)
  assert.ok(!isUnchanged(browser, party, shown))
  const again = await aSignedInBrowser()
  const later = await stateFrom(party, again.browser)
  assert.notEqual(again.browser.cookies.get(COOKIE), before)
  assert.ok(isUnchanged(again.browser, party, later))
})

test('the page that clients ask runs one script and may be shown by their sites alone (§3.2)', async () => {
  const party = await aParty()
  const browser = await aBrowser()
  const { check_session_iframe: url } = (await browser.get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  const page = await browser.get(new URL(url).pathname)
  assert.equal(page.status, 200)
  assert.equal(page.headers['x-frame-options'], undefined)
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /^default-src 'none'; script-src 'nonce-[\w-]+';/)
  assert.match(policy, /frame-ancestors https:\/\/app\.example\.test;/)
  const wide = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://.*\\.example\\.test/' }] })
  assert.match(
    String((await browser.get(`/application/o/${wide.slug}/check-session/`)).headers['content-security-policy']),
    /frame-ancestors https: http:;/,
  )
  assert.equal((await browser.get('/application/o/nobody/check-session/')).status, 404)
})
