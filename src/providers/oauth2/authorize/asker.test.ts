import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser, unique } from '../../../../test/builders.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import type { Row } from '../../../api/model.ts'
import { aBrowser, aParty, aSignedInBrowser, pkce, REDIRECT_URI } from '../fixture.ts'

/** What a flow's page knows of the application that waits for it. */
async function askingAt(browser: Visitor, path: string): Promise<Row | undefined> {
  const { text } = await browser.get(path)
  return JSON.parse(/<script type="application\/json" id="flow-data"[^>]*>([^<]*)</.exec(text)![1]!).asking
}

const HOST = 'https://tool.example.test'

/** The consent page of a client that registered itself like this, and of what it says of itself. */
async function registered(metadata: Row, redirect = `${HOST}/cb`) {
  const party = await aParty({ consent: 'explicit' })
  const { admin, ctx, client } = party.server
  assert.equal((await admin.post('/api/v3/providers/oauth2-dcr/', { provider: party.provider.pk })).status, 201)
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_providers_oauth2.register_oauth2client'])
  const token = await aToken(ctx, user)
  const answer = await client(token).post(`/application/o/${party.slug}/register/`, { redirect_uris: [redirect], ...metadata })
  assert.equal(answer.status, 201, answer.text)
  const { challenge } = pkce()
  const ask = async (browser: Visitor) => {
    const params = {
      client_id: answer.body.client_id as string,
      redirect_uri: redirect,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    }
    return askingAt(browser, String((await party.authorize(browser, params)).headers.location))
  }
  const { browser } = await aSignedInBrowser(user)
  return { ask, browser, asking: (await ask(browser))! }
}

test('a client that registered itself is marked, with where it lives and what it says of itself (RFC 7591 §5)', async () => {
  const { asking, ask } = await registered({
    client_name: 'My tool',
    client_uri: `${HOST}/about`,
    logo_uri: `${HOST}/logo.png`,
    policy_uri: 'https://policies.example.test/',
    tos_uri: `${HOST}/terms`,
  })
  assert.partialDeepStrictEqual(asking, {
    name: 'My tool',
    unverified: true,
    declines: true,
    goesTo: 'tool.example.test',
    icon: `${HOST}/logo.png`,
    home: `${HOST}/about`,
    policy: 'https://policies.example.test/',
    terms: `${HOST}/terms`,
  })
  // A visitor is told as well (OIDC Registration §2), and is not offered to be sent to an address that nobody has checked (RFC 9700 §4.11.2).
  const { declines, token, ...shown } = asking
  assert.deepEqual([declines, typeof token], [true, 'string'])
  assert.deepEqual(await ask(await aBrowser()), shown)
})

test('a logo that lies elsewhere than the client is not fetched by anybody', async () => {
  for (const logo_uri of [
    'https://bank.example.test/logo.png',
    'http://tool.example.test/logo.png',
    'https://tool.example.test.evil.test/l.png',
  ])
    assert.equal((await registered({ client_name: 'x', logo_uri })).asking.icon, undefined, logo_uri)
  const local = await registered({ client_name: 'x', logo_uri: 'https://localhost/logo.png' }, 'http://localhost:8080/cb')
  assert.deepEqual([local.asking.goesTo, local.asking.icon], ['', undefined])
  assert.equal((await registered({ client_name: 'x' }, 'com.example.app:/cb')).asking.goesTo, '')
})

test('names hold nothing that is unseen or turns the order of letters around', async () => {
  for (const [sent, shown] of [
    ['Sig\u200bnet\u202e evil', 'Sig net evil'],
    ['\u2067 Ｓignet\u00a0\u2003login ', 'Signet login'],
    [`Z${'\u0300'.repeat(40)}algo`, 'Zalgo'],
    ['\u200f\u2066', 'Registered client'],
    ['\u05e9\u05dc\u05d5\u05dd', '\u05e9\u05dc\u05d5\u05dd'],
    ['x'.repeat(200), 'x'.repeat(80)],
  ] as const)
    assert.equal((await registered({ client_name: sent })).asking.name, shown)
})

test('an application of an administrator shows its icon and publisher, and nothing about checks', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { admin } = party.server
  const path = `/api/v3/core/applications/${party.slug}/`
  const { browser } = await aSignedInBrowser()
  const page = async () => askingAt(browser, String((await party.authorize(browser)).headers.location))
  assert.deepEqual(Object.keys((await page())!).toSorted(), ['declines', 'name', 'token'])
  await admin.patch(path, { meta_publisher: 'The house', meta_icon: 'https://pictures.example.test/wiki.png', name: unique('Wiki') })
  assert.partialDeepStrictEqual(await page(), { publisher: 'The house', icon: 'https://pictures.example.test/wiki.png' })
  await admin.patch(path, { meta_icon: 'fa://fa-book' })
  assert.equal((await page())!.icon, undefined)
})

test('a response by a form is what the consent page may send, and no other page', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  const policy = async (response_mode: string) => {
    const page = String((await party.authorize(browser, { response_mode })).headers.location)
    return /form-action ([^;]+)/.exec(String((await browser.get(page)).headers['content-security-policy']))![1]
  }
  assert.equal(await policy('form_post'), "'self' https:")
  assert.equal(await policy('query'), "'self'")
  assert.match(REDIRECT_URI, /^https:/)
})
