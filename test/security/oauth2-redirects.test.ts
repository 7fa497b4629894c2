/** Abuse cases of redirects and how responses get to the client, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, pkce, REDIRECT_URI } from '../../src/providers/oauth2/fixture.ts'
import { aGroup, aToken, aUser, unique } from '../builders.ts'
import { everyRefused } from '../oauth2.ts'

test('1 a redirect URI that only looks like the registered one is refused', async () => {
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'strict', url: 'https://allowed.com/cb' },
      { matching_mode: 'regex', url: 'https://allowed\\.com/.*' },
      { matching_mode: 'strict', url: 'http://localhost:80' },
    ],
  })
  const { browser } = await aSignedInBrowser()
  await everyRefused(party, browser, [
    'https://allowed.com.evil.com/cb',
    'https://allowed.com@evil.com/cb',
    'https://allowed.com%40evil.com/cb',
    'http://localhost:80@evil',
    'https://evil.com/https://allowed.com/cb',
    'https://evil.com?https://allowed.com/cb',
    'https://evil.com#https://allowed.com/cb',
    'https:allowed.com/cb',
    '//allowed.com/cb',
    'https://evil.com\\@allowed.com/cb',
  ])
})

test('1 an address that was taken from the client while the person was asked gets no code', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser)
  const { token } = await browser.challenge(slug, '')
  await party.change({ redirect_uris: [{ matching_mode: 'strict', url: 'https://app.example.test/other' }] })
  const done = await browser.challenge(slug, '', { component: 'ak-stage-consent', token })
  assert.equal(done.component, 'ak-stage-access-denied', JSON.stringify(done))
})

test('2 a dot in a strict URI is a dot, and an empty list never learns the first URI seen', async () => {
  const strict = await aParty({ redirect_uris: [{ matching_mode: 'strict', url: 'https://foo.example.com/cb' }] })
  const empty = await aParty({ redirect_uris: [] })
  const { browser } = await aSignedInBrowser()
  await everyRefused(strict, browser, ['https://fooaexample.com/cb'])
  await everyRefused(empty, browser, [REDIRECT_URI, REDIRECT_URI])
  const { body } = await empty.server.admin.get(`/api/v3/providers/oauth2/${String(empty.provider.pk)}/`)
  assert.deepEqual(body.redirect_uris, [])
})

test('3 path tricks do not pass', async () => {
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'strict', url: 'https://a.test/cb' },
      { matching_mode: 'regex', url: 'https://b\\.test/cb/.*' },
    ],
  })
  const { browser } = await aSignedInBrowser()
  for (const base of ['https://a.test/cb', 'https://b.test/cb']) {
    await everyRefused(party, browser, [
      `${base}/../evil`,
      `${base}/%2F..%2Fevil`,
      `${base}/%252fevil`,
      `${base}/..;/evil`,
      `${base}\\evil`,
      `${base}/\\evil`,
      `${base}/\tevil`,
      `${base}///evil`,
      `${base}/%2e%2e/evil`,
    ])
  }
  // What a browser would take to the registered address is not that address all the same.
  await everyRefused(party, browser, [
    'https://a.test/x/../cb',
    'https://a.test/./cb',
    'https://a.test/%63b',
    'https://a.test:443/cb',
    'https://a.test./cb',
    'https://a.test/cb/',
    'https://a.test/cb?',
    'https://a.test/cb#',
    'https://a.test\\cb',
    'https://a.test/c\tb',
    ' https://a.test/cb',
    'https:/a.test/cb',
    'https://b.test:443/cb/x',
    'https://b.test/cb/./x',
    'https://b.test/%63b/x',
  ])
})

test('4 case is compared as the RFCs say, not folded', async () => {
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'strict', url: REDIRECT_URI },
      { matching_mode: 'regex', url: 'https://pattern\\.example\\.test/[a-z]+' },
    ],
  })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.authorize(browser, { redirect_uri: 'https://pattern.example.test/cb' })).status, 302)
  await everyRefused(party, browser, [
    'https://pattern.example.test/CB',
    'https://PATTERN.example.test/cb',
    'https://app.example.test/OIDC/callback',
    'https://APP.example.test/oidc/callback',
    'HTTPS://app.example.test/oidc/callback',
  ])
})

test('5 of a loopback redirect of a public client only the port may vary', async () => {
  const redirect_uris = ['http://127.0.0.1/cb', 'http://[::1]:1/six', 'http://localhost/cb', 'http://127.0.0.3:1/cb'].map(url => ({
    matching_mode: 'strict',
    url,
  }))
  const [party, confidential] = [await aParty({ client_type: 'public', redirect_uris }), await aParty({ redirect_uris })]
  const { browser } = await aSignedInBrowser()
  const code = { code_challenge: pkce().challenge, code_challenge_method: 'S256' }
  for (const redirect_uri of ['http://127.0.0.1:51234/cb', 'http://[::1]:65535/six', 'http://127.0.0.1/cb'])
    assert.equal((await party.authorize(browser, { ...code, redirect_uri })).status, 302, redirect_uri)
  await everyRefused(party, browser, [
    'http://localhost:51234/cb',
    'http://127.0.0.1:51234/cb?x=1',
    'http://127.0.0.1:51234/other',
    'http://127.0.0.1:51234/six',
    'http://127.0.0.2:51234/cb',
    'http://127.0.0.3:2/cb',
    'http://[::1]:51234/cb',
    'http://[0:0:0:0:0:0:0:1]:1/six',
    'http://[::ffff:127.0.0.1]:51234/cb',
    'https://127.0.0.1:51234/cb',
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:51234@evil.test/cb',
    'http://127.0.0.1:51234.evil.test/cb',
    'http://127.0.0.1:51234',
    'http://2130706433:51234/cb',
  ])
  await everyRefused(confidential, browser, ['http://127.0.0.1:51234/cb', 'http://[::1]:51234/six'])
})

test('6 script schemes can be neither registered nor used', async () => {
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'regex', url: '.*' },
      { matching_mode: 'regex', url: '.*', redirect_uri_type: 'logout' },
    ],
  })
  const { browser } = await aSignedInBrowser()
  const scripts = [
    'javascript:alert(1)',
    'javascript://a.test/%0aalert(1)',
    'JAVASCRIPT:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>1</script>',
    'vbscript:x',
  ]
  await everyRefused(party, browser, scripts)
  for (const uri of scripts) {
    assert.equal(
      (await browser.get(`/application/o/${party.slug}/end-session/?post_logout_redirect_uri=${encodeURIComponent(uri)}`)).status,
      400,
      uri,
    )
    for (const redirect_uri_type of ['authorization', 'logout']) {
      const answer = await party.server.admin.patch(`/api/v3/providers/oauth2/${String(party.provider.pk)}/`, {
        redirect_uris: [{ matching_mode: 'strict', url: uri, redirect_uri_type }],
      })
      assert.equal(answer.status, 400, uri)
    }
    const application = { name: unique('application'), slug: unique('application') }
    for (const links of [{ meta_launch_url: uri }, { meta_icon: uri }])
      assert.equal((await party.server.admin.post('/api/v3/core/applications/', { ...application, ...links })).status, 400, uri)
  }
})

test('7 the form_post page escapes what it carries, and its policy forbids inline script', async () => {
  const quoted = `https://app.example.test/?a="'><script>alert(2)</script>`
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'regex', url: 'https://app\\.example\\.test/.*' },
      { matching_mode: 'strict', url: quoted },
    ],
  })
  const { browser } = await aSignedInBrowser()
  const state = '"><script>alert(1)</script>'
  const good = await party.authorize(browser, { response_mode: 'form_post', state, redirect_uri: 'https://app.example.test/cb?a=1&b=2' })
  assert.equal(good.status, 200)
  assert.doesNotMatch(good.text, /<script>alert/)
  const other = await party.authorize(browser, { response_mode: 'form_post', redirect_uri: quoted })
  assert.equal(other.status, 200)
  assert.doesNotMatch(other.text, /<script>alert/)
  assert.match(other.text, /action="https:\/\/app\.example\.test\/\?a=&quot;&#39;&gt;&lt;script&gt;alert/)
  const failed = await party.authorize(browser, {
    response_mode: 'form_post',
    state,
    max_age: state,
    redirect_uri: 'https://app.example.test/cb',
  })
  assert.match(failed.text, /name="error" value="invalid_request"/)
  assert.doesNotMatch(failed.text, /<script>alert/)
  assert.match(good.text, /value="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;"/)
  assert.match(good.text, /action="https:\/\/app\.example\.test\/cb\?a=1&amp;b=2"/)
  const policy = String(good.headers['content-security-policy'])
  assert.match(policy, /script-src 'nonce-/)
  assert.doesNotMatch(policy.replace(/style-src[^;]*/, ''), /unsafe-inline/)
})

