import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { userUid } from '../../../core/user/uid.ts'
import { aGroup, aUser, unique } from '../../../../test/builders.ts'
import { explanationIn } from '../../../../test/codes.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, pkce, REDIRECT_URI } from '../fixture.ts'

test('the authorization response carries code, state and issuer (RFC 6749 §4.1.2, RFC 9207 §2)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser)
  assert.equal(answer.status, 302)
  const url = new URL(String(answer.headers.location))
  assert.equal(url.origin + url.pathname, REDIRECT_URI)
  assert.deepEqual([...url.searchParams.keys()], ['code', 'session_state', 'state', 'iss'])
  assert.equal(url.searchParams.get('state'), 'some state')
  assert.equal(url.searchParams.get('iss'), party.issuer)
})

test('the endpoint takes a form as it takes a query (OIDC Core §3.1.2.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const answer = await browser.request('POST', '/application/o/authorize/', {
    form: Object.fromEntries(new URLSearchParams(party.query())),
  })
  assert.equal(answer.status, 303)
  assert.match(String(answer.headers.location), /[?&]code=/)
})

test('state comes back exactly as it was sent, whatever it holds', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const state = 'ü &=#?+"<>%00 /é'
  assert.equal((await party.response(browser, { state })).get('state'), state)
  assert.equal((await party.response(browser, { state: undefined })).has('state'), false)
  assert.equal((await party.response(browser, { state, response_type: 'token' })).get('state'), state)
})

test('without a query there is nothing here', async () => {
  assert.equal((await (await aBrowser()).get('/application/o/authorize/')).status, 404)
})

test('an unknown client is told to the person, who is sent nowhere (RFC 6749 §4.1.2.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  for (const client_id of [undefined, 'nobody', 'x'.repeat(300)]) {
    const answer = await party.authorize(browser, { client_id })
    assert.equal(answer.status, 400)
    assert.equal(answer.headers.location, undefined)
    assert.match(answer.text, /Client ID Error/)
  }
})

test('a redirect URI that is missing or not registered is told to the person (R-217)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  for (const redirect_uri of [
    undefined,
    `${REDIRECT_URI}/`,
    REDIRECT_URI.toUpperCase(),
    REDIRECT_URI.replace('https', 'http'),
    'https://evil.test/',
  ]) {
    const answer = await party.authorize(browser, { redirect_uri })
    assert.equal(answer.status, 400)
    assert.equal(answer.headers.location, undefined)
    assert.match(answer.text, /Redirect URI Error/)
  }
})

test('the page of a wrong address tells operators what to change, and visitors nothing of what is registered', async () => {
  const party = await aParty()
  const { ctx, admin } = party.server
  const wrong = `${REDIRECT_URI}/?<b>`
  const visitor = await party.authorize(await aBrowser(), { redirect_uri: wrong })
  assert.match(visitor.text, /For the people who run it/)
  assert.match(visitor.text, /callback\/\?&lt;b&gt;/)
  assert.doesNotMatch(visitor.text, new RegExp(`${REDIRECT_URI}<`))
  const group = await admin.post('/api/v3/core/groups/', { name: unique('admins'), is_superuser: true })
  const operator = await aSignedInBrowser(await aUser(ctx, { groups: [group.body.pk] }))
  assert.match(
    (await party.authorize(operator.browser, { redirect_uri: wrong })).text,
    new RegExp(`<dt>Registered</dt>\\s*<dd>${REDIRECT_URI}<`),
  )
  for (let again = 0; again < 6; again++) await party.authorize(await aBrowser(), { redirect_uri: 'https://evil.test/' })
  const events = (await ctx.db.selectFrom('event').select('context').where('action', '=', 'configuration_error').execute())
    .map(event => event.context as unknown as { provider?: { pk: number }; expected: string[] })
    .filter(({ provider }) => provider?.pk === party.provider.pk)
  assert.equal(events.length, 5, 'no more of them than somebody reads')
  assert.deepEqual(events[0]!.expected, [REDIRECT_URI])
  assert.match((await party.authorize(await aBrowser(), { client_id: 'nobody' })).text, /<dt>client_id<\/dt>\s*<dd>nobody</)
})

