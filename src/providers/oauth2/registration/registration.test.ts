import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { aGroup, aUser, unique } from '../../../../test/builders.ts'
import type { Row } from '../../../api/model.ts'
import { countAttempt } from '../../../core/attempts.ts'
import { aParty, aSignedInBrowser, pkce, type Party, type SignedIn } from '../fixture.ts'
import { agreed, CALLBACK, initialToken, opened, playing, register } from './fixture.ts'

async function codeFor(client: Party, { browser }: SignedIn, more: Record<string, string> = {}) {
  const { verifier, challenge } = pkce()
  const { headers } = await client.authorize(browser, {
    redirect_uri: CALLBACK,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  })
  const response = new URL(await agreed(browser, String(headers.location))).searchParams
  return { code: response.get('code'), iss: response.get('iss'), verifier }
}

test('a client registers itself, and signs its registrant in with what it was told (RFC 7591 §3)', async () => {
  const party = await aParty({ key: 'rsa' })
  await opened(party, { default_application_group: 'Registered' })
  const { token, user } = await initialToken()
  const discovery = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.equal(discovery.registration_endpoint, `https://id.example.test/application/o/${party.slug}/register/`)
  assert.ok(discovery.id_token_signing_alg_values_supported.includes('PS256'))
  const answer = await register(party, token, {
    client_name: 'My tool',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token', 'unheard-of'],
    scope: 'openid email nothing offline_access',
    contacts: ['me@example.test'],
    id_token_signed_response_alg: 'PS256',
    client_uri: 'https://client.example.test/',
  })
  assert.equal(answer.status, 201, answer.text)
  assert.equal(answer.headers['cache-control'], 'no-store')
  const { body } = answer
  assert.partialDeepStrictEqual(body, {
    client_name: 'My tool',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret_expires_at: 0,
    contacts: ['me@example.test'],
    id_token_signed_response_alg: 'PS256',
  })
  assert.deepEqual(body.scope.split(' ').toSorted(), ['email', 'offline_access', 'openid'])
  assert.ok(body.registration_access_token && body.client_id_issued_at)

  const client = await playing(party, body)
  assert.equal(client.application.group, 'Registered')
  const signedIn = await aSignedInBrowser(user)
  const { code, iss, verifier } = await codeFor(client, signedIn)
  assert.equal(iss, discovery.issuer, 'the issuer that it was told of')
  const tokens = await client.exchange(code!, { redirect_uri: CALLBACK, code_verifier: verifier })
  assert.equal(tokens.status, 200, tokens.text)
  const keys = createLocalJWKSet((await party.server.client().get(new URL(discovery.jwks_uri).pathname)).body)
  assert.equal(decodeProtectedHeader(tokens.body.id_token).alg, 'PS256')
  await jwtVerify(tokens.body.id_token, keys, { issuer: discovery.issuer, audience: body.client_id, currentDate: party.server.ctx.now() })
  const silent = await client.response(signedIn.browser, { redirect_uri: CALLBACK, prompt: 'none', id_token_hint: tokens.body.id_token })
  assert.ok(silent.get('code'))
})