test('8 response parameters that a redirect URI brings along are not merged into the response', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/.*' }] })
  const { browser } = await aSignedInBrowser()
  await everyRefused(party, browser, [
    'https://app.example.test/cb?code=stolen',
    'https://app.example.test/cb?x=1&state=fixed',
    'https://app.example.test/cb?%69ss=other',
  ])
})

test('9 the way back from the sign-in page is ours, whatever the request says', async () => {
  const party = await aParty()
  const browser = await aBrowser()
  const answer = await party.authorize(browser, { next: 'https://evil.test/', rd: 'https://evil.test/', flow_token: 'x' })
  const page = new URL(String(answer.headers.location), 'https://id.example.test')
  assert.equal(page.host, 'id.example.test')
  assert.deepEqual(
    page.searchParams.getAll('next').map(next => next.split('?')[0]),
    ['/application/o/authorize/'],
  )
  assert.equal(page.searchParams.get('flow_token'), null)
})

test('10 consent cannot be skipped, and its answer belongs to the browser that was asked', async () => {
  const party = await aParty({ client_type: 'public', consent: 'explicit' })
  const [one, two] = [await aSignedInBrowser(), await aSignedInBrowser()]
  const slug = 'default-provider-authorization-explicit-consent'
  const params = { code_challenge: pkce().challenge, code_challenge_method: 'S256' }
  assert.match(String((await party.authorize(one.browser, params)).headers.location), /\/if\/flow\//)
  const asked = await one.browser.challenge(slug, '')
  const empty = await one.browser.challenge(slug, '', { component: 'ak-stage-consent' })
  assert.equal(empty.component, 'ak-stage-consent', 'an empty answer is no yes')
  const foreign = await two.browser.challenge(slug, '', { component: 'ak-stage-consent', token: asked.token })
  assert.notEqual(foreign.component === 'xak-flow-redirect' && String(foreign.to).includes('code='), true)
  await party.authorize(two.browser, params)
  assert.ok((await two.browser.challenge(slug, '', { component: 'ak-stage-consent', token: asked.token })).response_errors)
})

test('10 who loses access while being asked for consent gets no code', async () => {
  const { ctx, admin } = await oauthServer()
  const party = await aParty({ consent: 'explicit' })
  const group = await aGroup(ctx)
  await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
  const { browser, user } = await aSignedInBrowser(await aUser(ctx, { groups: [group.group_uuid] }))
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser)
  const { token } = await browser.challenge(slug, '')
  await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/remove_user/`, { pk: user.id })
  const done = await browser.challenge(slug, '', { component: 'ak-stage-consent', token })
  assert.equal(done.component, 'ak-stage-access-denied', JSON.stringify(done))
})

test('84 a pattern of a redirect URI is matched in bounded time', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/((a+)+)+b' }] })
  const { browser } = await aSignedInBrowser()
  await everyRefused(party, browser, [`https://app.example.test/${'a'.repeat(1_900)}c`])
})

