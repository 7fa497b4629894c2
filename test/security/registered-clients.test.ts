/** Abuse cases of clients that register themselves, by their numbers: what a program gets that anybody who may register has written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser } from '../builders.ts'
import type { Answer } from '../harness.ts'
import type { Row } from '../../src/api/model.ts'
import { DEVICE_GRANT } from '../oauth2.ts'
import { aParty, aSignedInBrowser, oauthServer, Party } from '../../src/providers/oauth2/fixture.ts'

const CALLBACK = 'https://client.example.test/cb'

/** An application at which clients register themselves, and an account that may. */
async function registrar(settings: Row = {}) {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const made = await party.server.admin.post('/api/v3/providers/oauth2-dcr/', { provider: party.provider.pk, ...settings })
  assert.equal(made.status, 201, made.text)
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_providers_oauth2.register_oauth2client'])
  const token = await aToken(ctx, user)
  const register = (metadata: Row): Promise<Answer> =>
    party.server.client(token).post(`/application/o/${party.slug}/register/`, { redirect_uris: [CALLBACK], ...metadata })
  return { party, user, register }
}

/** A registered client, as a test plays one. */
async function playing(party: Party, registered: Row): Promise<Party> {
  const { results } = (await party.server.admin.get(`/api/v3/providers/oauth2/?client_id=${String(registered.client_id)}`)).body
  const application = (await party.server.admin.get(`/api/v3/core/applications/${String(results[0].assigned_application_slug)}/`)).body
  return new Party(party.server, results[0] as Row, application as Row)
}

test('18 a client that registered itself gets no scope by GitHub’s address that it did not register', async () => {
  const { party, user, register } = await registrar()
  const client = await playing(party, (await register({ scope: 'openid' })).body)
  const { browser } = await aSignedInBrowser(user)
  const query = client.query({ redirect_uri: CALLBACK, scope: 'openid user:email read:org' })
  const sent = await browser.get(`/login/oauth/authorize?${query}`)
  const slug = /\/if\/flow\/([^/]+)\//.exec(String(sent.headers.location))![1]!
  const asked = await browser.challenge(slug, '')
  assert.deepEqual(
    asked.permissions.map(({ id }: Row) => id),
    ['openid'],
  )
})

test('9 a client that registered itself lives nowhere on this server: a browser would go there as if it came from our own pages', async () => {
  const { register } = await registrar()
  const ours = 'https://id.example.test/source/oauth/login/some/'
  for (const metadata of [
    { redirect_uris: [ours] },
    { redirect_uris: ['https://ID.example.test:443/source/oauth/login/some/'] },
    { redirect_uris: ['https:source/oauth/login/some/'] },
    { redirect_uris: ['https:/source/oauth/login/some/'] },
    { post_logout_redirect_uris: [ours] },
    { frontchannel_logout_uri: ours },
    { backchannel_logout_uri: ours },
    { client_uri: ours },
    { policy_uri: ours },
    { initiate_login_uri: ours },
  ] as Row[]) {
    const { status, body, text } = await register(metadata)
    assert.equal(status, 400, `${JSON.stringify(metadata)}: ${text}`)
    assert.match(body.error, /^invalid_(?:redirect_uri|client_metadata)$/)
  }
})

test('35 no text of a registration holds what cannot be kept', async () => {
  const { register } = await registrar()
  for (const metadata of [
    { contacts: ['a\u0000b'] },
    { redirect_uris: [`${CALLBACK}\u0000`] },
    { redirect_uris: [`${CALLBACK}\r\nx-evil: 1`] },
    { post_logout_redirect_uris: [`${CALLBACK}?a\u0000`] },
    { request_uris: ['https://client.example.test/\u0000'] },
    { default_acr_values: ['\u0000'] },
    { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: '\u0000', y: 'y' }] } },
    { tls_client_auth_subject_dn: '\u0000' },
    { grant_types: ['authorization_code', '\u0000'] },
    { scope: 'openid \u0000' },
  ] as Row[]) {
    const { status, text } = await register(metadata)
    assert.equal(status, 400, `${JSON.stringify(metadata)}: ${text}`)
  }
})

