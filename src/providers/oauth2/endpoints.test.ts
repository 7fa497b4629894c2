import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { aUser, unique } from '../../../test/builders.ts'
import { aParty, aSignedInBrowser, oauthServer, REDIRECT_URI } from './fixture.ts'

test('userinfo answers GET, POST with header and POST with body (OIDC Core §5.3.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser, { scope: 'openid profile', nonce: 'n1' })
  const { client } = party.server
  const answers = [
    await party.userinfo(token),
    await client(token).request('POST', '/application/o/userinfo/', {
      payload: '',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
    await party.post('userinfo', { access_token: token }, { basic: false }),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.equal(answer.body.sub, decodeJwt(token).sub, '§5.3.2: the same sub')
    assert.equal(answer.body.nonce, 'n1')
    assert.equal(answer.headers['cache-control'], 'no-store')
  }
})

test('userinfo calls the person as the ID token does, whatever mappings say (OIDC Core §5.3.2)', async () => {
  const party = await aParty({ include_claims_in_id_token: false })
  const { admin } = party.server
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('mapping'),
    scope_name: 'profile',
    expression: 'return {"sub": "somebody else"}',
  })
  await party.change({ property_mappings: [...(party.provider.property_mappings as string[]), mapping.body.pk] })
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid profile' })
  assert.equal((await party.userinfo(tokens.access_token)).body.sub, decodeJwt(tokens.id_token).sub)
})