test('10 a yes is for the question that was asked: not for another application’s in the next tab, nor for more scopes', async () => {
  const [one, two] = [await aParty({ consent: 'explicit' }), await aParty({ consent: 'explicit' })]
  const { browser } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  const asked = async (party: typeof one, scope: string) => {
    await party.authorize(browser, { scope })
    return (await browser.challenge(slug, '')).token as string
  }
  const yes = (token: string) => browser.challenge(slug, '', { component: 'ak-stage-consent', token })
  const first = await asked(one, 'openid')
  const second = await asked(two, 'openid')
  assert.ok((await yes(first)).response_errors)
  const third = await asked(two, 'openid email profile')
  assert.ok((await yes(second)).response_errors)
  assert.match((await yes(third)).to, /[?&]code=/)
  assert.ok((await asked(one, 'openid')) !== undefined, 'nobody has agreed to that one')
})

test('10 who takes a consent back is asked again, also silently, and nobody else sees it or takes it back', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { ctx, admin, client } = party.server
  const { browser, user } = await aSignedInBrowser()
  const silently = async () => (await party.response(browser, { prompt: 'none' })).get('error')
  await party.authorize(browser)
  const slug = 'default-provider-authorization-explicit-consent'
  const { token } = await browser.challenge(slug, '')
  await browser.challenge(slug, '', { component: 'ak-stage-consent', token })
  assert.equal(await silently(), null)
  const list = `/api/v3/core/user_consent/?user=${String(user.id)}`
  const path = `/api/v3/core/user_consent/${(await admin.get(list)).body.results[0].pk}/`
  const other = client(await aToken(ctx, await aUser(ctx)))
  assert.deepEqual((await other.get(list)).body.results, [])
  for (const method of ['GET', 'DELETE']) assert.equal((await other.request(method, path)).status, 404)
  assert.equal(await silently(), null)
  assert.equal((await client(await aToken(ctx, user)).delete(path)).status, 204)
  assert.equal(await silently(), 'consent_required')
})
