/** Abuse cases of what tokens are good for and who may ask, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt, SignJWT } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { aBrowser, aParty, aSignedInBrowser, mounted, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { invalidGrant } from '../oauth2.ts'

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

test("66 an access token of one application is not good at another's check", async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal(decodeJwt(token).aud, party.clientId)
  assert.deepEqual((await other.post('introspect', { token })).body, { active: false })
})