test('35 nobody registers a client without a token that may, and what is wrong is told in the words of RFC 7591', async () => {
  const party = await aParty()
  assert.equal((await register(party, (await initialToken()).token, {})).body.error, 'not_found', 'not switched on')
  await opened(party)
  const good = { redirect_uris: [CALLBACK] }
  for (const token of [undefined, 'nonsense']) {
    const answer = await register(party, token, good)
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error, 'invalid_token')
    assert.match(String(answer.headers['www-authenticate']), /^Bearer/)
  }
  const without = await initialToken([])
  assert.partialDeepStrictEqual(await register(party, without.token, good), { status: 403, body: { error: 'access_denied' } })
  const { browser } = await aSignedInBrowser()
  const { access_token: access } = await party.tokens(browser)
  assert.equal((await register(party, access, good)).status, 401, 'an access token without the scope')
  const { token } = await initialToken()
  const wrong: Record<string, [unknown, string]> = {
    'no object': ['text', 'invalid_client_metadata'],
    'no address': [{}, 'invalid_redirect_uri'],
    'an address that is none': [{ redirect_uris: ['nonsense'] }, 'invalid_redirect_uri'],
    'a script': [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    'a fragment': [{ redirect_uris: [`${CALLBACK}#x`] }, 'invalid_redirect_uri'],
    'a script after a blank': [{ redirect_uris: [' java\tscript:alert(1)'] }, 'invalid_redirect_uri'],
    'a password': [{ redirect_uris: ['https://client.example.test@evil.test/cb'] }, 'invalid_redirect_uri'],
    'a file': [{ redirect_uris: ['file:///etc/passwd'] }, 'invalid_redirect_uri'],
    'another machine': [{ redirect_uris: ['http://127.0.0.1.evil.test/cb'] }, 'invalid_redirect_uri'],
    'a script to go to after logout': [{ ...good, post_logout_redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    'a script to hear of logout': [{ ...good, frontchannel_logout_uri: 'javascript:alert(1)' }, 'invalid_client_metadata'],
    'private keys': [{ ...good, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' }] } }, 'invalid_client_metadata'],
    'no TLS': [{ redirect_uris: ['http://client.example.test/cb'] }, 'invalid_redirect_uri'],
    'no list': [{ redirect_uris: CALLBACK }, 'invalid_redirect_uri'],
    'grants that are not offered': [{ ...good, grant_types: ['urn:x'] }, 'invalid_client_metadata'],
    'a way to prove itself that is none': [{ ...good, token_endpoint_auth_method: 'guess' }, 'invalid_client_metadata'],
    'keys it does not have': [{ ...good, token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    'two places of keys': [{ ...good, jwks: { keys: [] }, jwks_uri: 'https://client.example.test/keys' }, 'invalid_client_metadata'],
    'no signature': [{ ...good, id_token_signed_response_alg: 'none' }, 'invalid_client_metadata'],
    'an algorithm that the key cannot do': [{ ...good, id_token_signed_response_alg: 'RS256' }, 'invalid_client_metadata'],
    'a logo that is a script': [{ ...good, logo_uri: 'javascript:alert(1)' }, 'invalid_client_metadata'],
    'control characters': [{ ...good, client_name: 'a\u0000b' }, 'invalid_client_metadata'],
  }
  for (const [what, [metadata, error]] of Object.entries(wrong)) {
    const answer = await register(party, token, metadata)
    assert.equal(answer.body.error, error, `${what}: ${answer.text}`)
    assert.equal(answer.status, 400, what)
  }
  assert.equal(
    (
      await party.server
        .client(token)
        .request('POST', `/application/o/${party.slug}/register/`, { payload: '{', headers: { 'content-type': 'application/json' } })
    ).body.error,
    'invalid_client_metadata',
  )
})

test('an access token with the scope for it registers clients, for whom the policies let (goauthentik.io/oidc/dcr)', async () => {
  const party = await aParty()
  const { admin, ctx } = party.server
  const settings = await opened(party)
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('dcr'),
    scope_name: 'goauthentik.io/oidc/dcr',
    expression: 'return {}',
  })
  await party.change({ property_mappings: [...(party.provider.property_mappings as string[]), mapping.body.pk] })
  const group = await aGroup(ctx)
  assert.equal(
    (await admin.post('/api/v3/policies/bindings/', { target: settings.pbm_uuid, group: group.group_uuid, order: 0 })).status,
    201,
  )
  const [member, other] = [await aUser(ctx, { groups: [group.group_uuid] }), await aUser(ctx)]
  const tokenOf = async (user: Row) =>
    (await party.tokens((await aSignedInBrowser(user)).browser, { scope: 'openid goauthentik.io/oidc/dcr' })).access_token
  assert.partialDeepStrictEqual(await register(party, await tokenOf(other), { redirect_uris: [CALLBACK] }), { status: 403 })
  const made = await register(party, await tokenOf(member), { redirect_uris: [CALLBACK] })
  assert.equal(made.status, 201, made.text)
  const client = await playing(party, made.body)
  // What is bound to the registration is bound to what it made.
  assert.ok((await codeFor(client, await aSignedInBrowser(await aUser(ctx, { groups: [group.group_uuid] })))).code)
  assert.match((await client.authorize((await aSignedInBrowser(other)).browser, { redirect_uri: CALLBACK })).text, /Permission denied/)
})

test('66 a client that registered itself is open to its registrant alone, unless something else is bound', async () => {
  const party = await aParty()
  const { ctx, admin } = party.server
  await opened(party)
  const { token, user } = await initialToken()
  const first = await playing(party, (await register(party, token, { redirect_uris: [CALLBACK] })).body)
  assert.ok((await codeFor(first, await aSignedInBrowser(user))).code)
  const stranger = await aSignedInBrowser()
  assert.match((await first.authorize(stranger.browser, { redirect_uri: CALLBACK })).text, /Permission denied/)
  const group = await aGroup(ctx)
  await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
  assert.equal((await register(party, token, { redirect_uris: [CALLBACK] })).status, 403, 'not a member any more')
  await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/add_user/`, { pk: user.id })
  const second = await playing(party, (await register(party, token, { redirect_uris: [CALLBACK] })).body)
  assert.ok((await codeFor(second, await aSignedInBrowser(await aUser(ctx, { groups: [group.group_uuid] })))).code)
  assert.match((await second.authorize(stranger.browser, { redirect_uri: CALLBACK })).text, /Permission denied/)
})

test('35 what a provider demands of its own requests it demands of clients that register, for as long as they live', async () => {
  const party = await aParty({ key: 'rsa' })
  await opened(party)
  const keys = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', use: 'sig' }
  const profile = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] }, dpop_bound_access_tokens: true }
  const made = await party.server.admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    security_profile: 'fapi2',
    require_signed_request_object: true,
    dpop_nonce_required: true,
    ...profile,
  })
  assert.equal(made.status, 201, made.text)
  const { token } = await initialToken()
  const weak = { redirect_uris: [CALLBACK] }
  for (const less of [{}, { token_endpoint_auth_method: 'none' }, { token_endpoint_auth_method: 'private_key_jwt' }])
    assert.equal((await register(party, token, { ...weak, ...less })).body.error, 'invalid_client_metadata', JSON.stringify(less))
  const registered = await register(party, token, { ...weak, ...profile, dpop_bound_access_tokens: false })
  assert.equal(registered.status, 201, registered.text)
  const { ctx } = party.server
  const child = await playing(party, registered.body)
  const held = async () => {
    const row = await ctx.db
      .selectFrom('oauth2_client_metadata')
      .selectAll()
      .where('provider', '=', child.provider.pk as number)
      .executeTakeFirstOrThrow()
    assert.partialDeepStrictEqual(row, {
      security_profile: 'fapi2',
      require_pushed_authorization_requests: true,
      require_pkce: true,
      require_signed_request_object: true,
      dpop_bound_access_tokens: true,
      dpop_nonce_required: true,
    })
  }
  await held()
  const mine = party.server.client(registered.body.registration_access_token)
  const path = new URL(registered.body.registration_client_uri).pathname
  const { client_id } = registered.body
  const less = { require_pushed_authorization_requests: false, require_signed_request_object: false, dpop_bound_access_tokens: false }
  assert.equal((await mine.put(path, { ...weak, client_id })).body.error, 'invalid_client_metadata')
  assert.equal((await mine.put(path, { ...weak, ...profile, ...less, client_id })).status, 200)
  await held()
})

test('35 a registration is looked after where it was made, and a program gone wild is stopped', async () => {
  const [party, other] = [await aParty(), await aParty()]
  for (const one of [party, other]) await opened(one)
  const { token, user } = await initialToken()
  const { body } = await register(party, token, { redirect_uris: [CALLBACK] })
  const mine = party.server.client(body.registration_access_token)
  const path = new URL(body.registration_client_uri).pathname
  assert.equal((await mine.get(path.replace(party.slug, other.slug))).status, 401)
  assert.equal((await mine.get(path)).status, 200)
  const { ctx } = party.server
  for (let times = 0; times < 100; times++) await countAttempt(ctx, `register client ${String(user.id)}`, 3_600_000)
  assert.partialDeepStrictEqual(await register(party, token, { redirect_uris: [CALLBACK] }), { status: 429, body: { error: 'slow_down' } })
  const change = () => mine.put(path, { client_id: body.client_id, redirect_uris: [CALLBACK] })
  assert.equal((await change()).status, 200)
  const { id } = await ctx.db.selectFrom('provider_oauth2').select('id').where('client_id', '=', body.client_id).executeTakeFirstOrThrow()
  for (let times = 0; times < 100; times++) await countAttempt(ctx, `change client ${id}`, 3_600_000)
  const late = await change()
  assert.partialDeepStrictEqual(late, { status: 429, body: { error: 'slow_down' } })
  assert.equal(late.headers['retry-after'], '3600')
})

test('35 an account keeps a thousand clients that it registered, and no more', async () => {
  const party = await aParty()
  await opened(party)
  const { token, user } = await initialToken()
  const { ctx } = party.server
  const template = await ctx.db
    .selectFrom('provider')
    .selectAll()
    .where('id', '=', party.provider.pk as number)
    .executeTakeFirstOrThrow()
  const own = await ctx.db
    .selectFrom('provider_oauth2')
    .selectAll()
    .where('id', '=', party.provider.pk as number)
    .executeTakeFirstOrThrow()
  const values = { parent: own.id, user: user.id as number, told: '{}', issued: ctx.now() }
  const json = Object.fromEntries(['grant_types', 'redirect_uris'].map(name => [name, JSON.stringify((own as Row)[name])]))
  const rows = []
  for (let n = 0; n < 1000; n++) {
    const { id: _, ...plain } = template
    const { id } = await ctx.db
      .insertInto('provider')
      .values({ ...plain, name: unique('kept') } as never)
      .returning('id')
      .executeTakeFirstOrThrow()
    await ctx.db
      .insertInto('provider_oauth2')
      .values({ ...own, ...json, id, client_id: unique('kept') })
      .execute()
    rows.push({ ...values, provider: id, token_hash: unique('hash') })
  }
  await ctx.db.insertInto('oauth2_registration').values(rows.slice(1)).execute()
  assert.equal((await register(party, token, { redirect_uris: [CALLBACK] })).status, 201)
  const full = await register(party, token, { redirect_uris: [CALLBACK] })
  assert.partialDeepStrictEqual(full, { status: 403, body: { error: 'access_denied' } })
  assert.match(full.body.error_description, /1000 clients/)
})

test('oidc-agent registers itself, with addresses on this machine and of its own scheme', async () => {
  const party = await aParty()
  await opened(party)
  const { token, user } = await initialToken()
  const discovery = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  const answer = await party.server.client(token).post(new URL(discovery.registration_endpoint).pathname, {
    application_type: 'web',
    client_name: `oidc-agent:${unique('account')}`,
    client_uri: 'https://github.com/indigo-dc/oidc-agent',
    contacts: ['me@example.test'],
    software_id: 'oidc-agent',
    software_version: '5.2.0',
    redirect_uris: ['edu.kit.data.oidc-agent:/redirect', 'http://localhost:21439', 'http://localhost:8080', 'http://localhost:4242'],
    scope: 'openid profile email offline_access',
    response_types: ['code'],
    grant_types: ['refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'],
  })
  assert.equal(answer.status, 201, answer.text)
  const client = await playing(party, answer.body)
  const signedIn = await aSignedInBrowser(user)
  const address = { redirect_uri: 'http://localhost:4242' }
  const { code, verifier } = await codeFor(client, signedIn, { ...address, scope: answer.body.scope })
  const tokens = await client.exchange(code!, { ...address, code_verifier: verifier })
  assert.equal(tokens.status, 200, tokens.text)
  assert.equal((await client.refresh(tokens.body.refresh_token)).status, 200)
  assert.equal((await client.post('device', { scope: 'openid' })).status, 200)
})
