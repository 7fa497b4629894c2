import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aUser } from '../../../../test/builders.ts'
import { assertFits } from '../../../../test/contract/schema.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, REDIRECT_URI, type Party } from '../fixture.ts'

const CONSENT = 'default-provider-authorization-explicit-consent'
const SIGN_IN = 'default-authentication-flow'

/** The consent challenge that a request leads to. */
async function asked(party: Party, browser: Visitor, params: Record<string, string> = {}) {
  const sent = await party.authorize(browser, params)
  assert.match(String(sent.headers.location), new RegExp(`/if/flow/${CONSENT}/`))
  return browser.challenge(CONSENT, '')
}

const decline = (browser: Visitor, token: unknown, more = {}) =>
  browser.challenge(CONSENT, '', { component: 'ak-stage-consent', token, decline: true, ...more })

const consents = async (user: number) =>
  (await oauthServer()).ctx.db.selectFrom('user_consent').selectAll().where('user', '=', user).execute()

test('who does not consent goes back to the application, which hears access_denied (RFC 6749 §4.1.2.1)', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser, user } = await aSignedInBrowser()
  const { token } = await asked(party, browser)
  const done = await decline(browser, token)
  assertFits('ChallengeTypes', done)
  assert.equal(done.component, 'xak-flow-redirect')
  const url = new URL(done.to)
  assert.equal(url.origin + url.pathname, REDIRECT_URI)
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    error: 'access_denied',
    error_description: 'The resource owner or authorization server denied the request',
    state: 'some state',
    iss: party.issuer,
  })
  assert.deepEqual(await consents(user.id as number), [])
  // The next request asks anew, and a yes counts then.
  const again = await asked(party, browser)
  assert.notEqual(again.token, token)
  const granted = await browser.challenge(CONSENT, '', { component: 'ak-stage-consent', token: again.token, decline: false })
  assert.ok(new URL(granted.to).searchParams.get('code'))
})

test('the refusal takes the way that the request asked for', async () => {
  const party = await aParty({ consent: 'explicit', grant_types: ['authorization_code', 'hybrid'] })
  const { browser } = await aSignedInBrowser()
  const refused = async (params: Record<string, string>) => decline(browser, (await asked(party, browser, params)).token)
  assert.match((await refused({ response_mode: 'fragment' })).to, /#error=access_denied&/)
  assert.match((await refused({ response_type: 'code id_token', nonce: 'n' })).to, /#error=access_denied&/)
  const posted = await refused({ response_mode: 'form_post' })
  assertFits('ChallengeTypes', posted)
  assert.partialDeepStrictEqual(posted, {
    component: 'ak-stage-autosubmit',
    url: REDIRECT_URI,
    attrs: { error: 'access_denied', state: 'some state', iss: party.issuer },
  })
  const signed = new URL((await refused({ response_mode: 'jwt' })).to).searchParams
  assert.deepEqual([...signed.keys()], ['response'])
  assert.partialDeepStrictEqual(decodeJwt(signed.get('response')!), {
    aud: party.clientId,
    error: 'access_denied',
    state: 'some state',
    iss: party.issuer,
  })
})

test('35 a refusal that belongs to another question, comes twice, or from another browser refuses nothing', async () => {
  const party = await aParty({ consent: 'explicit' })
  const one = await aSignedInBrowser()
  const two = await aSignedInBrowser()
  const first = await asked(party, one.browser)
  const { token } = await asked(party, one.browser)
  assert.partialDeepStrictEqual(await decline(one.browser, first.token), { component: 'ak-stage-consent', token })
  assert.ok((await decline(one.browser, '')).response_errors)
  await asked(party, two.browser)
  assert.equal((await decline(two.browser, token)).component, 'ak-stage-consent')
  assert.equal((await decline(one.browser, token)).component, 'xak-flow-redirect')
  // Nothing is under way any more: what follows is not about the application, and goes nowhere.
  const replayed = await decline(one.browser, token)
  assert.ok(!String(replayed.to).includes('app.example.test'), JSON.stringify(replayed))
})

test('without the CSRF token nobody refuses in the place of the person', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const { token } = await asked(party, browser)
  const foreign = await browser.request('POST', `/api/v3/flows/executor/${CONSENT}/?query=`, {
    body: { component: 'ak-stage-consent', token, decline: true },
    headers: { 'x-authentik-csrf': 'guess' },
  })
  assert.equal(foreign.status, 403)
  assert.equal((await browser.challenge(CONSENT, '')).token, token)
})

test('a request that was sent ahead is over once it is refused (RFC 9126 §4)', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const { body } = await party.post('par', { response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid', state: 'ahead' })
  const address = `/application/o/authorize/?client_id=${party.clientId}&request_uri=${encodeURIComponent(body.request_uri)}`
  assert.equal((await browser.get(address)).status, 302)
  const { token } = await browser.challenge(CONSENT, '')
  assert.equal(new URL((await decline(browser, token)).to).searchParams.get('state'), 'ahead')
  assert.equal((await browser.get(address)).status, 400)
})

test('1 a refusal goes nowhere when the client lost the address meanwhile', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const { token } = await asked(party, browser)
  await party.change({ redirect_uris: [{ matching_mode: 'strict', url: 'https://elsewhere.example.test/' }] })
  assert.equal((await decline(browser, token)).component, 'ak-stage-access-denied')
})

/** The link of the sign-in page by which a person gives up. */
async function leaving(browser: Visitor, page: string): Promise<string> {
  const { text } = await browser.get(page)
  const data = JSON.parse(/<script type="application\/json" id="flow-data"[^>]*>([^<]*)</.exec(text)![1]!)
  return data.asking?.leave
}

test('who gives up signing in goes back to the application (OIDC Core §3.1.2.6)', async () => {
  const party = await aParty()
  const browser = await aBrowser()
  for (const more of [{}, { login_hint: 'somebody' }, { prompt: 'login', response_mode: 'fragment' }]) {
    const page = String((await party.authorize(browser, more)).headers.location)
    const { elsewhere } = await browser.follow(await leaving(browser, page))
    const parameters = new URLSearchParams(elsewhere!.hash.slice(1) || elsewhere!.search)
    assert.equal(elsewhere!.origin + elsewhere!.pathname, REDIRECT_URI)
    assert.partialDeepStrictEqual(Object.fromEntries(parameters), { error: 'access_denied', state: 'some state', iss: party.issuer })
  }
  const { ctx } = await oauthServer()
  const user = await aUser(ctx, { password: 'a good password' })
  await party.authorize(browser)
  const done = await browser.signInWith(SIGN_IN, '', String(user.username), 'a good password')
  assert.equal(done.to, '/', 'what was given up is forgotten')
})
