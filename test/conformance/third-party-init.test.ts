/** 3rd Party-Init OP: `oidcc-3rdparty-init-login-certification-test-plan`. A client registers where others may begin its sign-ins. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser, unique } from '../builders.ts'
import { aClient, aPerson, provider, REDIRECT_URI } from './driver.ts'
import { aKey } from './registered.ts'

const LOGIN = 'https://app.example.test/login?from=elsewhere'

/** A client at which others may register, and a token that lets somebody. */
async function registry() {
  const { ctx, admin, client } = (await provider()).server
  const host = await aClient()
  assert.equal((await admin.post('/api/v3/providers/oauth2-dcr/', { provider: host.provider.pk })).status, 201)
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_providers_oauth2.register_oauth2client'])
  const token = await aToken(ctx, user)
  const path = await host.endpoint('registration')
  const { kid: _, ...jwk } = (await aKey()).jwk
  const usual = { client_name: unique('client'), grant_types: ['authorization_code'], jwks: { keys: [jwk] }, response_types: ['code'] }
  const more = {
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [REDIRECT_URI],
    contacts: ['certification@example.test'],
  }
  return { host, register: (metadata: object) => client(token).post(path, { ...usual, ...more, ...metadata }) }
}

test('oidcc-3rd_party-init-login: a client is registered with the address, and finds it in its registration', async () => {
  const { register } = await registry()
  const made = await register({ initiate_login_uri: LOGIN })
  assert.equal(made.status, 201, made.text)
  assert.equal(made.body.initiate_login_uri, LOGIN)
  const { client } = (await provider()).server
  const read = await client(made.body.registration_access_token).get(new URL(made.body.registration_client_uri).pathname)
  assert.equal(read.status, 200, read.text)
  assert.match(String(read.headers['content-type']), /^application\/json/)
  assert.equal(read.body.initiate_login_uri, LOGIN)
})

test('oidcc-3rd_party-init-login-nohttps: an address without TLS is refused', async () => {
  const { register } = await registry()
  const refused = await register({ initiate_login_uri: LOGIN.replace('https', 'http') })
  assert.equal(refused.status, 400)
  assert.match(String(refused.headers['content-type']), /^application\/json/)
  assert.equal(refused.body.error, 'invalid_client_metadata')
})

test('an application is opened at that address, told who its provider is (OIDC Core §4)', async () => {
  const client = await aClient()
  const { admin } = client.server
  const metadata = { provider: client.provider.pk, initiate_login_uri: LOGIN }
  assert.equal((await admin.post('/api/v3/signet/oauth2_clients/', metadata)).status, 201)
  const application = async () => (await admin.get(`/api/v3/core/applications/${client.slug}/`)).body
  const { launch_url: url } = await application()
  assert.equal(url, `${LOGIN}&iss=${encodeURIComponent(client.issuer)}`)
  const person = await aPerson()
  await person.signIn()
  assert.ok((await client.signIn(person)).tokens, 'from where the client asks as ever')
  await admin.patch(`/api/v3/core/applications/${client.slug}/`, { meta_launch_url: 'https://app.example.test/start' })
  assert.equal((await application()).launch_url, 'https://app.example.test/start', 'what an administrator says comes first')
})
