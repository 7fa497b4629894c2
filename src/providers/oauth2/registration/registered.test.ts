import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import type { Row } from '../../../api/model.ts'
import { outgoingOf, useOutgoing } from '../../../http/outgoing/client.ts'
import { aParty, aSignedInBrowser, pkce } from '../fixture.ts'
import { agreed, CALLBACK, initialToken, opened, playing, register } from './fixture.ts'

test('a client reads, replaces and removes its own registration, and nobody else does (RFC 7592)', async () => {
  const party = await aParty()
  await opened(party)
  const { token, user } = await initialToken()
  const keys = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', use: 'sig' }
  const { body } = await register(party, token, { redirect_uris: [CALLBACK], client_name: 'Before', jwks: { keys: [jwk] } })
  const other = (await register(party, token, { redirect_uris: [CALLBACK] })).body
  const path = new URL(body.registration_client_uri).pathname
  const mine = party.server.client(body.registration_access_token)
  assert.deepEqual((await mine.get(path)).body, body)
  for (const wrong of [undefined, token, 'nonsense', other.registration_access_token])
    for (const method of ['GET', 'PUT', 'DELETE'])
      assert.equal(
        (await party.server.client(wrong).request(method, path, method === 'PUT' ? { body } : {})).status,
        401,
        `${method} ${wrong}`,
      )
  const { registration_access_token: _t, registration_client_uri: _u, client_secret_expires_at: _e, client_id_issued_at: _i, ...own } = body
  const next = { ...own, client_name: 'After', redirect_uris: ['https://client.example.test/other'], jwks: undefined }
  const refused = { ...next, client_secret: 'chosen by the client' }
  for (const changed of [
    refused,
    { ...next, client_id: other.client_id },
    { ...next, registration_access_token: 'x' },
    { ...next, client_id: undefined },
  ])
    assert.equal((await mine.put(path, changed)).body.error, 'invalid_client_metadata')
  const replaced = await mine.put(path, next)
  assert.equal(replaced.status, 200, replaced.text)
  assert.partialDeepStrictEqual(replaced.body, { client_id: body.client_id, client_name: 'After', client_secret: body.client_secret })
  assert.deepEqual(replaced.body.redirect_uris, ['https://client.example.test/other'])
  assert.equal(replaced.body.jwks, undefined, 'what is left out is gone')
  const client = await playing(party, body)
  assert.equal(client.application.name, 'After')
  assert.equal((await client.authorize((await aSignedInBrowser(user)).browser, { redirect_uri: CALLBACK })).status, 400)
  assert.equal((await mine.delete(path)).status, 204)
  assert.equal((await mine.get(path)).status, 401)
  assert.equal((await party.server.admin.get(`/api/v3/core/applications/${client.slug}/`)).status, 404)
  await party.server.admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false })
  assert.equal(
    (await party.server.client(other.registration_access_token).get(new URL(other.registration_client_uri).pathname)).status,
    401,
  )
})

test('what an administrator allows is the most that a client gets', async () => {
  const party = await aParty({ access_token_validity: 'hours=2' })
  const settings = await opened(party, { allowed_grant_types: ['authorization_code'], access_token_validity: 'minutes=5' })
  const { admin } = party.server
  const { token } = await initialToken()
  const { body } = await register(party, token, {
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'client_credentials', 'password'],
  })
  assert.deepEqual(body.grant_types, ['authorization_code'])
  assert.equal((await playing(party, body)).provider.access_token_validity, 'minutes=5')
  const open = await register(party, token, {
    redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1:8080/cb'],
    token_endpoint_auth_method: 'none',
  })
  assert.equal(open.body.client_secret, undefined)
  assert.equal((await playing(party, open.body)).provider.client_type, 'public')
  const second = await admin.post('/api/v3/providers/oauth2-dcr/', { provider: party.provider.pk })
  assert.equal(second.status, 400)
  const child = await admin.post('/api/v3/providers/oauth2-dcr/', { provider: (await playing(party, body)).provider.pk })
  assert.equal(child.status, 400, 'no chains')
  const urls = await admin.get(`/api/v3/providers/oauth2/${String(party.provider.pk)}/setup_urls/`)
  assert.match(urls.body.dcr_registration, /\/register\/$/)
  assert.equal((await admin.delete(`/api/v3/providers/oauth2-dcr/${String(settings.pbm_uuid)}/`)).status, 204)
  assert.equal((await register(party, token, { redirect_uris: [CALLBACK] })).status, 404)
})

test('a sector is believed only where it lists the redirect URIs (OIDC Registration §5)', async t => {
  const party = await aParty()
  await opened(party)
  const { token } = await initialToken()
  const { config } = party.server.deps
  const usual = outgoingOf(config)
  t.after(() => useOutgoing(config, usual))
  let listed: unknown = []
  useOutgoing(config, async (url, options) => {
    assert.equal(options?.redirects, 0, 'the address itself is what counts')
    return { status: 200, reason: 'OK', headers: {}, body: new TextEncoder().encode(JSON.stringify(listed)), url, history: [], elapsed: 1 }
  })
  const asked = { redirect_uris: [CALLBACK], subject_type: 'pairwise', sector_identifier_uri: 'https://sector.example.test/uris' }
  for (const wrong of [[], ['https://elsewhere.example/'], {}, 'text']) {
    listed = wrong
    assert.equal((await register(party, token, asked)).body.error, 'invalid_client_metadata')
  }
  assert.equal((await register(party, token, { ...asked, sector_identifier_uri: 'http://sector.example.test/' })).status, 400)
  listed = [CALLBACK, 'https://other.example.test/']
  assert.equal((await register(party, token, asked)).body.subject_type, 'pairwise')
})

