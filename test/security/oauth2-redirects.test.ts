/** Abuse cases of redirects and how responses get to the client, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aBrowser, aParty, aSignedInBrowser, pkce, REDIRECT_URI } from '../../src/providers/oauth2/fixture.ts'
import type { Answer } from '../harness.ts'
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
})

test('4 case is compared as the RFCs say, not folded', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  await everyRefused(party, browser, [
    'https://app.example.test/OIDC/callback',
    'https://APP.example.test/oidc/callback',
    'HTTPS://app.example.test/oidc/callback',
  ])
})

test('5 of a loopback redirect only the port may vary', async () => {
  const party = await aParty({ client_type: 'public', redirect_uris: [{ matching_mode: 'strict', url: 'http://127.0.0.1/cb' }] })
  const { browser } = await aSignedInBrowser()
  const code = { code_challenge: pkce().challenge, code_challenge_method: 'S256' }
  assert.equal((await party.authorize(browser, { ...code, redirect_uri: 'http://127.0.0.1:51234/cb' })).status, 302)
  await everyRefused(party, browser, [
    'http://localhost:51234/cb',
    'http://127.0.0.1:51234/cb?x=1',
    'http://127.0.0.1:51234/other',
    'http://127.0.0.2:51234/cb',
    'https://127.0.0.1:51234/cb',
  ])
})

test('6 script schemes can be neither registered nor used', async () => {
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'regex', url: '.*' },
      { matching_mode: 'regex', url: '.*', redirect_uri_type: 'logout' },
    ],
  })
  const { browser } = await aSignedInBrowser()
  const scripts = ['javascript:alert(1)', 'JAVASCRIPT:alert(1)', 'java\nscript:alert(1)', 'data:text/html,<script>1</script>', 'vbscript:x']
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
  }
})

test('7 the form_post page escapes what it carries, and its policy forbids inline script', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/.*' }] })
  const { browser } = await aSignedInBrowser()
  const state = '"><script>alert(1)</script>'
  const page = await party.authorize(browser, { response_mode: 'form_post', state, redirect_uri: "https://app.example.test/?a='x'" })
  refusedOrEscaped(page)
  const good = await party.authorize(browser, { response_mode: 'form_post', state, redirect_uri: 'https://app.example.test/cb?a=1&b=2' })
  assert.equal(good.status, 200)
  refusedOrEscaped(good)
  assert.match(good.text, /value="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;"/)
  assert.match(good.text, /action="https:\/\/app\.example\.test\/cb\?a=1&amp;b=2"/)
  const policy = String(good.headers['content-security-policy'])
  assert.match(policy, /script-src 'nonce-/)
  assert.doesNotMatch(policy.replace(/style-src[^;]*/, ''), /unsafe-inline/)
})
function refusedOrEscaped(page: Answer): void {
  assert.doesNotMatch(page.text, /<script>alert/)
}

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

test('84 a pattern of a redirect URI is matched in bounded time', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/((a+)+)+b' }] })
  const { browser } = await aSignedInBrowser()
  await everyRefused(party, browser, [`https://app.example.test/${'a'.repeat(1_900)}c`])
})
