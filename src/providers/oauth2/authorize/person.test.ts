import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { userUid } from '../../../core/user/uid.ts'
import { aGroup, aUser } from '../../../../test/builders.ts'
import { explanationIn } from '../../../../test/codes.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, REDIRECT_URI } from '../fixture.ts'

test('without a session the person signs in, and the way leads back to the same request (R-212)', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const user = await aUser(ctx, { password: 'a good password' })
  const browser = await aBrowser()
  const sent = await party.authorize(browser, { login_hint: String(user.username), next: '//evil.test' })
  assert.equal(sent.status, 302)
  const page = new URL(String(sent.headers.location), 'https://id.example.test')
  assert.equal(page.pathname, '/if/flow/default-authentication-flow/')
  assert.equal(page.searchParams.getAll('next').length, 1)
  const done = await browser.signInWith('default-authentication-flow', page.search.slice(1), String(user.username), 'a good password')
  assert.equal(done.component, 'xak-flow-redirect', JSON.stringify(done))
  const { elsewhere } = await browser.follow(done.to)
  assert.equal(elsewhere!.origin, 'https://app.example.test')
  const tokens = await party.exchange(elsewhere!.searchParams.get('code')!)
  assert.equal(tokens.status, 200)
})

test('coming back from the sign-in page without a sign-in ends the request', async () => {
  const party = await aParty()
  const browser = await aBrowser()
  const sent = await party.authorize(browser)
  const next = new URL(String(sent.headers.location), 'https://id.example.test').searchParams.get('next')!
  const back = await browser.get(next)
  assert.equal(new URL(String(back.headers.location)).searchParams.get('error'), 'access_denied')
  const forged = await browser.get(next.replace(/prompted=\d+/, 'prompted=1'))
  assert.match(String(forged.headers.location), /\/if\/flow\//)
})

test('who is not the person that login_hint names can say so and sign in', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const user = await aUser(ctx, { password: 'a good password' })
  const browser = await aBrowser()
  const page = new URL(String((await party.authorize(browser, { login_hint: 'somebody' })).headers.location), 'https://id.example.test')
  const shown = await browser.challenge('default-authentication-flow', page.search.slice(1))
  assert.equal(shown.pending_user, 'somebody')
  const again = await browser.follow(shown.flow_info.cancel_url)
  const next = new URL(`https://id.example.test${again.path}`)
  assert.equal(next.pathname, '/if/flow/default-authentication-flow/')
  const done = await browser.signInWith('default-authentication-flow', next.search.slice(1), String(user.username), 'a good password')
  const { elsewhere } = await browser.follow(done.to)
  assert.ok(elsewhere?.searchParams.get('code'), JSON.stringify(done))
})

test('prompt=none answers at once: login_required without a session (OIDC Core §3.1.2.6)', async () => {
  const party = await aParty()
  assert.equal((await party.response(await aBrowser(), { prompt: 'none' })).get('error'), 'login_required')
  const { browser } = await aSignedInBrowser()
  assert.ok(await party.code(browser, { prompt: 'none' }))
})

test('prompt=none with a sign-in older than max_age is login_required', async () => {
  const party = await aParty()
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser()
  clock.advance(120_000)
  assert.equal((await party.response(browser, { prompt: 'none', max_age: '60' })).get('error'), 'login_required')
  assert.ok(await party.code(browser, { prompt: 'none', max_age: '600' }))
})

