/** Abuse cases of OAuth 2 and OpenID Connect, by their numbers: each is an attack that succeeded somewhere. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { decodeJwt, SignJWT } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { aGroup, aUser } from '../builders.ts'
import {
  aBrowser,
  aParty,
  aSignedInBrowser,
  flowKey,
  mounted,
  oauthServer,
  pkce,
  REDIRECT_URI,
  type Party,
  type SignedIn,
} from '../../src/providers/oauth2/fixture.ts'
import type { Answer } from '../harness.ts'
import type { Visitor } from '../visitor.ts'

const refused = (answer: Answer, label = '') => {
  assert.equal(answer.status, 400, label)
  assert.equal(answer.headers.location, undefined, label)
}
const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

async function everyRefused(party: Party, browser: Visitor, uris: string[]): Promise<void> {
  for (const redirect_uri of uris) refused(await party.authorize(browser, { redirect_uri }), redirect_uri)
}

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

test('11 a code with a challenge is worth nothing without its verifier', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { challenge, verifier } = pkce()
  const code = await party.code(browser, { code_challenge: challenge, code_challenge_method: 'S256' })
  assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant)
  assert.partialDeepStrictEqual(await party.exchange(code, { code_verifier: pkce().verifier }), invalidGrant)
  assert.partialDeepStrictEqual(await party.exchange(code, { code_verifier: challenge }), invalidGrant)
  assert.equal((await party.exchange(code, { code_verifier: verifier })).status, 200)
})

test('12 a verifier for a code without a challenge is refused, and public clients must send one', async () => {
  const party = await aParty()
  const open = await aParty({ client_type: 'public' })
  const { browser } = await aSignedInBrowser()
  assert.partialDeepStrictEqual(await party.exchange(await party.code(browser), { code_verifier: pkce().verifier }), invalidGrant)
  assert.equal((await open.response(browser)).get('error'), 'invalid_request')
})

test('13 a code works once in a race of fifty, and coming again it revokes what it bought', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser, { scope: 'openid offline_access' })
  const answers = await Promise.all(Array.from({ length: 50 }, () => party.exchange(code)))
  const won = answers.filter(answer => answer.status === 200)
  assert.equal(won.length, 1)
  for (const answer of answers) if (answer.status !== 200) assert.partialDeepStrictEqual(answer, invalidGrant)
  assert.equal((await party.userinfo(won[0]!.body.access_token)).status, 401)
  assert.partialDeepStrictEqual(await party.refresh(won[0]!.body.refresh_token), invalidGrant)
})

test('14 a code and a refresh token belong to the client they were issued to', async () => {
  const [party, thief, open] = [await aParty(), await aParty(), await aParty({ client_type: 'public' })]
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser, { scope: 'openid offline_access' })
  for (const other of [thief, open]) assert.partialDeepStrictEqual(await other.exchange(code), invalidGrant)
  const { body } = await party.exchange(code)
  for (const other of [thief, open]) assert.partialDeepStrictEqual(await other.refresh(body.refresh_token), invalidGrant)
  assert.equal((await party.refresh(body.refresh_token)).status, 200, 'foreign attempts harm nobody')
})

test('15 a refresh token works once in a race of fifty, and its reuse ends the family', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const first = await party.tokens(browser, { scope: 'openid offline_access' })
  const answers = await Promise.all(Array.from({ length: 50 }, () => party.refresh(first.refresh_token)))
  const won = answers.filter(answer => answer.status === 200)
  assert.equal(won.length, 1)
  assert.partialDeepStrictEqual(await party.refresh(won[0]!.body.refresh_token), invalidGrant)
  for (const token of [first.access_token, won[0]!.body.access_token]) assert.equal((await party.userinfo(token)).status, 401)
})

test('15 reuse of an old refresh token ends also what a rotation at the same time makes', async () => {
  const party = await aParty()
  for (let round = 0; round < 10; round++) {
    const { browser } = await aSignedInBrowser()
    const first = await party.tokens(browser, { scope: 'openid offline_access' })
    const second = await party.refresh(first.refresh_token)
    const [stolen, rotated] = await Promise.all([party.refresh(first.refresh_token), party.refresh(second.body.refresh_token)])
    assert.partialDeepStrictEqual(stolen, invalidGrant)
    if (rotated.status === 200) {
      assert.partialDeepStrictEqual(await party.refresh(rotated.body.refresh_token), invalidGrant)
      assert.equal((await party.userinfo(rotated.body.access_token)).status, 401)
    }
  }
})

test('16 a refresh asks again: account, group, application, scope', async () => {
  const { ctx, admin } = await oauthServer()
  const start = async () => {
    const party = await aParty()
    const group = await aGroup(ctx)
    await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
    const user = await aUser(ctx, { groups: [group.group_uuid] })
    const { browser } = await aSignedInBrowser(user)
    return { party, group, user, tokens: await party.tokens(browser, { scope: 'openid email offline_access' }) }
  }
  const changes: Record<string, (of: Awaited<ReturnType<typeof start>>) => Promise<unknown>> = {
    'a disabled account': ({ user }) => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
    'removal from the bound group': ({ group, user }) =>
      admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/remove_user/`, { pk: user.id }),
    'an application that is gone': ({ party }) => admin.delete(`/api/v3/core/applications/${party.slug}/`),
    'offline_access taken from the provider': ({ party }) =>
      party.change({ property_mappings: [] }).then(() => ctx.db.deleteFrom('session').execute()),
    'a grant type taken from the provider': ({ party }) => party.change({ grant_types: ['authorization_code'] }),
  }
  for (const [label, change] of Object.entries(changes)) {
    const of = await start()
    await change(of)
    assert.equal((await of.party.refresh(of.tokens.refresh_token)).status, 400, label)
  }
  const { party, tokens } = await start()
  const left = (party.provider.property_mappings as string[]).slice()
  const email = await ctx.db
    .selectFrom('property_mapping')
    .select('pm_uuid')
    .where('managed', '=', 'goauthentik.io/providers/oauth2/scope-email')
    .executeTakeFirstOrThrow()
  await party.change({ property_mappings: left.filter(key => key !== email.pm_uuid) })
  assert.equal((await party.refresh(tokens.refresh_token)).body.scope, 'openid offline_access')
})

test('16 a consent that was withdrawn ends the refresh', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser, user } = await aSignedInBrowser()
  const slug = 'default-provider-authorization-explicit-consent'
  await party.authorize(browser, { scope: 'openid offline_access' })
  const asked = await browser.challenge(slug, '')
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  const { body } = await party.exchange(new URL(done.to).searchParams.get('code')!)
  const next = await party.refresh(body.refresh_token)
  assert.equal(next.status, 200)
  const [consent] = (await browser.get('/api/v3/core/user_consent/')).body.results
  assert.deepEqual([consent.user.pk, consent.application.slug], [user.id, party.slug])
  assert.equal((await browser.request('DELETE', `/api/v3/core/user_consent/${consent.pk}/`)).status, 204)
  assert.partialDeepStrictEqual(await party.refresh(next.body.refresh_token), invalidGrant)
})

test('16 a grant without offline access ends with its session', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty()
  const { browser, session } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  await ctx.db
    .updateTable('oauth2_refresh_token')
    .set({ scope: JSON.stringify(['openid']) })
    .where('provider', '=', party.provider.pk as number)
    .execute()
  const next = await party.refresh(tokens.refresh_token)
  assert.equal(next.status, 200)
  await ctx.db.deleteFrom('session').where('session_hash', '=', session.session_hash).execute()
  assert.partialDeepStrictEqual(await party.refresh(next.body.refresh_token), invalidGrant)
})

test('16 a session that is taken away ends the refresh that came of it, also with offline access; a sign-out does not', async () => {
  const { admin } = await oauthServer()
  const party = await aParty()
  const path = '/api/v3/core/authenticated_sessions/'
  const ways: Record<string, (of: SignedIn) => Promise<unknown>> = {
    'one session': ({ session }) => admin.delete(`${path}${session.uuid}/`),
    'all of a person': ({ user }) => admin.delete(`${path}bulk_delete/?user_pks=${String(user.id)}`),
    'the account’s use': ({ user }) => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
  }
  for (const [way, take] of Object.entries(ways)) {
    const signed = await aSignedInBrowser()
    const first = await party.tokens(signed.browser, { scope: 'openid offline_access' })
    const { body: next } = await party.refresh(first.refresh_token)
    await take(signed)
    assert.partialDeepStrictEqual(await party.refresh(next.refresh_token), invalidGrant, way)
    assert.equal((await party.userinfo(next.access_token)).status, 401, way)
    await admin.patch(`/api/v3/core/users/${String(signed.user.id)}/`, { is_active: true })
    assert.partialDeepStrictEqual(await party.refresh(next.refresh_token), invalidGrant, `${way}: for good`)
  }
  const { browser } = await aSignedInBrowser()
  const kept = await party.tokens(browser, { scope: 'openid offline_access' })
  await browser.challenge('default-invalidation-flow', '')
  assert.equal((await party.refresh(kept.refresh_token)).status, 200)
})

test('17 no token passes for another kind', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access goauthentik.io/api' })
  for (const token of [tokens.access_token, tokens.id_token]) assert.partialDeepStrictEqual(await party.refresh(token), invalidGrant)
  for (const token of [tokens.id_token, tokens.refresh_token]) assert.equal((await party.userinfo(token)).status, 401)
  for (const token of [tokens.id_token, tokens.refresh_token])
    assert.equal((await party.server.client(token).get('/api/v3/core/users/me/')).status, 403)
  for (const token of Object.values(tokens).filter(value => typeof value === 'string')) {
    const other = await aBrowser()
    other.cookies.set('authentik_session', token)
    assert.equal((await party.response(other, { prompt: 'none' })).get('error'), 'login_required')
    assert.partialDeepStrictEqual(await party.exchange(token), invalidGrant)
  }
  const session = browser.cookies.get('authentik_session')!
  assert.equal((await party.userinfo(session)).status, 401)
  assert.equal((await party.response(browser, { id_token_hint: session })).get('error'), 'invalid_request')
})

test('18 scope never exceeds what was authorised, nor what is configured', async () => {
  const party = await aParty({ scopes: ['openid', 'email', 'offline_access'] })
  const { browser } = await aSignedInBrowser()
  assert.equal((await party.tokens(browser, { scope: 'openid profile goauthentik.io/api admin' })).scope, 'openid')
  const code = await party.code(browser, { scope: 'openid offline_access' })
  const answer = await party.exchange(code, { scope: 'openid email offline_access' })
  assert.equal(answer.body.scope, 'openid offline_access')
  assert.partialDeepStrictEqual(await party.refresh(answer.body.refresh_token, { scope: 'openid email' }), {
    status: 400,
    body: { error: 'invalid_scope' },
  })
  assert.equal((await party.token({ grant_type: 'client_credentials', scope: 'openid goauthentik.io/api' })).body.scope, 'openid')
})

test("20 introspection answers only for the client's own tokens", async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.deepEqual((await other.post('introspect', { token })).body, { active: false })
})

test('21 a deactivated account gets no code, no refresh and no client credentials', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const code = await party.code(browser)
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('id', '=', user.id as number)
    .execute()
  assert.match(String((await party.authorize(browser)).headers.location), /\/if\/flow\//)
  assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant)
  assert.partialDeepStrictEqual(await party.refresh(tokens.refresh_token), invalidGrant)
  assert.equal((await party.token({ grant_type: 'client_credentials' })).status, 200)
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('username', '=', `ak-${String(party.provider.name)}-client_credentials`)
    .execute()
  assert.partialDeepStrictEqual(await party.token({ grant_type: 'client_credentials' }), invalidGrant)
})

test('22 hints with another algorithm, key, issuer or audience are refused', async () => {
  const party = await aParty({ key: 'rsa' })
  const other = await aParty({ key: 'rsa' })
  const { browser } = await aSignedInBrowser()
  const { id_token: hint } = await party.tokens(browser)
  const claims = decodeJwt(hint)
  const { body } = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
  const { createPublicKey } = await import('node:crypto')
  const pem = createPublicKey({ key: body.keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const confused = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: body.keys[0].kid }).sign(Buffer.from(pem))
  const shared = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(String(party.provider.client_secret)))
  const [header, payload, signature] = hint.split('.') as [string, string, string]
  const encode = (value: Row) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forged = [
    confused,
    shared,
    `${encode({ alg: 'none' })}.${payload}.`,
    `${encode({ alg: 'None' })}.${payload}.${signature}`,
    `${header}.${encode({ ...claims, sub: 'other' })}.${signature}`,
    `${encode({ alg: 'RS256', kid: '../../etc/passwd' })}.${payload}.${signature}`,
    (await other.tokens(browser)).id_token,
  ]
  for (const token of forged)
    assert.equal(
      (await party.response(browser, { id_token_hint: token, prompt: 'none' })).get('error'),
      'invalid_request',
      token.slice(0, 60),
    )
})

test('24 a revocation that cannot be stored is no success', async () => {
  const { deps } = await oauthServer()
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  // A database that is read-only for this one app, as when its disk is full.
  const broken = new Proxy(deps.db, {
    get: (db, name) =>
      name === 'updateTable'
        ? () => {
            throw new Error('the disk is full')
          }
        : Reflect.get(db, name, db),
  })
  const app = await mounted({ ...deps, db: broken, database: { ...deps.database, db: broken } })
  const credentials = Buffer.from(`${party.clientId}:${String(party.provider.client_secret)}`).toString('base64')
  const answer = await app.inject({
    method: 'POST',
    url: '/application/o/revoke/',
    payload: `token=${token}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${credentials}` },
  })
  await app.close()
  assert.equal(answer.statusCode, 500)
  assert.equal(answer.json().error, 'server_error')
  assert.doesNotMatch(answer.payload, /disk/)
  assert.equal((await party.userinfo(token)).status, 200)
})

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

test("66 an access token of one application is not good at another's check", async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal(decodeJwt(token).aud, party.clientId)
  assert.deepEqual((await other.post('introspect', { token })).body, { active: false })
})

test('68 requests that two servers would read differently are refused', async () => {
  const { deps } = await oauthServer()
  const app = await mounted(deps)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const body = 'grant_type=client_credentials'
  const shapes = [
    `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    `Transfer-Encoding: chunked, identity\r\n\r\n${body}`,
    `Transfer-Encoding: xchunked\r\n\r\n${body}`,
    `Content-Length: ${body.length}\r\nContent-Length: 4\r\n\r\n${body}`,
    `Content-Length: +${body.length}\r\n\r\n${body}`,
    `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  ]
  for (const shape of shapes) {
    const answer = await raw(
      port,
      `POST /application/o/token/ HTTP/1.1\r\nHost: id.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n${shape}`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(shape))
    assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer, and the connection ends')
  }
  await app.close()
})

/** Sends bytes and reads until the server closes. */
const raw = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(bytes))
    socket
      .setEncoding('latin1')
      .on('data', chunk => (answer += chunk))
      .on('close', () => resolve(answer))
      .on('error', reject)
  })

