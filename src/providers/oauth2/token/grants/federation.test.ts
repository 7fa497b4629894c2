import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { aUser, unique } from '../../../../../test/builders.ts'
import type { Row } from '../../../../api/model.ts'
import { aParty, aSignedInBrowser, oauthServer, type Party } from '../../fixture.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const bring = (party: Party, client_assertion: string, more: Record<string, string | undefined> = {}) =>
  party.token(
    { grant_type: 'client_credentials', client_assertion_type: JWT_BEARER, client_assertion, scope: 'openid profile', ...more },
    { basic: false },
  )

/** A source whose keys vouch for machines. */
async function aSource() {
  const { admin, ctx } = await oauthServer()
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const kid = unique('key')
  const slug = unique('source')
  const made = await admin.post('/api/v3/sources/oauth/', {
    name: slug,
    slug,
    provider_type: 'openidconnect',
    consumer_key: 'key',
    consumer_secret: 'secret',
    authorization_url: 'https://elsewhere.example.test/authorize',
    access_token_url: 'https://elsewhere.example.test/token',
    profile_url: 'https://elsewhere.example.test/me',
    oidc_jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] },
  })
  assert.equal(made.status, 201, made.text)
  const sign = (claims: Row, header: Row = {}) =>
    new SignJWT({ iss: 'https://elsewhere.example.test/', exp: Math.floor(ctx.now().getTime() / 1000) + 300, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid, ...header })
      .sign(privateKey)
  return { pk: made.body.pk as string, slug, sign }
}

test('an access token of a provider that is trusted stands for its person', async () => {
  const trusted = await aParty()
  const party = await aParty({ jwt_federation_providers: [trusted.provider.pk] })
  const stranger = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const { access_token: token, id_token: idToken } = await trusted.tokens(browser)
  const answer = await bring(party, token)
  assert.equal(answer.status, 200, answer.text)
  assert.equal((await party.userinfo(answer.body.access_token)).body.preferred_username, user.username)
  assert.equal((await bring(party, idToken)).body.error, 'invalid_client', '17 an ID token is none')
  assert.equal((await bring(stranger, token)).body.error, 'invalid_client', 'not trusted there')
  assert.equal((await bring(trusted, answer.body.access_token)).body.error, 'invalid_client', 'trust goes one way')
  const events = (await party.server.admin.get(`/api/v3/events/events/?action=login&username=${String(user.username)}`)).body.results
  assert.ok(events.some((event: Row) => (event.context as Row).auth_method === 'jwt'))
  await trusted.post('revoke', { token })
  assert.equal((await bring(party, token)).body.error, 'invalid_client')
})

test('what a trusted source signed stands for a machine of its own, with what it says for policies to judge', async () => {
  const source = await aSource()
  const party = await aParty({ jwt_federation_sources: [source.pk] })
  const { admin } = party.server
  const sub = unique('repo')
  const first = await bring(party, await source.sign({ sub, repository: 'signet' }))
  assert.equal(first.status, 200, first.text)
  const name = `${String(party.provider.name)}-${sub}`
  const { results } = (await admin.get(`/api/v3/core/users/?username=${name}`)).body
  assert.equal(results.length, 1)
  assert.partialDeepStrictEqual(results[0], { type: 'service_account', attributes: { 'goauthentik.io/user/generated': true } })
  assert.equal((await bring(party, await source.sign({ sub }))).status, 200)
  assert.equal((await admin.get(`/api/v3/core/users/?username=${name}`)).body.results.length, 1, 'the same one')
  assert.equal(decodeJwt(first.body.access_token).sub, decodeJwt((await bring(party, await source.sign({ sub }))).body.access_token).sub)

  const policy = await admin.post('/api/v3/policies/expression/', {
    name: unique('policy'),
    expression: 'return request.context.get("oauth_jwt", {}).get("repository") == "signet"',
  })
  await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, policy: policy.body.pk, order: 0 })
  assert.equal((await bring(party, await source.sign({ sub, repository: 'other' }))).body.error, 'invalid_grant')
  assert.equal((await bring(party, await source.sign({ sub, repository: 'signet' }))).status, 200)
})

