/** Abuse cases of what tokens are good for and who may ask, by their numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt, SignJWT } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { findObject } from '../../src/api/store.ts'
import { CertificateKeyPair } from '../../src/crypto/model.ts'
import { keypairSigner } from '../../src/providers/oauth2/keys/signer.ts'
import { aBrowser, aParty, aSignedInBrowser, mounted, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { aToken, aUser, unique } from '../builders.ts'
import { DEVICE_GRANT, invalidGrant, letIn } from '../oauth2.ts'

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

test('18 a device gets no scope beyond what is configured, neither when it asks nor when it comes for its tokens', async () => {
  const party = await aParty({ scopes: ['openid', 'email', 'profile'] })
  const { ctx } = party.server
  const { browser } = await aSignedInBrowser()
  const { body: begun } = await party.post('device', { scope: 'openid email profile goauthentik.io/api admin' })
  assert.equal((await letIn(browser, `/device?code=${begun.user_code}`)).component, 'ak-provider-oauth2-device-code-finish')
  const { scope } = await ctx.db
    .selectFrom('oauth2_device_code')
    .select('scope')
    .where('user_code', '=', begun.user_code)
    .executeTakeFirstOrThrow()
  assert.deepEqual(scope, ['openid', 'email', 'profile'])
  const email = await ctx.db
    .selectFrom('property_mapping')
    .select('pm_uuid')
    .where('managed', '=', 'goauthentik.io/providers/oauth2/scope-email')
    .executeTakeFirstOrThrow()
  await party.change({ property_mappings: (party.provider.property_mappings as string[]).filter(key => key !== email.pm_uuid) })
  const { body } = await party.token({ grant_type: DEVICE_GRANT, device_code: begun.device_code, scope: 'openid email admin' })
  assert.equal(body.scope, 'openid profile')
})

test("20 introspection answers only for the client's own tokens, and to nobody who proves nothing", async () => {
  const [party, other, open] = [await aParty(), await aParty(), await aParty({ client_type: 'public' })]
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const inactive = { status: 200, body: { active: false } }
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    assert.partialDeepStrictEqual((await party.post('introspect', { token })).body, { active: true, client_id: party.clientId })
    for (const stranger of [other, open]) assert.partialDeepStrictEqual(await stranger.post('introspect', { token }), inactive)
    for (const client_secret of [undefined, '', 'wrong', String(other.provider.client_secret)])
      assert.partialDeepStrictEqual(await party.post('introspect', { token, client_secret }, { basic: false }), inactive)
  }
  const own = await open.tokens(browser)
  assert.partialDeepStrictEqual(await open.post('introspect', { token: own.access_token }), inactive)
})

test('20 a client that is trusted to look at the tokens of another sees whose they are', async () => {
  const [party, checker] = [await aParty(), await aParty()]
  await party.change({ jwt_federation_providers: [checker.provider.pk] })
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const theirs = await checker.tokens(browser, { scope: 'openid offline_access' })
  for (const name of ['access_token', 'refresh_token'] as const) {
    assert.partialDeepStrictEqual((await checker.post('introspect', { token: tokens[name] })).body, {
      active: true,
      client_id: party.clientId,
    })
    assert.deepEqual((await party.post('introspect', { token: theirs[name] })).body, { active: false }, 'trust goes one way')
  }
})

test('21 a deactivated account gets no code, no refresh and no client credentials, and its tokens say nothing', async () => {
  const { ctx, admin } = await oauthServer()
  const ways: Record<string, (user: Row) => Promise<unknown>> = {
    'by an administrator': user => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
    // As what another program, or a restored database, leaves behind: nothing was revoked.
    'in its row alone': user =>
      ctx.db
        .updateTable('user')
        .set({ is_active: false })
        .where('id', '=', user.id as number)
        .execute(),
  }
  for (const [way, disable] of Object.entries(ways)) {
    const party = await aParty()
    const { browser, user } = await aSignedInBrowser()
    const tokens = await party.tokens(browser, { scope: 'openid offline_access goauthentik.io/api' })
    const code = await party.code(browser)
    const password = await aToken(ctx, user, { intent: 'app_password' })
    const { body: begun } = await party.post('device', { scope: 'openid' })
    await letIn(browser, `/device?code=${begun.user_code}`)
    const byPassword = () => party.token({ grant_type: 'client_credentials', username: String(user.username), password })
    assert.equal((await byPassword()).status, 200)
    await disable(user)
    assert.match(String((await party.authorize(browser)).headers.location), /\/if\/flow\//, way)
    assert.equal((await party.response(browser, { prompt: 'none' })).get('error'), 'login_required')
    assert.partialDeepStrictEqual(await party.exchange(code), invalidGrant, way)
    assert.partialDeepStrictEqual(await party.refresh(tokens.refresh_token), invalidGrant, way)
    assert.partialDeepStrictEqual(await party.token({ grant_type: DEVICE_GRANT, device_code: begun.device_code }), invalidGrant, way)
    assert.partialDeepStrictEqual(await byPassword(), invalidGrant, way)
    for (const token of [tokens.access_token, tokens.refresh_token])
      assert.deepEqual((await party.post('introspect', { token })).body, { active: false }, way)
    assert.equal((await party.userinfo(tokens.access_token)).status, 401, way)
    assert.equal((await party.server.client(tokens.access_token).get('/api/v3/core/users/me/')).status, 403, way)
  }
})

test('21 a deactivated service account gets no client credentials', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty()
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
  const { ctx } = party.server
  const keypair = (await findObject(ctx, CertificateKeyPair, party.provider.signing_key))!
  const ours = (changed: Row) => keypairSigner(keypair).sign({ ...claims, ...changed })
  assert.ok((await party.response(browser, { id_token_hint: await ours({}), prompt: 'none' })).has('code'), 'the key is the right one')
  const aboutAnother = await ours({ sub: 'other' })
  const forged = [
    await ours({ aud: other.clientId }),
    await ours({ iss: other.issuer }),
    await ours({ iss: party.issuer.slice(0, -1) }),
    await ours({ iss: undefined }),
    aboutAnother,
    confused,
    shared,
    `${encode({ alg: 'none' })}.${payload}.`,
    `${encode({ alg: 'None' })}.${payload}.${signature}`,
    `${header}.${encode({ ...claims, sub: 'other' })}.${signature}`,
    `${encode({ alg: 'RS256', kid: '../../etc/passwd' })}.${payload}.${signature}`,
    (await other.tokens(browser)).id_token,
  ]
  for (const [index, token] of forged.entries())
    assert.equal(
      (await party.response(browser, { id_token_hint: token, prompt: 'none' })).get('error'),
      token === aboutAnother ? 'login_required' : 'invalid_request',
      `${index}`,
    )
})

test('24 a revocation that cannot be stored is no success', async () => {
  const { deps } = await oauthServer()
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  // A database that can be read and not written, for this one app, as when its disk is full.
  const broken = new Proxy(deps.db, {
    get: (db, name) => {
      if (name === 'updateTable')
        return () => {
          throw new Error('the disk is full')
        }
      const value: unknown = Reflect.get(db, name, db)
      return typeof value === 'function' ? value.bind(db) : value
    },
  })
  const app = await mounted({ ...deps, db: broken, database: { ...deps.database, db: broken } })
  const credentials = Buffer.from(`${party.clientId}:${String(party.provider.client_secret)}`).toString('base64')
  const revoke = (token: string) =>
    app.inject({
      method: 'POST',
      url: '/application/o/revoke/',
      payload: `token=${token}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${credentials}` },
    })
  assert.equal((await revoke('unknown')).statusCode, 200, 'all but writing works')
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const answer = await revoke(token)
    assert.equal(answer.statusCode, 500)
    assert.equal(answer.json().error, 'server_error')
    assert.doesNotMatch(answer.payload, /disk/)
  }
  await app.close()
  assert.equal((await party.userinfo(tokens.access_token)).status, 200)
  assert.equal((await party.refresh(tokens.refresh_token)).status, 200)
})

test("66 an access token of one application is not good at another's check", async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal(decodeJwt(token).aud, party.clientId)
  assert.deepEqual((await other.post('introspect', { token })).body, { active: false })
  const asAssertion = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: token }
  const federated = await other.token({ grant_type: 'client_credentials', ...asAssertion }, { basic: false })
  assert.partialDeepStrictEqual(federated, { status: 400, body: { error: 'invalid_client' } })
  const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const exchanger = await aParty({ grant_types: [grant_type] })
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
  const exchanged = await exchanger.token({ grant_type, subject_token: token, subject_token_type })
  assert.partialDeepStrictEqual(exchanged, { status: 400, body: { error: 'invalid_request' } })
})

test('66 an access token of one application registers no clients at another', async () => {
  const { admin, client, ctx } = await oauthServer()
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('mapping'),
    scope_name: 'goauthentik.io/oidc/dcr',
    expression: 'return {}',
  })
  const { results } = (await admin.get('/api/v3/propertymappings/provider/scope/?managed=goauthentik.io/providers/oauth2/scope-openid'))
    .body
  const parties = [await aParty(), await aParty()] as const
  for (const party of parties) {
    await party.change({ property_mappings: [mapping.body.pk, results[0].pk] })
    assert.equal((await admin.post('/api/v3/providers/oauth2-dcr/', { provider: party.provider.pk })).status, 201)
  }
  const { browser } = await aSignedInBrowser(await aUser(ctx))
  const [own, other] = parties
  const register = async (token: string) =>
    (await client(token).post(`/application/o/${own.slug}/register/`, { redirect_uris: ['https://new.example.test/cb'] })).status
  assert.equal(await register((await other.tokens(browser, { scope: 'openid goauthentik.io/oidc/dcr' })).access_token), 401)
  assert.equal(await register((await own.tokens(browser)).access_token), 401)
  assert.equal(await register((await own.tokens(browser, { scope: 'openid goauthentik.io/oidc/dcr' })).access_token), 201)
})