test('74 secrets are compared in a time that tells nothing', async () => {
  // The comparison hashes both sides under a random key, so length and common beginnings cannot show; here is that nothing shorter passes.
  const party = await aParty()
  const secret = String(party.provider.client_secret)
  for (const wrong of [secret.slice(0, -1), `${secret}x`, secret.toLowerCase(), '']) {
    const answer = await party.token({ grant_type: 'refresh_token', refresh_token: 'x', client_secret: wrong }, { basic: false })
    assert.partialDeepStrictEqual(answer, { status: 400, body: { error: 'invalid_client' } })
  }
})

test('76 only registered origins may read, and not before the token is known to be good', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  const origin = new URL(REDIRECT_URI).origin
  const headers = async (of: Promise<Answer>) => (await of).headers['access-control-allow-origin']
  assert.equal(await headers(party.server.client(token).get('/application/o/userinfo/', { origin })), origin)
  for (const other of ['https://evil.test', 'null', `${origin}.evil.test`, origin.toUpperCase(), `${origin}:8443`]) {
    assert.equal(await headers(party.server.client(token).get('/application/o/userinfo/', { origin: other })), undefined, other)
    assert.equal(await headers(party.token({ grant_type: 'client_credentials' }, { headers: { origin: other } })), undefined, other)
  }
  assert.equal(await headers(party.server.client('nonsense').get('/application/o/userinfo/', { origin })), undefined)
})

test('84 a pattern of a redirect URI is matched in bounded time', async () => {
  const party = await aParty({ redirect_uris: [{ matching_mode: 'regex', url: 'https://app\\.example\\.test/((a+)+)+b' }] })
  const { browser } = await aSignedInBrowser()
  await everyRefused(party, browser, [`https://app.example.test/${'a'.repeat(1_900)}c`])
})