test('userinfo names what is wrong with a token (RFC 6750 §3)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { client } = party.server
  const none = await client().get('/application/o/userinfo/')
  assert.equal(none.status, 401)
  assert.equal(none.headers['www-authenticate'], 'Bearer')
  const wrong = await client('nonsense').get('/application/o/userinfo/')
  assert.equal(wrong.status, 401)
  assert.match(String(wrong.headers['www-authenticate']), /^Bearer error="invalid_token", error_description="/)
  assert.equal(wrong.text, '')
  const { access_token: token } = await party.tokens(browser, { scope: 'email' })
  const few = await party.userinfo(token)
  assert.equal(few.status, 403)
  assert.match(String(few.headers['www-authenticate']), /^Bearer error="insufficient_scope"/)
  const both = await client(token).request('POST', '/application/o/userinfo/', {
    payload: `access_token=${token}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.equal(both.status, 400, 'one way to send it (§2)')
  assert.equal((await client().get(`/application/o/userinfo/?access_token=${token}`)).status, 401, 'not in the URL (§5.3)')
})

test('an access token ends at its time, with its session and with its account (R-220)', async () => {
  const party = await aParty({ access_token_validity: 'hours=1' })
  const { ctx, clock } = await oauthServer()
  const one = await aSignedInBrowser()
  const { access_token: first } = await party.tokens(one.browser)
  clock.advance(3_601_000)
  assert.equal((await party.userinfo(first)).status, 401)
  clock.reset()
  const two = await aSignedInBrowser()
  const { access_token: second } = await party.tokens(two.browser)
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('id', '=', two.user.id as number)
    .execute()
  assert.equal((await party.userinfo(second)).status, 401)
  const three = await aSignedInBrowser()
  const { access_token: third } = await party.tokens(three.browser)
  await ctx.db.deleteFrom('session').where('session_hash', '=', three.session.session_hash).execute()
  assert.equal((await party.userinfo(third)).status, 401)
})

test('introspection tells a client about its own tokens (RFC 7662 §2.2)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid email offline_access' })
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const answer = await party.post('introspect', { token })
    assert.equal(answer.status, 200)
    assert.partialDeepStrictEqual(answer.body, {
      active: true,
      scope: 'openid email offline_access',
      client_id: party.clientId,
      sub: decodeJwt(tokens.id_token).sub!,
      iss: party.issuer,
    })
  }
})

test('introspection says nothing of tokens that are foreign, unknown or over, nor to clients that prove nothing', async () => {
  const [party, other, open] = [await aParty(), await aParty(), await aParty({ client_type: 'public' })]
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const silent = [
    await other.post('introspect', { token: tokens.access_token }),
    await other.post('introspect', { token: tokens.refresh_token }),
    await open.post('introspect', { token: tokens.access_token }),
    await party.post('introspect', { token: tokens.access_token, client_secret: 'wrong' }, { basic: false }),
    await party.post('introspect', { token: 'unknown' }),
    await party.post('introspect', {}),
    await party.post('introspect', { token: tokens.id_token }),
  ]
  for (const answer of silent) {
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, { active: false })
  }
  await party.refresh(tokens.refresh_token)
  assert.deepEqual((await party.post('introspect', { token: tokens.refresh_token })).body, { active: false }, 'replaced')
})

test('a provider shows its tokens to those it trusts', async () => {
  const trusted = await aParty()
  const party = await aParty({ jwt_federation_providers: [trusted.provider.pk] })
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal((await trusted.post('introspect', { token })).body.active, true)
})

test('a revoked access token is worth nothing, and its use is noticed (RFC 7009 §2)', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const answer = await party.post('revoke', { token: tokens.access_token })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, {})
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  const events = await ctx.db.selectFrom('event').selectAll().where('action', '=', 'suspicious_request').execute()
  assert.ok(events.some(event => (event.user as { pk: number }).pk === user.id))
  assert.equal((await party.refresh(tokens.refresh_token)).status, 200, 'the grant lives on')
})

test('revoking a refresh token ends the whole grant (RFC 7009 §2.1)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  await party.post('revoke', { token: tokens.refresh_token, token_type_hint: 'access_token' })
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  assert.equal((await party.refresh(tokens.refresh_token)).status, 400)
})

test('unknown and foreign tokens are as good as revoked, and stay as they are (RFC 7009 §2.2)', async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  assert.equal((await other.post('revoke', { token })).status, 200)
  assert.equal((await other.post('revoke', { token: 'unknown' })).status, 200)
  assert.equal((await party.userinfo(token)).status, 200)
  const failed = await party.post('revoke', { token, client_secret: 'wrong' }, { basic: false })
  assert.partialDeepStrictEqual(failed, { status: 401, body: { error: 'invalid_client' } })
})

test('the discovery document says what there is (R-209, R-211)', async () => {
  const party = await aParty({ key: 'rsa' })
  const { client } = party.server
  const base = 'https://id.example.test/application/o/'
  const answer = await client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)
  assert.partialDeepStrictEqual(answer.body, {
    issuer: `${base}${party.slug}/`,
    authorization_endpoint: `${base}authorize/`,
    token_endpoint: `${base}token/`,
    userinfo_endpoint: `${base}userinfo/`,
    jwks_uri: `${base}${party.slug}/jwks/`,
    end_session_endpoint: `${base}${party.slug}/end-session/`,
    response_types_supported: ['code', 'id_token', 'id_token token', 'code id_token', 'code token', 'code id_token token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: [
      'authorization_code',
      'implicit',
      'refresh_token',
      'client_credentials',
      'password',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    id_token_signing_alg_values_supported: ['RS256'],
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
    code_challenge_methods_supported: ['plain', 'S256'],
  })
  assert.ok(answer.body.claims_supported.includes('preferred_username'))
  assert.match(answer.text, /^\{\n  "issuer"/)
  for (const end of ['', '/'])
    assert.deepEqual((await client().get(`/.well-known/oauth-authorization-server/application/o/${party.slug}${end}`)).body, answer.body)
  const short = await client().get(`/application/o/${party.slug}/`)
  assert.equal(short.status, 302)
  assert.equal(short.headers.location, `${base}${party.slug}/.well-known/openid-configuration`)
})

test('what is not there is a 404 (R-216, R-221)', async () => {
  const party = await aParty()
  const { client, admin } = party.server
  const paths = [
    `/application/o/${party.slug}/.well-known/openid-configuration`,
    `/application/o/${party.slug}/jwks/`,
    `/application/o/${party.slug}/`,
  ]
  for (const path of paths) assert.ok((await client().get(path)).status < 400, path)
  for (const path of paths) assert.equal((await client().get(path.replace(party.slug, 'nothing'))).status, 404)
  await admin.delete(`/api/v3/core/applications/${party.slug}/`)
  for (const path of paths) assert.equal((await client().get(path)).status, 404)
})

test('clients that add a slash to the issuer’s own discover all the same', async () => {
  const party = await aParty()
  const [usual, doubled] = await Promise.all(
    ['', '/'].map(slash => party.server.client().get(`/application/o/${party.slug}/${slash}.well-known/openid-configuration`)),
  )
  assert.equal(doubled!.status, 200)
  assert.deepEqual(doubled!.body, usual!.body)
})

test('a changed provider shows at once', async () => {
  const party = await aParty()
  const { client } = party.server
  const path = `/application/o/${party.slug}/.well-known/openid-configuration`
  assert.deepEqual((await client().get(path)).body.id_token_signing_alg_values_supported, ['ES256'])
  await party.change({ signing_key: null })
  assert.deepEqual((await client().get(path)).body.id_token_signing_alg_values_supported, ['HS256'])
  assert.equal((await client().get(`/application/o/${party.slug}/jwks/`)).body.keys.length, 1, 'of tokens that are still out')
  const shared = await aParty({ key: null })
  assert.deepEqual((await client().get(`/application/o/${shared.slug}/jwks/`)).body, { keys: [] })
})

test('keys carry what clients look for, and any page may read them (RFC 7517 §4, R-210)', async () => {
  const party = await aParty()
  const answer = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
  assert.equal(answer.headers['access-control-allow-origin'], '*')
  const [key, ...more] = answer.body.keys
  assert.equal(more.length, 0)
  assert.partialDeepStrictEqual(key, { kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' })
  for (const name of ['kid', 'x', 'y', 'x5c', 'x5t', 'x5t#S256']) assert.ok(key[name], name)
  assert.equal(key.d, undefined)
})

test('WebFinger finds the issuer of the default application (OIDC Discovery §2)', async () => {
  const party = await aParty()
  const { client, admin, ctx } = party.server
  const resource = 'acct:ada@example.test'
  const path = `/.well-known/webfinger?resource=${encodeURIComponent(resource)}`
  const brand = await ctx.db
    .selectFrom('brand')
    .select(['brand_uuid', 'default_application'])
    .where('default', '=', true)
    .executeTakeFirstOrThrow()
  await admin.patch(`/api/v3/core/brands/${brand.brand_uuid}/`, { default_application: party.application.pk })
  const answer = await client().get(path)
  await admin.patch(`/api/v3/core/brands/${brand.brand_uuid}/`, { default_application: brand.default_application })
  assert.deepEqual(answer.body, { subject: resource, links: [{ rel: 'http://openid.net/specs/connect/1.0/issuer', href: party.issuer }] })
  assert.match(String(answer.headers['content-type']), /^application\/jrd\+json/)
})

test('a page of a registered origin may read answers, others may not (Fetch §3.2)', async () => {
  const party = await aParty()
  const other = await aParty({ redirect_uris: [{ matching_mode: 'strict', url: 'https://other.example.test/cb' }] })
  const { browser } = await aSignedInBrowser()
  const { access_token: token } = await party.tokens(browser)
  const origin = new URL(REDIRECT_URI).origin
  const { client } = party.server
  const discovery = `/application/o/${party.slug}/.well-known/openid-configuration`
  const allowed = [
    await client(token).get('/application/o/userinfo/', { origin }),
    await client().get(discovery, { origin }),
    await party.token({ grant_type: 'client_credentials' }, { headers: { origin } }),
    await party.token({ grant_type: 'authorization_code' }, { headers: { origin } }),
    // Refusals whose client is not known: else the page could not tell that its token has ended.
    await client('nonsense').get('/application/o/userinfo/', { origin }),
    await party.token({ grant_type: 'client_credentials', client_id: 'nobody' }, { basic: false, headers: { origin } }),
    await client().request('OPTIONS', '/application/o/token/', {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    }),
  ]
  for (const answer of allowed) assert.equal(answer.headers['access-control-allow-origin'], origin)
  for (const answer of allowed.slice(0, -1)) assert.match(String(answer.headers['access-control-expose-headers']), /DPoP-Nonce/)
  assert.equal(allowed.at(-1)!.headers['access-control-allow-headers'], 'authorization')
  const refused = [
    await client(token).get('/application/o/userinfo/', { origin: 'https://other.example.test' }),
    await client().get(discovery, { origin: 'https://evil.test' }),
    await client().get(discovery, { origin: 'null' }),
    await other.token({ grant_type: 'client_credentials' }, { headers: { origin } }),
    await client('nonsense').get('/application/o/userinfo/', { origin: 'https://evil.test' }),
    await client().request('OPTIONS', '/application/o/token/', {
      headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' },
    }),
  ]
  for (const answer of refused) assert.equal(answer.headers['access-control-allow-origin'], undefined)
})

test('set-up addresses and a preview come through the API (§16)', async () => {
  const party = await aParty()
  const { admin } = party.server
  const path = `/api/v3/providers/oauth2/${String(party.provider.pk)}`
  const urls = await admin.get(`${path}/setup_urls/`)
  assert.deepEqual(Object.keys(urls.body), [
    'issuer',
    'authorize',
    'token',
    'user_info',
    'provider_info',
    'logout',
    'jwks',
    'dcr_registration',
  ])
  assert.equal(urls.body.issuer, party.issuer)
  const { ctx } = await oauthServer()
  const user = await aUser(ctx)
  const preview = await admin.get(`${path}/preview_user/?for_user=${String(user.id)}`)
  assert.partialDeepStrictEqual(preview.body.preview, { email: user.email as string, aud: party.clientId, iss: party.issuer })
  assert.deepEqual((await admin.get(`${path}/preview_user/?for_user=999999999`)).body, { for_user: 'User not found' })
  assert.deepEqual((await admin.get(`${path}/preview_user/?for_user=x`)).body, { for_user: 'input must be numerical' })
})

test('people see their own grants, and take them back (§16)', async () => {
  const party = await aParty()
  const { ctx, client, admin } = await oauthServer()
  const { aToken } = await import('../../../test/builders.ts')
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const own = client(await aToken(ctx, user))
  for (const kind of ['authorization_codes', 'access_tokens', 'refresh_tokens']) {
    const list = await own.get(`/api/v3/oauth2/${kind}/`)
    assert.equal(list.status, 200, list.text)
    assert.equal(list.body.pagination.count, 1)
    const [grant] = list.body.results
    assert.partialDeepStrictEqual(grant, {
      is_expired: false,
      scope: ['openid', 'offline_access'],
      provider: { pk: party.provider.pk as number, meta_model_name: 'authentik_providers_oauth2.oauth2provider' },
      user: { pk: user.id as number },
    })
    assert.ok(!JSON.stringify(grant).includes('hash'))
    const stranger = client(await aToken(ctx, await aUser(ctx)))
    assert.equal((await stranger.get(`/api/v3/oauth2/${kind}/`)).body.pagination.count, 0)
    assert.equal((await stranger.get(`/api/v3/oauth2/${kind}/${grant.pk}/`)).status, 404)
    assert.equal((await stranger.delete(`/api/v3/oauth2/${kind}/${grant.pk}/`)).status, 404)
    assert.equal((await admin.get(`/api/v3/oauth2/${kind}/?provider=${String(party.provider.pk)}`)).body.pagination.count, 1)
    assert.equal((await own.delete(`/api/v3/oauth2/${kind}/${grant.pk}/`)).status, 204)
  }
  assert.equal((await party.userinfo(tokens.access_token)).status, 401)
  assert.equal((await party.refresh(tokens.refresh_token)).status, 400)
})

test('an access token with the API scope acts for its account, others do not', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const { accessTokenBearer } = await import('./resource/bearer.ts')
  const { browser, user } = await aSignedInBrowser()
  const open = await party.tokens(browser, { scope: 'openid goauthentik.io/api' })
  const shut = await party.tokens(browser, { scope: 'openid' })
  assert.equal(await accessTokenBearer(ctx, open.access_token), user.id)
  assert.equal(await accessTokenBearer(ctx, shut.access_token), undefined)
  assert.equal(await accessTokenBearer(ctx, open.id_token), undefined)
})