test('50 a machine of one source is no machine of another, whatever it is called, nor of another application', async () => {
  const [source, other] = [await aSource(), await aSource()]
  const party = await aParty({ jwt_federation_sources: [source.pk, other.pk] })
  const { ctx } = party.server
  const sub = unique('repo')
  assert.equal((await bring(party, await source.sign({ sub }))).status, 200)
  assert.equal((await bring(party, await other.sign({ sub }))).body.error, 'invalid_client', 'another source')
  const longer = await aParty({ jwt_federation_sources: [source.pk] })
  await longer.change({ name: `${String(party.provider.name)}-x` })
  assert.equal((await bring(longer, await source.sign({ sub: 'y' }))).status, 200)
  assert.equal((await bring(party, await source.sign({ sub: 'x-y' }))).body.error, 'invalid_client', 'another application')
  // Accounts that do not say whose they are belong to the source that they lie with.
  const named = await ctx.db
    .selectFrom('user')
    .select('id')
    .where('username', '=', `${String(party.provider.name)}-${sub}`)
    .executeTakeFirstOrThrow()
  const attributes = { 'goauthentik.io/user/generated': true }
  assert.equal((await party.server.admin.patch(`/api/v3/core/users/${named.id}/`, { attributes })).status, 200)
  assert.equal((await bring(party, await other.sign({ sub }))).body.error, 'invalid_client')
  assert.equal((await bring(party, await source.sign({ sub }))).status, 200)
})

test('22 an assertion of a source that is not quite right is refused', async () => {
  const [source, other] = [await aSource(), await aSource()]
  const party = await aParty({ jwt_federation_sources: [source.pk] })
  const { admin } = party.server
  const sub = unique('repo')
  const now = Math.floor(party.server.ctx.now().getTime() / 1000)
  const good = await source.sign({ sub })
  const [, payload] = good.split('.')
  const wrong = {
    'of another source': await other.sign({ sub }),
    over: await source.sign({ sub, exp: now - 60 }),
    'not yet good': await source.sign({ sub, nbf: now + 600 }),
    'about nobody': await source.sign({}),
    'with an unknown key': await source.sign({ sub }, { kid: 'unknown' }),
    'without a key': await source.sign({ sub }, { kid: undefined }),
    unsigned: `${Buffer.from('{"alg":"none","kid":"x"}').toString('base64url')}.${payload}.`,
    'no JWT': 'nonsense',
    'too long a name': await source.sign({ sub: 'x'.repeat(200) }),
  }
  for (const [what, assertion] of Object.entries(wrong)) assert.equal((await bring(party, assertion)).body.error, 'invalid_client', what)
  assert.equal((await bring(party, good, { client_assertion_type: 'urn:something' })).body.error, 'invalid_client')
  const person = await admin.post('/api/v3/core/users/', {
    username: `${String(party.provider.name)}-${sub}`,
    name: 'A person',
    type: 'internal',
  })
  assert.equal(person.status, 201, person.text)
  assert.equal((await bring(party, good)).body.error, 'invalid_client', 'a person’s account of that name is not taken')
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { enabled: false })
  assert.equal((await bring(party, await source.sign({ sub: unique('repo') }))).body.error, 'invalid_client')
})

test('71 a source names no service account that was not made for what it vouches for', async () => {
  const source = await aSource()
  const party = await aParty({ jwt_federation_sources: [source.pk] })
  const { ctx } = party.server
  await aUser(ctx, { username: `${String(party.provider.name)}-backup`, type: 'service_account' })
  assert.equal((await bring(party, await source.sign({ sub: 'backup' }))).body.error, 'invalid_client')
  for (const time of ['first', 'second']) assert.equal((await bring(party, await source.sign({ sub: 'robot' }))).status, 200, time)
})