test('prompt=login and max_age=0 ask for a sign-in that is newer than the request', async () => {
  const party = await aParty()
  const { ctx, clock } = await oauthServer()
  const user = await aUser(ctx, { password: 'a good password' })
  for (const params of [{ prompt: 'login' }, { max_age: '0' }]) {
    const { browser } = await aSignedInBrowser(user)
    clock.advance(1_000)
    const sent = await party.authorize(browser, params)
    const page = new URL(String(sent.headers.location), 'https://id.example.test')
    assert.match(page.pathname, /\/if\/flow\//)
    const unfinished = await browser.get(page.searchParams.get('next')!)
    assert.equal(new URL(String(unfinished.headers.location)).searchParams.get('error'), 'access_denied')
    const again = new URL(String((await party.authorize(browser, params)).headers.location), 'https://id.example.test')
    const done = await browser.signInWith('default-authentication-flow', again.search.slice(1), String(user.username), 'a good password')
    assert.equal(done.component, 'xak-flow-redirect', JSON.stringify(done))
    const { elsewhere } = await browser.follow(done.to)
    assert.ok(elsewhere!.searchParams.get('code'), elsewhere!.href)
  }
})

test('prompt=select_account asks who it is, and another account may sign in', async () => {
  const party = await aParty()
  const { ctx, clock } = await oauthServer()
  const other = await aUser(ctx, { password: 'a good password' })
  const { browser, user } = await aSignedInBrowser()
  for (const prompt of ['select_account', 'select_account consent']) {
    clock.advance(1_000)
    const page = new URL(String((await party.authorize(browser, { prompt })).headers.location), 'https://id.example.test')
    const done = await browser.signInWith('default-authentication-flow', page.search.slice(1), String(other.username), 'a good password')
    const ended = await browser.follow(done.to)
    const slug = /\/if\/flow\/([^/]+)\//.exec(ended.path)?.[1]
    assert.equal(slug !== undefined, prompt.includes('consent'), 'what else was asked for comes after that')
    if (slug === undefined) {
      const { sub } = decodeJwt((await party.exchange(ended.elsewhere!.searchParams.get('code')!)).body.id_token as string)
      assert.notEqual(sub, userUid(ctx, user.id as number))
      assert.equal(sub, userUid(ctx, other.id as number))
    }
  }
  assert.equal((await party.response(browser, { prompt: 'none select_account' })).get('error'), 'invalid_request')
})

test('the pages speak the first language of ui_locales that we know (OIDC Core §3.1.2.1)', async () => {
  const party = await aParty({ consent: 'explicit' })
  const to = async (browser: Visitor, ui_locales: string) =>
    new URL(String((await party.authorize(browser, { ui_locales, locale: 'bg' })).headers.location), 'https://id.example.test').searchParams
  assert.deepEqual((await to(await aBrowser(), 'tlh de-AT fr')).getAll('locale'), ['de'])
  assert.deepEqual((await to((await aSignedInBrowser()).browser, 'nl')).getAll('locale'), ['nl'])
  assert.equal((await to(await aBrowser(), 'tlh')).get('locale'), null)
})

test('an id_token_hint of the person who is signed in succeeds, one of somebody else does not (OIDC Core §3.1.2.1)', async () => {
  const party = await aParty()
  const one = await aSignedInBrowser()
  const other = await aSignedInBrowser()
  const { id_token: hint } = await party.tokens(one.browser)
  assert.ok(await party.code(one.browser, { prompt: 'none', id_token_hint: hint }))
  assert.equal((await party.response(other.browser, { prompt: 'none', id_token_hint: hint })).get('error'), 'login_required')
  assert.match(String((await party.authorize(other.browser, { id_token_hint: hint })).headers.location), /\/if\/flow\//)
  const { access_token: notAHint } = await party.tokens(one.browser)
  assert.equal((await party.response(one.browser, { id_token_hint: notAHint })).get('error'), 'invalid_request')
})

test('who is not in a bound group sees a page, with status 200 (R-218)', async () => {
  const party = await aParty()
  const { ctx, admin } = await oauthServer()
  const group = await aGroup(ctx)
  await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.location, undefined)
  assert.match(answer.text, /Permission denied/)
  const id = explanationIn(answer.text)
  assert.partialDeepStrictEqual((await admin.get(`/api/v3/signet/explain/${id}/`)).body, {
    kind: 'application',
    surface: 'authorize',
    application: party.application.pk,
    reason: 'policies',
    bindings: [{ kind: 'group', name: group.name, result: 'denied', passing: false }],
  })
  assert.equal((await party.response(browser, { prompt: 'none' })).get('error'), 'access_denied')
  const member = await aSignedInBrowser(await aUser(ctx, { groups: [group.group_uuid] }))
  assert.ok(await party.code(member.browser))
})

test('explicit consent is asked for once, and again with prompt=consent', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser, { prompt: 'none' })).get('error'), 'consent_required')
  const agree = async (params: Record<string, string>) => {
    const sent = await party.authorize(browser, params)
    const slug = /\/if\/flow\/([^/]+)\//.exec(String(sent.headers.location))?.[1]
    assert.equal(slug, 'default-provider-authorization-explicit-consent', String(sent.headers.location))
    const asked = await browser.challenge(slug, '')
    assert.equal(asked.component, 'ak-stage-consent')
    assert.match(asked.header_text, /You're about to sign into/)
    const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
    assert.equal(done.component, 'xak-flow-redirect', JSON.stringify(done))
    return new URL(done.to)
  }
  const url = await agree({ scope: 'openid email' })
  assert.equal((await party.exchange(url.searchParams.get('code')!)).status, 200)
  assert.ok(await party.code(browser, { scope: 'openid email' }), 'not asked again')
  assert.ok(await party.code(browser, { scope: 'openid email', prompt: 'none' }))
  assert.ok((await agree({ scope: 'openid email', prompt: 'consent' })).searchParams.get('code'))
  assert.match(
    String((await party.authorize(browser, { scope: 'openid email profile' })).headers.location),
    /\/if\/flow\//,
    'more than was agreed to',
  )
})

test('prompt=consent asks also where the flow would not', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const sent = await party.authorize(browser, { prompt: 'consent', response_mode: 'form_post' })
  const slug = /\/if\/flow\/([^/]+)\//.exec(String(sent.headers.location))![1]!
  const asked = await browser.challenge(slug, '')
  assert.equal(asked.component, 'ak-stage-consent')
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  assert.partialDeepStrictEqual(done, {
    component: 'ak-stage-autosubmit',
    url: REDIRECT_URI,
    attrs: { state: 'some state', iss: party.issuer },
  })
  assert.equal((await party.exchange(done.attrs.code)).status, 200)
})

test('a provider without an application lets nobody in', async () => {
  const party = await aParty()
  const { admin } = await oauthServer()
  assert.equal((await admin.delete(`/api/v3/core/applications/${party.slug}/`)).status, 204)
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser)
  assert.equal(answer.status, 200)
  assert.match(answer.text, /Permission denied/)
})
