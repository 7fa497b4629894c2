/** Abuse cases of sign-ins, sessions and sign-outs of OpenID Connect, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aBrowser, aParty, aSignedInBrowser, flowKey, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { adminsGroup, aUser } from '../builders.ts'
import { DEVICE_GRANT, expire, invalidGrant, movePlan } from '../oauth2.ts'

test('27 the session has another name towards clients after each sign-in', async () => {
  const { ctx, clock } = await oauthServer()
  const party = await aParty()
  const user = await aUser(ctx, { password: 'a good password' })
  const { browser } = await aSignedInBrowser(user)
  const before = decodeJwt((await party.tokens(browser)).id_token).sid
  const cookie = browser.cookies.get('authentik_session')
  clock.advance(1_000)
  const page = new URL(String((await party.authorize(browser, { prompt: 'login' })).headers.location), 'https://id.example.test')
  await browser.signInWith('default-authentication-flow', page.search.slice(1), String(user.username), 'a good password')
  const after = decodeJwt((await party.tokens(browser)).id_token).sid
  assert.notEqual(after, before)
  assert.notEqual(browser.cookies.get('authentik_session'), cookie)
  const old = await aBrowser()
  old.cookies.set('authentik_session', cookie!)
  assert.equal((await party.response(old, { prompt: 'none' })).get('error'), 'login_required')
})

test('29 a sign-in again that is cancelled gives nothing, and one by another account has another sid', async () => {
  const { ctx, clock } = await oauthServer()
  const party = await aParty()
  const second = await aUser(ctx, { password: 'a good password' })
  const { browser } = await aSignedInBrowser()
  const before = decodeJwt((await party.tokens(browser)).id_token)
  clock.advance(1_000)
  const page = new URL(String((await party.authorize(browser, { prompt: 'login' })).headers.location), 'https://id.example.test')
  const cancelled = await browser.get(page.searchParams.get('next')!)
  assert.equal(new URL(String(cancelled.headers.location)).searchParams.get('error'), 'access_denied')
  const done = await browser.signInWith('default-authentication-flow', page.search.slice(1), String(second.username), 'a good password')
  const { elsewhere } = await browser.follow(done.to)
  const { body } = await party.exchange(elsewhere!.searchParams.get('code')!)
  const after = decodeJwt(body.id_token as string)
  assert.notEqual(after.sub, before.sub)
  assert.notEqual(after.sid, before.sid)
})

test('30 the next person at the same browser never gets what was begun for the one before', async () => {
  const party = await aParty({ consent: 'explicit' })
  const slug = 'default-provider-authorization-explicit-consent'
  const [one, two] = [await aSignedInBrowser(), await aSignedInBrowser()]
  await party.authorize(one.browser)
  const asked = await one.browser.challenge(slug, '')
  // The plan under way moves along when a session is replaced; here it is put into the other person's.
  await movePlan(one, two)
  const done = await two.browser.challenge(slug, '', { component: asked.component, token: asked.token })
  assert.equal(done.component, 'ak-stage-access-denied', JSON.stringify(done))
})

test('31 deleting a session ends its tokens at once', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty()
  const { browser, session } = await aSignedInBrowser()
  const code = await party.code(browser)
  const { access_token: token } = await party.tokens(browser)
  await ctx.db.deleteFrom('session').where('session_hash', '=', session.session_hash).execute()
  assert.equal((await party.userinfo(token)).status, 401)
  assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant)
  assert.deepEqual((await party.post('introspect', { token })).body, { active: false })
  assert.equal((await party.response(browser, { prompt: 'none' })).get('error'), 'login_required')
})

test('31 a session that is over takes its tokens along before anybody has cleaned up', async () => {
  const party = await aParty()
  const person = await aSignedInBrowser()
  const code = await party.code(person.browser)
  const tokens = await party.tokens(person.browser, { scope: 'openid goauthentik.io/api' })
  await expire(person)
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  assert.deepEqual((await party.post('introspect', { token: tokens.access_token })).body, { active: false })
  assert.equal((await party.server.client(tokens.access_token).get('/api/v3/core/users/me/')).status, 403)
  assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant)
  assert.equal((await party.response(person.browser, { prompt: 'none' })).get('error'), 'login_required')
})

test('32 another site cannot sign anybody out', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty({ invalidation_flow: await flowKey(ctx, 'default-invalidation-flow') })
  const { browser } = await aSignedInBrowser()
  await browser.get(`/application/o/${party.slug}/end-session/`)
  await browser.request('POST', `/application/o/${party.slug}/end-session/`, { form: { client_id: party.clientId } })
  for (let look = 0; look < 3; look++) await browser.challenge('default-invalidation-flow', '')
  assert.ok(await party.code(browser, { prompt: 'none' }))
})

test('32 a good ID token with an address that is not registered signs nobody out unasked', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty({ invalidation_flow: await flowKey(ctx, 'default-invalidation-flow') })
  const { browser } = await aSignedInBrowser()
  const { id_token } = await party.tokens(browser)
  const query = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: 'https://evil.test/' })
  const { headers } = await browser.get(`/application/o/${party.slug}/end-session/?${query.toString()}`)
  assert.match(String(headers.location), /^\/if\/flow\//)
  assert.equal((await browser.challenge('default-invalidation-flow', '')).component, 'ak-stage-consent')
  assert.ok(await party.code(browser, { prompt: 'none' }))
})

test('33 the mark of the way back from the sign-in page is good for its own request, and for an hour', async () => {
  const { ctx, clock } = await oauthServer()
  const party = await aParty()
  const user = await aUser(ctx, { password: 'a good password' })
  const { browser } = await aSignedInBrowser(user)
  const asked = { prompt: 'login', state: 'one', nonce: 'one' }
  const page = new URL(String((await party.authorize(browser, asked)).headers.location), 'https://id.example.test')
  const back = page.searchParams.get('next')!
  const prompted = new URL(back, 'https://id.example.test').searchParams.get('prompted')!
  clock.advance(1_000)
  await browser.signInWith('default-authentication-flow', page.search.slice(1), String(user.username), 'a good password')
  const others = [{ state: 'two' }, { nonce: 'two' }, { max_age: '0' }, { prompt: 'login consent' }, { response_mode: 'fragment' }]
  for (const other of others)
    assert.match(String((await party.authorize(browser, { ...asked, ...other, prompted })).headers.location), /\/if\/flow\//)
  assert.ok(new URL(String((await browser.get(back)).headers.location)).searchParams.has('code'))
  clock.advance(3_600_000)
  assert.match(String((await browser.get(back)).headers.location), /\/if\/flow\//)
})

test('33 prompt=none without a session fails, max_age=0 asks for a new sign-in', async () => {
  const party = await aParty()
  assert.equal((await party.response(await aBrowser(), { prompt: 'none' })).get('error'), 'login_required')
  const { browser } = await aSignedInBrowser()
  assert.match(String((await party.authorize(browser, { max_age: '0' })).headers.location), /\/if\/flow\//)
  assert.equal((await party.response(browser, { max_age: '0', prompt: 'none' })).get('error'), 'login_required')
  assert.match(
    String((await party.authorize(browser, { max_age: '0', prompted: `${Date.now()}.${'x'.repeat(43)}` })).headers.location),
    /\/if\/flow\//,
  )
})

test('16 whoever looks through another’s eyes lets nothing in that outlasts it: no offline access, no device', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { browser } = await aSignedInBrowser(await aUser(ctx, { groups: [await adminsGroup(ctx)] }))
  const other = await aUser(ctx)
  const begun = await browser.request('POST', `/api/v3/core/users/${String(other.id)}/impersonate/`, { body: { reason: 'a test' } })
  assert.equal(begun.status, 204, begun.text)
  const tokens = await party.tokens(browser, { scope: 'openid email offline_access' })
  assert.equal((await party.userinfo(tokens.access_token)).body.email, other.email, 'applications are seen as the other sees them')
  assert.equal(tokens.scope, 'openid email')
  assert.equal(tokens.refresh_token, undefined)
  const { body } = await party.post('device', { scope: 'openid' })
  const shown = await browser.follow(`/device?code=${String(body.user_code)}`)
  assert.match(shown.path, /^\/device/)
  const ask = () => party.token({ grant_type: DEVICE_GRANT, device_code: body.device_code })
  assert.equal((await ask()).body.error, 'authorization_pending')
  assert.equal((await browser.get('/api/v3/core/users/impersonate_end/')).status, 204)
  const own = await browser.follow(`/device?code=${String(body.user_code)}`)
  assert.match(own.path, /^\/if\/flow\//)
})

test('16 whoever looks through another’s eyes agrees for the look alone: the other is asked as before', async () => {
  const party = await aParty({ consent: 'explicit' })
  const slug = 'default-provider-authorization-explicit-consent'
  const { ctx } = await oauthServer()
  const { browser } = await aSignedInBrowser(await aUser(ctx, { groups: [await adminsGroup(ctx)] }))
  const other = await aUser(ctx)
  const begun = await browser.request('POST', `/api/v3/core/users/${String(other.id)}/impersonate/`, { body: { reason: 'a test' } })
  assert.equal(begun.status, 204, begun.text)
  await party.authorize(browser, { scope: 'openid email' })
  const asked = await browser.challenge(slug, '')
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  const { body } = await party.exchange(new URL(done.to).searchParams.get('code')!)
  assert.equal((await party.userinfo(body.access_token)).body.email, other.email)
  const own = await aSignedInBrowser(other)
  assert.deepEqual((await own.browser.get('/api/v3/core/user_consent/')).body.results, [])
  await party.authorize(own.browser, { scope: 'openid email' })
  assert.equal((await own.browser.challenge(slug, '')).component, 'ak-stage-consent')
})