test('whether a client needs to know whose session ended is taken, kept, kept to and told, in either direction (Logout §2)', async () => {
  const party = await aParty()
  await opened(party)
  const { token } = await initialToken()
  const [back, front] = ['backchannel_logout_session_required', 'frontchannel_logout_session_required']
  const asked = { redirect_uris: [CALLBACK], backchannel_logout_uri: 'https://client.example.test/out' }
  for (const wrong of ['true', 1, [], {}])
    assert.equal((await register(party, token, { ...asked, [back]: wrong })).body.error, 'invalid_client_metadata', JSON.stringify(wrong))
  const silent = await register(party, token, asked)
  assert.equal(silent.status, 201, silent.text)
  assert.deepEqual([silent.body[back], silent.body[front]], [false, true], 'what it did not say it is told')
  const { body } = await register(party, token, { ...asked, [back]: true, [front]: false })
  assert.deepEqual([body[back], body[front], body.backchannel_logout_uri], [true, false, asked.backchannel_logout_uri])
  const mine = party.server.client(body.registration_access_token)
  const path = new URL(body.registration_client_uri).pathname
  const read = (await mine.get(path)).body
  assert.deepEqual([read[back], read[front]], [true, false])
  const stored = await party.server.ctx.db
    .selectFrom('oauth2_client_metadata')
    .innerJoin('provider_oauth2', 'provider_oauth2.id', 'oauth2_client_metadata.provider')
    .select(['backchannel_logout_session_required', 'frontchannel_logout_session_required'])
    .where('client_id', '=', body.client_id)
    .executeTakeFirstOrThrow()
  assert.deepEqual(stored, { [back]: true, [front]: false })
  const changed = await mine.put(path, { ...asked, client_id: body.client_id, [front]: true })
  assert.deepEqual([changed.status, changed.body[back], changed.body[front]], [200, false, true])
})

test('10 nobody lets in unasked a client that registered itself, whatever its flow, until somebody has looked at it', async () => {
  const party = await aParty() // whose flow asks for no consent
  await opened(party)
  const { token, user } = await initialToken()
  const { admin, clock } = party.server
  const { browser } = await aSignedInBrowser(user, { lifetime: 90 * 86_400_000 })
  const one = await register(party, token, { redirect_uris: [CALLBACK], client_name: 'My tool' })
  const client = await playing(party, one.body)
  const go = async (params: Row = {}) =>
    String((await client.authorize(browser, { redirect_uri: CALLBACK, scope: 'openid', ...params })).headers.location)
  const isAsked = (location: string) => location.startsWith('/if/flow/')
  assert.match(await go({ prompt: 'none' }), /error=consent_required/)
  const page = await go()
  assert.ok(isAsked(page))
  assert.match((await browser.get(page)).text, /"unverified":true/)
  assert.match(await agreed(browser, page), /[?&]code=/)
  assert.match(await go(), /[?&]code=/, 'agreed a moment ago')
  assert.match(await go({ prompt: 'none' }), /[?&]code=/)
  assert.ok(isAsked(await go({ scope: 'openid email' })), 'more than was agreed to')
  clock.advance(29 * 86_400_000)
  try {
    assert.ok(isAsked(await go()), 'four weeks ago')
  } finally {
    clock.reset()
  }
  const { results } = (await admin.get(`/api/v3/signet/oauth2_clients/?provider=${String(client.provider.pk)}`)).body
  const metadata = `/api/v3/signet/oauth2_clients/${results[0].pk ?? results[0].metadata_uuid}/`
  const verify = async () => assert.equal((await admin.patch(metadata, { verified: true })).status, 200)
  await verify()
  assert.match(await go({ scope: 'openid email' }), /[?&]code=/, 'looked at')
  // What it says of itself now, nobody has looked at.
  const changed = { client_id: one.body.client_id, redirect_uris: [CALLBACK], client_name: 'Your bank', verified: true }
  const mine = party.server.client(one.body.registration_access_token)
  assert.equal((await mine.put(new URL(one.body.registration_client_uri).pathname, changed)).status, 200)
  assert.ok(isAsked(await go({ scope: 'openid email' })))
})

test('10 where the address does not tell whether it is the same client again, people are asked every time (RFC 8252 §8.6)', async () => {
  for (const redirect_uri of ['http://127.0.0.1:8123/cb', 'com.example.tool:/cb']) {
    const party = await aParty()
    await opened(party)
    const { token, user } = await initialToken()
    const made = await register(party, token, { redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none', verified: true })
    assert.equal(made.status, 201, made.text)
    const client = await playing(party, made.body)
    const signedIn = await aSignedInBrowser(user)
    for (let time = 0; time < 2; time++) {
      const { challenge } = pkce()
      const asking = { redirect_uri, code_challenge: challenge, code_challenge_method: 'S256' }
      const { location } = (await client.authorize(signedIn.browser, asking)).headers
      assert.match(String(location), /^\/if\/flow\//)
      assert.match(await agreed(signedIn.browser, String(location)), /[?&]code=/)
    }
  }
})
