import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { createObject } from '../../../api/objects.ts'
import type { Row } from '../../../api/model.ts'
import { aPasskey, anApp } from '../../../../test/authenticators.ts'
import { aUser } from '../../../../test/builders.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import { ClientMetadata } from '../client/metadata.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, type Party } from '../fixture.ts'

const USUAL = 'goauthentik.io/providers/oauth2/default'
const MFA = 'https://refeds.org/profile/mfa'
const FLOW = 'default-authentication-flow'

const essential = (...values: string[]) => ({ claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }) })

/** Somebody with a password, and an authenticator app where they want one. */
async function somebody(withApp: boolean) {
  const { ctx } = await oauthServer()
  const user = await aUser(ctx, { password: 'a good password' })
  return { ctx, user, app: withApp ? await anApp(ctx, user) : undefined }
}

/** Where the endpoint sends the browser. */
async function sentTo(party: Party, browser: Visitor, params: Record<string, string>): Promise<URL> {
  return new URL(String((await party.authorize(browser, params)).headers.location), 'https://id.example.test')
}

/** Signs in on the page, as far as name and password go: what is asked next, or where it ended. */
async function signIn(browser: Visitor, page: URL, user: Row): Promise<Row> {
  assert.equal(page.pathname, `/if/flow/${FLOW}/`, page.href)
  return browser.signInWith(FLOW, page.search.slice(1), String(user.username), 'a good password')
}

async function responseAfter(browser: Visitor, done: Row): Promise<URLSearchParams> {
  assert.equal(done.component, 'xak-flow-redirect', JSON.stringify(done))
  const { elsewhere } = await browser.follow(String(done.to))
  return elsewhere!.searchParams
}

const acrOf = async (party: Party, response: URLSearchParams) =>
  decodeJwt((await party.exchange(response.get('code')!)).body.id_token as string).acr

test('a second factor is asked for where the request wants one, and the ID token says so (OIDC Core §5.5.1.1)', async () => {
  const party = await aParty()
  const { ctx, user, app } = await somebody(true)
  const browser = await aBrowser()
  const page = await sentTo(party, browser, essential(MFA))
  const asked = await signIn(browser, page, user)
  assert.equal(asked.component, 'ak-stage-authenticator-validate')
  const done = await browser.challenge(FLOW, page.search.slice(1), { component: asked.component, code: app!.code(ctx.now()) })
  const response = await responseAfter(browser, done)
  assert.equal(await acrOf(party, response), MFA)
  assert.equal(await acrOf(party, await party.response(browser, { ...essential(MFA), prompt: 'none' })), MFA, 'it lasts')
  assert.equal(await acrOf(party, await party.response(browser)), USUAL, 'who does not ask is told what is usual')
})

test('34 who is signed in by password alone steps up, and a cancelled step-up gives nothing', async () => {
  const party = await aParty()
  const { ctx, user, app } = await somebody(true)
  const { browser } = await aSignedInBrowser(user)
  assert.equal((await party.response(browser, { ...essential(MFA), prompt: 'none' })).get('error'), 'login_required')
  const page = await sentTo(party, browser, essential(MFA))
  const cancelled = await browser.get(page.searchParams.get('next')!)
  assert.equal(new URL(String(cancelled.headers.location)).searchParams.get('error'), 'unmet_authentication_requirements')
  const again = await sentTo(party, browser, essential(MFA))
  const query = again.search.slice(1)
  const password = await browser.challenge(FLOW, query)
  assert.equal(password.component, 'ak-stage-password', 'who it is is known')
  const asked = await browser.challenge(FLOW, query, { component: password.component, password: 'a good password' })
  assert.equal(asked.component, 'ak-stage-authenticator-validate')
  const wrong = await browser.challenge(FLOW, query, { component: asked.component, code: '000000' })
  assert.ok(wrong.response_errors)
  party.server.clock.advance(2_000) // the device refuses for a second after that
  const done = await browser.challenge(FLOW, query, { component: asked.component, code: app!.code(ctx.now()) })
  assert.equal(await acrOf(party, await responseAfter(browser, done)), MFA)
})