test('9 an address at another name of this server is none where that name is used', async () => {
  const { party, user, register } = await registrar()
  const uri = 'https://other.example.test/source/oauth/login/some/'
  const client = await playing(party, (await register({ redirect_uris: [uri] })).body)
  const { browser } = await aSignedInBrowser(user)
  const there = `/application/o/authorize/?${client.query({ redirect_uri: uri })}`
  assert.equal((await browser.get(there)).status, 302)
  const answer = await browser.request('GET', there, { headers: { host: 'other.example.test' } })
  assert.equal(answer.status, 400, answer.text)
})

test('18 a client that registered itself acts for nobody at the API, unless the registration says so', async () => {
  const { party, register } = await registrar()
  const scopes = async (asked: Row) => String((await register(asked)).body.scope).split(' ')
  for (const asked of [{}, { scope: 'openid goauthentik.io/api goauthentik.io/oidc/dcr' }])
    assert.ok(!(await scopes(asked)).some(name => name.startsWith('goauthentik.io/')))
  assert.ok((await scopes({})).includes('email'), 'all else is handed down')
  const { admin } = party.server
  const { results } = (await admin.get('/api/v3/propertymappings/provider/scope/?scope_name=goauthentik.io/api')).body
  const told = await registrar({ override_property_mappings: [results[0].pk] })
  assert.equal((await told.register({})).body.scope, 'openid goauthentik.io/api')
})

test('10 a client that registered itself stays one when its registrant is gone', async () => {
  const { party, user, register } = await registrar()
  const { admin } = party.server
  const { body } = await register({ client_name: 'Your bank', scope: 'openid' })
  const client = await playing(party, body)
  const other = await aSignedInBrowser()
  const binding = { target: client.application.pk, user: other.user.id, order: 1 }
  assert.equal((await admin.post('/api/v3/policies/bindings/', binding)).status, 201)
  assert.equal((await admin.delete(`/api/v3/core/users/${String(user.id)}/`)).status, 204)
  const sent = String((await client.authorize(other.browser, { redirect_uri: CALLBACK })).headers.location)
  assert.match(sent, /^\/if\/flow\//, 'asked, although the flow asks nobody')
  assert.match((await other.browser.get(sent)).text, /"unverified":true/)
  const own = party.server.client(body.registration_access_token)
  assert.equal((await own.get(new URL(body.registration_client_uri).pathname)).status, 401)
})

test('70 no address of a client that registered itself is filled with who opens it', async () => {
  const { party, user, register } = await registrar()
  const { body } = await register({ client_uri: 'https://client.example.test/?m=%(email)s&n=%(username)s' })
  const slug = (await playing(party, body)).slug
  const { browser } = await aSignedInBrowser(user)
  const shown = await browser.get(`/api/v3/core/applications/?slug=${slug}`)
  assert.equal(shown.body.results[0].launch_url, 'https://client.example.test/?m=%25(email)s&n=%25(username)s')
})

test('1 an address that no sign-in could go to is not registered', async () => {
  const { register } = await registrar()
  for (const uri of ['https://client.example.test\\@evil.example.test/cb', 'https://cli\u0435nt.example.test/cb', `${CALLBACK}?code=1`]) {
    for (const name of ['redirect_uris', 'post_logout_redirect_uris'])
      assert.partialDeepStrictEqual(await register({ [name]: [uri] }), { status: 400, body: { error: 'invalid_redirect_uri' } }, uri)
  }
})

test('66 a client that was open to its registrant alone is open to nobody when they are gone', async () => {
  const { party, user, register } = await registrar()
  const { admin } = party.server
  const client = await playing(party, (await register({ grant_types: ['authorization_code', DEVICE_GRANT] })).body)
  assert.equal((await admin.delete(`/api/v3/core/users/${String(user.id)}/`)).status, 204)
  const { browser } = await aSignedInBrowser()
  const refused = await client.authorize(browser, { redirect_uri: CALLBACK })
  assert.equal(refused.status, 200)
  assert.match(refused.text, /Permission denied/)
  const begun = await client.post('device', { scope: 'openid' })
  assert.match((await browser.get(`/device?code=${String(begun.body.user_code)}`)).text, /Permission denied/)
  const { results } = (await admin.get(`/api/v3/signet/oauth2_clients/?provider=${String(client.provider.pk)}`)).body
  assert.equal((await admin.patch(`/api/v3/signet/oauth2_clients/${String(results[0].pk)}/`, { verified: true })).status, 200)
  assert.equal((await client.authorize(browser, { redirect_uri: CALLBACK })).status, 302, 'an administrator has looked at it')
})
