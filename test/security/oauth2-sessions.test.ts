/** Abuse cases of sign-ins, sessions and sign-outs of OpenID Connect, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aBrowser, aParty, aSignedInBrowser, flowKey, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { aUser } from '../builders.ts'
import { invalidGrant } from '../oauth2.ts'

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
  const { ctx } = await oauthServer()
  const [one, two] = [await aSignedInBrowser(), await aSignedInBrowser()]
  await party.authorize(one.browser)
  const asked = await one.browser.challenge(slug, '')
  // The plan under way moves along when a session is replaced; here it is put into the other person's.
  const { data } = await ctx.db
    .selectFrom('session')
    .select('data')
    .where('session_hash', '=', one.session.session_hash)
    .executeTakeFirstOrThrow()
  await ctx.db
    .updateTable('session')
    .set({ data: JSON.stringify(data) })
    .where('session_hash', '=', two.session.session_hash)
    .execute()
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

test('32 another site cannot sign anybody out', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty({ invalidation_flow: await flowKey(ctx, 'default-invalidation-flow') })
  const { browser } = await aSignedInBrowser()
  await browser.get(`/application/o/${party.slug}/end-session/`)
  await browser.request('POST', `/application/o/${party.slug}/end-session/`, { form: { client_id: party.clientId } })
  for (let look = 0; look < 3; look++) await browser.challenge('default-invalidation-flow', '')
  assert.ok(await party.code(browser, { prompt: 'none' }))
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
