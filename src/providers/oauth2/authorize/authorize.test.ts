import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../../test/builders.ts'
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
