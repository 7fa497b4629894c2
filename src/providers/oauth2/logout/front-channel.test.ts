import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import type { Row } from '../../../api/model.ts'
import { endSessionsOf } from '../../../core/session/session.ts'
import { aParty, aSignedInBrowser, flowKey, oauthServer, REDIRECT_URI, type Party } from '../fixture.ts'

const BYE = 'https://app.example.test/bye'
const redirect_uris = [
  { matching_mode: 'strict', url: REDIRECT_URI },
  { matching_mode: 'strict', url: BYE, redirect_uri_type: 'logout' },
]

/** A client that wants to hear of the end of sessions through the browser. */
const aListener = (logout_uri: string, more: Row = {}): Promise<Party> =>
  aParty({ logout_uri, logout_method: 'frontchannel', redirect_uris, ...more })

test('with the session the browser opens the addresses of all that took part in it, each with who and where (OIDC Front-Channel Logout §3)', async () => {
  const [one, two, absent] = [
    await aListener('https://one.example.test/out?a=b'),
    await aListener('https://two.example.test/out'),
    await aListener('https://absent.example.test/out'),
  ]
  const person = await aSignedInBrowser()
  const { sid } = decodeJwt((await one.tokens(person.browser)).id_token)
  await two.tokens(person.browser)
  const asked = await person.browser.challenge('default-invalidation-flow', '')
  assert.equal(asked.component, 'ak-provider-iframe-logout')
  const query = (party: Party) => `iss=${encodeURIComponent(party.issuer)}&sid=${String(sid)}`
  assert.deepEqual(asked.logout_urls, [
    { url: `https://one.example.test/out?a=b&${query(one)}`, provider_name: one.provider.name, binding: 'redirect' },
    { url: `https://two.example.test/out?${query(two)}`, provider_name: two.provider.name, binding: 'redirect' },
  ])
  assert.ok(absent)
  const frames = await person.browser.get('/if/logout/')
  assert.equal(frames.status, 200)
  const policy = String(frames.headers['content-security-policy'])
  assert.match(policy, /default-src 'none'; frame-src https:\/\/one\.example\.test https:\/\/two\.example\.test;/)
  assert.match(policy, /frame-ancestors 'self'/)
  assert.match(frames.text, /src="https:\/\/one\.example\.test\/out\?a=b&amp;iss=/)
  assert.equal((await one.response(person.browser, { prompt: 'none' })).get('error'), 'login_required', 'the session is over by then')
  const done = await person.browser.challenge('default-invalidation-flow', '', { component: asked.component })
  assert.equal(done.component, 'xak-flow-redirect')
  assert.equal((await person.browser.get('/if/logout/')).status, 404)
})

test('on the way to the address after logout the frames come first', async () => {
  const { ctx } = await oauthServer()
  const party = await aListener('https://one.example.test/out', { invalidation_flow: await flowKey(ctx, 'default-invalidation-flow') })
  const { browser } = await aSignedInBrowser()
  const { id_token } = await party.tokens(browser)
  const query = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: BYE, state: 'x y' }).toString()
  const answer = await browser.get(`/application/o/${party.slug}/end-session/?${query}`)
  assert.match(String(answer.headers.location), /^\/if\/flow\/default-invalidation-flow\//)
  const page = await browser.get(String(answer.headers.location))
  assert.match(page.text, /ak-provider-iframe-logout/)
  const done = await browser.challenge('default-invalidation-flow', '', { component: 'ak-provider-iframe-logout' })
  assert.deepEqual([done.component, done.to], ['xak-flow-redirect', `${BYE}?state=x%20y`])
})

test('a flow that keeps the session tells the one application that is signed out of, and again when it takes part again', async () => {
  const [party, other] = [await aListener('https://one.example.test/out'), await aListener('https://two.example.test/out')]
  const { browser } = await aSignedInBrowser()
  await other.tokens(browser)
  for (const _ of [1, 2]) {
    const { id_token, access_token } = await party.tokens(browser)
    await browser.get(`/application/o/${party.slug}/end-session/?${new URLSearchParams({ id_token_hint: id_token }).toString()}`)
    const asked = await browser.challenge('default-provider-invalidation-flow', '')
    assert.deepEqual(
      asked.logout_urls.map(({ provider_name }: Row) => provider_name),
      [party.provider.name],
    )
    const done = await browser.challenge('default-provider-invalidation-flow', '', { component: asked.component })
    assert.equal(done.component, 'ak-stage-session-end')
    assert.equal((await party.userinfo(access_token)).status, 401)
  }
  const asked = await browser.challenge('default-invalidation-flow', '')
  assert.deepEqual(
    asked.logout_urls.map(({ provider_name }: Row) => provider_name),
    [other.provider.name],
  )
})

test('a client may want to hear nothing but that somebody left', async () => {
  const party = await aListener('https://one.example.test/out')
  const { admin, ctx } = await oauthServer()
  const made = await admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    frontchannel_logout_session_required: false,
  })
  assert.equal(made.status, 201, made.text)
  const { browser, user } = await aSignedInBrowser()
  await party.tokens(browser)
  const asked = await browser.challenge('default-invalidation-flow', '')
  assert.deepEqual(asked.logout_urls[0].url, 'https://one.example.test/out')
  await endSessionsOf(ctx, user.id as number)
})

test('an address cannot write into the policy of the page that opens it', async () => {
  const [bad, good] = [await aListener('https://a;script-src/out'), await aListener('https://one.example.test/out')]
  const { browser } = await aSignedInBrowser()
  await bad.tokens(browser)
  await good.tokens(browser)
  const asked = await browser.challenge('default-invalidation-flow', '')
  assert.deepEqual(
    asked.logout_urls.map(({ provider_name }: Row) => provider_name),
    [good.provider.name],
  )
  const policy = String((await browser.get('/if/logout/')).headers['content-security-policy'])
  assert.match(policy, /frame-src https:\/\/one\.example\.test;/)
})