test('34 a code is not what a phishing-resistant sign-in takes, however fresh it is', async () => {
  const party = await aParty()
  const { ctx, user, app } = await somebody(true)
  await aPasskey(ctx, user)
  const browser = await aBrowser()
  const page = await sentTo(party, browser, essential('phr'))
  let asked = await signIn(browser, page, user)
  // The flow's own stage takes any authenticator; what the request demands is asked for after that.
  const code = { component: asked.component, code: app!.code(ctx.now()) }
  assert.equal(asked.component, 'ak-stage-authenticator-validate')
  asked = await browser.challenge(FLOW, page.search.slice(1), code)
  assert.equal(asked.component, 'ak-stage-authenticator-validate', JSON.stringify(asked))
  assert.deepEqual(
    (asked.device_challenges as Row[]).map(entry => entry.device_class),
    ['webauthn'],
  )
  const next = app!.code(new Date(ctx.now().getTime() + 30_000))
  assert.ok((await browser.challenge(FLOW, page.search.slice(1), { component: asked.component, code: next })).response_errors)
  assert.match(String((await party.authorize(browser, essential('phr'))).headers.location), /\/if\/flow\//)
})

test('34 a session is of the class of what it was begun with, and of no other', async () => {
  const party = await aParty()
  const [totp, passkey] = ['totpdevice', 'webauthndevice'].map(model_name => ({ mfa_devices: [{ model_name }] }))
  const sessions: [authMethod: string, args: Row, classes: string[]][] = [
    ['password', {}, []],
    ['password', totp!, [MFA]],
    ['password', passkey!, [MFA, 'phr']],
    ['auth_webauthn_pwl', passkey!, [MFA, 'phr']],
    ['auth_mfa', totp!, []], // a code in the password's place is one factor
  ]
  for (const [authMethod, authMethodArgs, classes] of sessions)
    for (const wanted of [MFA, 'phr']) {
      const { browser } = await aSignedInBrowser(undefined, { authMethod, authMethodArgs })
      const response = await party.response(browser, { ...essential(wanted), prompt: 'none' })
      assert.equal(response.has('code'), classes.includes(wanted), `${authMethod} ${JSON.stringify(authMethodArgs)} ${wanted}`)
      if (response.has('code')) assert.equal(await acrOf(party, response), wanted)
    }
})

test('who has no second factor is let in for a mere wish, and not where it is essential', async () => {
  const party = await aParty()
  const { user } = await somebody(false)
  const { browser } = await aSignedInBrowser(user)
  assert.equal(await acrOf(party, await party.response(browser, { acr_values: MFA })), USUAL)
  const fresh = await aBrowser()
  const response = await responseAfter(fresh, await signIn(fresh, await sentTo(party, fresh, { acr_values: MFA }), user))
  assert.equal(await acrOf(party, response), USUAL)
  const page = await sentTo(party, browser, essential(MFA))
  const password = await browser.challenge(FLOW, page.search.slice(1))
  const done = await browser.challenge(FLOW, page.search.slice(1), { component: password.component, password: 'a good password' })
  assert.equal((await responseAfter(browser, done)).get('error'), 'unmet_authentication_requirements')
})

test('a class that nobody knows is passed over as a wish, and unmet where it is essential', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  assert.ok(await party.code(browser, { acr_values: 'urn:unheard-of' }))
  assert.equal((await party.response(browser, essential('urn:unheard-of'))).get('error'), 'unmet_authentication_requirements')
  assert.ok(await party.code(browser, essential('urn:unheard-of', USUAL)))
})

test('what a client registered counts where a request says nothing (OIDC Registration §2)', async () => {
  const party = await aParty()
  const { clock } = party.server
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, default_max_age: 60, default_acr_values: [MFA] })
  const { user } = await somebody(true)
  const { browser } = await aSignedInBrowser(user)
  assert.match(String((await party.authorize(browser)).headers.location), /\/if\/flow\//, 'a second factor')
  assert.ok(await party.code(browser, { acr_values: USUAL }))
  clock.advance(61_000)
  assert.equal((await party.response(browser, { acr_values: USUAL, prompt: 'none' })).get('error'), 'login_required')
  assert.ok(await party.code(browser, { acr_values: USUAL, prompt: 'none', max_age: '600' }))
})
