/** Abuse cases of what authorization requests may hold, by their numbers: request objects, wishes for the sign-in, claims by name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { createObject } from '../../src/api/objects.ts'
import { ClientMetadata } from '../../src/providers/oauth2/client/metadata.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, REDIRECT_URI, type Party } from '../../src/providers/oauth2/fixture.ts'
import { anApp, aValidation } from '../authenticators.ts'
import { aUser, unique } from '../builders.ts'
import { aFlow } from '../flows.ts'
import type { Answer } from '../harness.ts'
import type { Visitor } from '../visitor.ts'

const MFA = 'https://refeds.org/profile/mfa'
const FLOW = 'default-authentication-flow'

/** A client with a key, and request objects that it signs. */
async function aSigner(values: Row = {}) {
  const party = await aParty()
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: unique('key') }
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, jwks: { keys: [jwk] }, ...values })
  const usual = { client_id: party.clientId, response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid' }
  const sign = (claims: JWTPayload = {}) =>
    new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256', kid: jwk.kid }).sign(privateKey)
  return { party, sign }
}

const ask = (party: Party, browser: Visitor, params: Record<string, string>): Promise<Answer> =>
  browser.get(`/application/o/authorize/?${new URLSearchParams({ client_id: party.clientId, ...params }).toString()}`)

const locationOf = ({ headers }: Answer): URL => new URL(String(headers.location), 'https://id.example.test')

test('1 a request object brings no address that is not registered', async () => {
  const { party, sign } = await aSigner()
  const { browser } = await aSignedInBrowser()
  for (const redirect_uri of [
    'https://evil.example.test/',
    `${REDIRECT_URI}@evil.example.test`,
    'javascript:alert(1)',
    `${REDIRECT_URI}?code=x`,
  ]) {
    const answer = await ask(party, browser, { request: await sign({ redirect_uri }), redirect_uri: REDIRECT_URI })
    assert.equal(answer.status, 400, redirect_uri)
    assert.equal(answer.headers.location, undefined, redirect_uri)
  }
})

test('13 of many that come back from the sign-in page with one request, one gets a code', async () => {
  const { party, sign } = await aSigner()
  const { ctx } = await oauthServer()
  const user = await aUser(ctx, { password: 'a good password' })
  const browser = await aBrowser()
  const page = locationOf(await ask(party, browser, { request: await sign() }))
  await browser.signInWith(FLOW, page.search.slice(1), String(user.username), 'a good password')
  const next = page.searchParams.get('next')!
  const answers = await Promise.all(Array.from({ length: 20 }, () => browser.get(next)))
  assert.equal(answers.filter(answer => answer.headers.location && locationOf(answer).searchParams.has('code')).length, 1)
})

test('14 a request that is kept for one client is of no use to another', async () => {
  const { party, sign } = await aSigner()
  const other = await aParty()
  const next = locationOf(await ask(party, await aBrowser(), { request: await sign() })).searchParams.get('next')!
  const uri = new URL(next, 'https://id.example.test').searchParams.get('request_uri')!
  const { browser } = await aSignedInBrowser()
  assert.equal((await ask(other, browser, { request_uri: uri })).status, 400)
})

test('29 an account that was to be chosen and was not gives nothing', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const page = locationOf(await party.authorize(browser, { prompt: 'select_account' }))
  const cancelled = await browser.get(page.searchParams.get('next')!)
  assert.equal(locationOf(cancelled).searchParams.get('error'), 'access_denied')
})

test('33 the browser cannot take away what a signed request demands', async () => {
  const { party, sign } = await aSigner({ require_signed_request_object: true })
  const { browser } = await aSignedInBrowser()
  for (const demand of [{ prompt: 'login' }, { max_age: 0 }]) {
    const request = await sign(demand)
    const additions: Record<string, string>[] = [{}, { prompt: 'consent' }, { max_age: '100000' }, { prompt: '' }]
    for (const added of additions)
      assert.match(
        String((await ask(party, browser, { request, ...added })).headers.location),
        /\/if\/flow\//,
        JSON.stringify({ demand, added }),
      )
  }
  const plain = await ask(party, browser, Object.fromEntries(new URLSearchParams(party.query())))
  assert.equal(locationOf(plain).searchParams.get('error'), 'invalid_request')
})

test('33 a client whose sign-ins may not be old at all gets a new one each time', async () => {
  const party = await aParty()
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, default_max_age: 0 })
  const { browser } = await aSignedInBrowser()
  assert.match(String((await party.authorize(browser)).headers.location), /\/if\/flow\//)
  assert.equal((await party.response(browser, { prompt: 'none' })).get('error'), 'login_required')
})

test('34 a browser that is remembered for its second factor has not shown it again', async () => {
  const { ctx, clock } = await oauthServer()
  const user = await aUser(ctx, { password: 'right' })
  const app = await anApp(ctx, user)
  const remembering = await aValidation(ctx, { last_auth_threshold: 'hours=1' })
  const flow = await aFlow(ctx, ['identification', 'password', remembering, 'user_login'])
  const party = await aParty({ authentication_flow: flow.flow_uuid })
  const browser = await aBrowser()
  const wish = { claims: JSON.stringify({ id_token: { acr: { essential: true, values: [MFA] } } }) }
  /** Signs in by password; what is asked after that. */
  const begin = async (params: Record<string, string>) => {
    const page = locationOf(await party.authorize(browser, params))
    return { query: page.search.slice(1), asked: await browser.signInWith(flow.slug, page.search.slice(1), String(user.username), 'right') }
  }
  const first = await begin({})
  const proof = { component: first.asked.component, code: app.code(ctx.now()) }
  assert.equal((await browser.challenge(flow.slug, first.query, proof)).component, 'xak-flow-redirect')
  clock.advance(31_000)
  const again = await begin({ prompt: 'login' })
  assert.equal(again.asked.component, 'xak-flow-redirect', 'the flow itself is content with what it remembers')
  const unproven = await browser.follow(String(again.asked.to))
  const weak = await party.exchange(unproven.elsewhere!.searchParams.get('code')!)
  assert.notEqual(decodeJwt(weak.body.id_token as string).acr, MFA)
  clock.advance(1_000)
  const demanded = await begin(wish)
  assert.equal(demanded.asked.component, 'ak-stage-authenticator-validate', 'the request is not')
  const code = { component: demanded.asked.component, code: app.code(ctx.now()) }
  const done = await browser.challenge(flow.slug, demanded.query, code)
  const { elsewhere } = await browser.follow(String(done.to))
  const strong = await party.exchange(elsewhere!.searchParams.get('code')!)
  assert.equal(decodeJwt(strong.body.id_token as string).acr, MFA)
})

test('34 a step-up asks each time: it remembers nothing of the one before', async () => {
  const { ctx, clock } = await oauthServer()
  const user = await aUser(ctx, { password: 'right' })
  const app = await anApp(ctx, user)
  const flow = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const party = await aParty({ authentication_flow: flow.flow_uuid })
  const browser = await aBrowser()
  const wish = { claims: JSON.stringify({ id_token: { acr: { essential: true, values: [MFA] } } }), prompt: 'login' }
  for (const time of ['first', 'second']) {
    const query = locationOf(await party.authorize(browser, wish)).search.slice(1)
    const asked = await browser.signInWith(flow.slug, query, String(user.username), 'right')
    assert.equal(asked.component, 'ak-stage-authenticator-validate', time)
    const done = await browser.challenge(flow.slug, query, { component: asked.component, code: app.code(ctx.now()) })
    assert.equal(done.component, 'xak-flow-redirect', time)
    clock.advance(31_000)
  }
})