test('a request that was sent ahead and granted says that it is over, and so does the page of a consent that was given', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const { body } = await party.post('par', { response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid' })
  const address = `/application/o/authorize/?client_id=${party.clientId}&request_uri=${encodeURIComponent(body.request_uri)}`
  const page = String((await browser.get(address)).headers.location)
  const { token } = await browser.challenge('default-provider-authorization-explicit-consent', '')
  const form = { csrfmiddlewaretoken: browser.cookies.get('authentik_csrf')!, token }
  assert.equal((await browser.request('POST', page, { form })).status, 303)
  const sent = await browser.get(page)
  assert.match(String(sent.headers.location), /code=/)
  for (const path of [address, page]) {
    const over = await browser.get(path)
    assert.equal(over.status, 400)
    assert.match(over.text, path === address ? /This sign-in has run out/ : /This step is over/)
  }
})

test('what cannot be done is told to the client', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const cases: [Record<string, string | undefined>, string][] = [
    [{ response_type: undefined }, 'invalid_request'],
    [{ response_type: 'code foo' }, 'unsupported_response_type'],
    [{ request: 'x.y.z' }, 'request_not_supported'],
    [{ request_uri: 'https://app.example.test/r' }, 'request_uri_not_supported'],
    [{ registration: '{}' }, 'registration_not_supported'],
    [{ scope: 'a"b' }, 'invalid_scope'],
    [{ max_age: 'soon' }, 'invalid_request'],
    [{ max_age: '-1' }, 'invalid_request'],
    [{ prompt: 'none login' }, 'invalid_request'],
    [{ code_challenge: 'x'.repeat(43), code_challenge_method: 'S512' }, 'invalid_request'],
    [{ code_challenge: 'too-short', code_challenge_method: 'S256' }, 'invalid_request'],
    [{ code_challenge_method: 'S256' }, 'invalid_request'],
    [{ nonce: 'x'.repeat(5_000) }, 'invalid_request'],
    [{ id_token_hint: 'nonsense' }, 'invalid_request'],
  ]
  for (const [params, error] of cases) {
    const response = await party.response(browser, params)
    assert.equal(response.get('error'), error, JSON.stringify(params))
    assert.equal(response.get('state'), 'some state')
    assert.equal(response.get('iss'), party.issuer)
    assert.equal(response.get('code'), null)
  }
})

test('a parameter sent twice is an invalid request (RFC 6749 §3.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const answer = await browser.get(`/application/o/authorize/?${party.query()}&scope=email`)
  assert.equal(new URL(String(answer.headers.location)).searchParams.get('error'), 'invalid_request')
  const twice = await browser.get(`/application/o/authorize/?${party.query()}&redirect_uri=https%3A%2F%2Fevil.test`)
  assert.equal(twice.status, 400)
})

test('unknown parameters, and unknown values of display, ui_locales, acr_values, claims and prompt do no harm (OIDC Core §3.1.2.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  assert.ok(
    await party.code(browser, {
      display: 'page',
      ui_locales: 'xx',
      acr_values: 'a b',
      claims: '{"elsewhere":{"name":null}}',
      claims_locales: 'de',
      extra: 'x',
      prompt: 'create',
    }),
  )
})

test('a client may be kept from the authorization code grant', async () => {
  const party = await aParty({ grant_types: ['client_credentials'] })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser)).get('error'), 'unauthorized_client')
})

test('a public client must send a challenge (RFC 9700 §2.1.1)', async () => {
  const party = await aParty({ client_type: 'public' })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.response(browser)).get('error'), 'invalid_request')
  assert.ok(await party.code(browser, { code_challenge: pkce().challenge, code_challenge_method: 'S256' }))
})

test('the response takes the way that response_mode names, errors too', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const fragment = await party.authorize(browser, { response_mode: 'fragment' })
  assert.match(String(fragment.headers.location), /^https:\/\/app\.example\.test\/oidc\/callback#code=/)
  const failed = await party.authorize(browser, { response_mode: 'fragment', max_age: 'x' })
  assert.match(String(failed.headers.location), /callback#error=invalid_request/)
  for (const [params, name] of [
    [{}, 'code'],
    [{ max_age: 'x' }, 'error'],
  ] as const) {
    const page = await party.authorize(browser, { response_mode: 'form_post', ...params })
    assert.equal(page.status, 200)
    assert.equal(page.headers.location, undefined)
    assert.match(page.text, new RegExp(`<form method="post" action="${REDIRECT_URI}">`))
    assert.match(page.text, new RegExp(`name="${name}"`))
    assert.match(page.text, /name="state" value="some state"/)
    assert.match(String(page.headers['content-security-policy']), /form-action 'self' https:/)
  }
})

test('a response that no form can carry to the client takes the usual way', async () => {
  const redirect_uri = 'com.example.app:/cb'
  const party = await aParty({ redirect_uris: [{ matching_mode: 'strict', url: redirect_uri }] })
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser, { redirect_uri, response_mode: 'form_post' })
  assert.match(String(answer.headers.location), /^com\.example\.app:\/cb\?code=/)
  const signed = await party.authorize(browser, { redirect_uri, response_mode: 'form_post.jwt' })
  assert.match(String(signed.headers.location), /^com\.example\.app:\/cb\?response=/)
})

test('unsupported response types answer by fragment, as such clients listen there', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const answer = await party.authorize(browser, { response_type: 'token' })
  assert.match(String(answer.headers.location), /callback#error=unsupported_response_type/)
})

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

test('an authorization leaves an event', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { browser, user } = await aSignedInBrowser()
  await party.code(browser, { scope: 'openid email' })
  const events = await ctx.db
    .selectFrom('event')
    .selectAll()
    .where('action', '=', 'authorize_application')
    .orderBy('created', 'desc')
    .execute()
  const own = events.find(event => (event.user as { pk: number }).pk === user.id)
  assert.equal((own!.context as { scopes: string }).scopes, 'openid, email')
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
