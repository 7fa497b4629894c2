import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aParty } from '../fixture.ts'

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
