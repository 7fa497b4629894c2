import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { receiver, type Reply } from '../../../test/http-receiver.ts'
import { ownServer } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'

const A = '/api/v3/sources/oauth/'
const { admin, client, ctx } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1/32' })

const KEYS = { keys: [{ kty: 'RSA', kid: 'one', n: 'AQ', e: 'AQAB' }] }

let answers: Record<string, Reply> = {}
const provider = await receiver(({ path }) => answers[path] ?? { status: 404 })
after(() => provider.close())

const document = (more: Row = {}): Row => ({
  issuer: provider.origin,
  authorization_endpoint: `${provider.origin}/authorize`,
  token_endpoint: `${provider.origin}/token`,
  userinfo_endpoint: `${provider.origin}/userinfo`,
  jwks_uri: `${provider.origin}/keys`,
  code_challenge_methods_supported: ['plain', 'S256'],
  ...more,
})

/** A provider that says this of itself. */
function saying(at: Record<string, Reply> = {}): void {
  provider.received.length = 0
  answers = { '/.well-known': { json: document() }, '/keys': { json: KEYS }, ...at }
}

const body = (values: Row = {}): Row => ({
  name: 'Source',
  slug: unique('source'),
  provider_type: 'openidconnect',
  consumer_key: 'key',
  consumer_secret: 'a secret',
  oidc_well_known_url: `${provider.origin}/.well-known`,
  ...values,
})

const FILLED = () => ({
  authorization_url: `${provider.origin}/authorize`,
  access_token_url: `${provider.origin}/token`,
  profile_url: `${provider.origin}/userinfo`,
  oidc_jwks_url: `${provider.origin}/keys`,
  oidc_jwks: KEYS,
})

test('a discovery document fills in what was not sent, and brings the keys', async () => {
  saying()
  const made = await admin.post(A, body())
  assert.equal(made.status, 201, made.text)
  assert.partialDeepStrictEqual(made.body, { ...FILLED(), pkce: 'S256' })
  const own = await admin.post(A, body({ authorization_url: 'https://own.example.test/', pkce: 'none', profile_url: '' }))
  assert.partialDeepStrictEqual(own.body, { ...FILLED(), authorization_url: 'https://own.example.test/', pkce: 'none' })
})

test('the provider is asked when its addresses change, and left alone otherwise', async () => {
  saying()
  const url = `${A}${String((await admin.post(A, body())).body.slug)}/`
  saying({ '/.well-known': { status: 500 } })
  assert.equal((await admin.patch(url, { name: 'Another name', enabled: false })).status, 200)
  const { body: stored } = await admin.get(url)
  assert.equal((await admin.put(url, { ...stored, consumer_secret: 'another' })).status, 200)
  assert.deepEqual(provider.received, [])
  const other = `${provider.origin}/other`
  saying({ '/other': { json: document({ token_endpoint: `${provider.origin}/token2` }) } })
  const moved = await admin.patch(url, { oidc_well_known_url: other })
  assert.partialDeepStrictEqual(moved.body, { ...FILLED(), access_token_url: `${provider.origin}/token2` })
  assert.equal((await admin.patch(url, { access_token_url: '' })).body.access_token_url, `${provider.origin}/token2`)
})

test('a document that is none is refused at its field, with nothing of what stood there', async () => {
  const refusals: [Record<string, Reply>, RegExp][] = [
    [{ '/.well-known': { status: 404 } }, /^Invalid well-known configuration: it answers 404$/],
    [{ '/.well-known': { json: { secret: 'of the inner network' } } }, /^Invalid well-known configuration: no issuer$/],
    [{ '/.well-known': { json: ['a'] } }, /^Invalid well-known configuration: no issuer$/],
    [{ '/.well-known': { json: document({ token_endpoint: 'javascript:alert(1)' }) } }, /token_endpoint is no web address$/],
  ]
  for (const [at, text] of refusals) {
    saying(at)
    const refused = await admin.post(A, body())
    assert.equal(refused.status, 400)
    assert.match(String((refused.body.oidc_well_known_url as string[])[0]), text)
    assert.ok(!refused.text.includes('inner'))
  }
  for (const reply of [{ status: 403 }, { json: { keys: 'none' } }]) {
    saying({ '/keys': reply })
    assert.deepEqual(Object.keys((await admin.post(A, body())).body), ['oidc_jwks_url'])
  }
  saying({ '/.well-known': { json: { issuer: provider.origin } } })
  assert.deepEqual((await admin.post(A, body())).body, {
    non_field_errors: ['authorization_url is required for provider OpenID Connect'],
  })
})

test('documents and keys are not fetched from places that nobody may reach (abuse 79)', async () => {
  for (const url of ['http://169.254.169.254/latest/', 'http://[::1]/', 'http://0x7f.1:80/', 'http://localhost./']) {
    for (const field of ['oidc_well_known_url', 'oidc_jwks_url']) {
      const others = {
        authorization_url: 'https://a.example.test',
        access_token_url: 'https://a.example.test',
        profile_url: 'https://a.example.test',
      }
      const refused = await admin.post(A, body({ oidc_well_known_url: '', ...others, [field]: url.replace('0x7f.1', '0x7f000002') }))
      assert.deepEqual([refused.status, Object.keys(refused.body)], [400, [field]], `${field} ${url}`)
    }
  }
})

test('nobody is asked for those who may not store the source, or one that could not be stored', async () => {
  saying()
  const stranger = await aUser(ctx)
  const reader = await aUser(ctx)
  await aRole(ctx, reader, ['authentik_sources_oauth.view_oauthsource'])
  const slug = String((await admin.post(A, body())).body.slug)
  saying()
  assert.equal((await client(await aToken(ctx, stranger)).post(A, body())).status, 403)
  const patch = { oidc_well_known_url: `${provider.origin}/other` }
  assert.equal((await client(await aToken(ctx, reader)).patch(`${A}${slug}/`, patch)).status, 403)
  assert.equal((await admin.post(A, body({ slug }))).status, 400)
  assert.equal((await admin.post(A, body({ consumer_key: '' }))).status, 400)
  assert.deepEqual(provider.received, [])
})

test('types of providers with fixed addresses are stored without asking', async () => {
  saying()
  const made = await admin.post(A, body({ provider_type: 'google' }))
  assert.deepEqual([made.status, made.body.authorization_url, provider.received], [201, null, []])
})
