import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Row } from '../../api/model.ts'
import { certified } from '../../../test/certificates.ts'
import { aToken, aUser, unique } from '../../../test/builders.ts'
import { aParty, oauthServer } from './fixture.ts'

type Kind = { curve?: 'P-256' | 'P-384'; rsa?: number }

/** A certificate and its key, as the API takes them. */
function material(kind: Kind): { certificate_data: string; key_data: string } {
  const { certificate, key } = certified({ commonName: 'x', ...kind }, certified({ commonName: 'authority', authority: true }))
  return { certificate_data: certificate, key_data: key }
}

async function aKeypair(kind: Kind): Promise<string> {
  const made = await (await oauthServer()).admin.post('/api/v3/crypto/certificatekeypairs/', { name: unique('pair'), ...material(kind) })
  assert.equal(made.status, 201, made.text)
  return made.body.pk
}

/** A keypair that signs by none of the profile's algorithms. */
const strange = () => aKeypair({ curve: 'P-384' })

test('a client takes on the FAPI 2.0 profile only as a whole, and is held to it then', async () => {
  const jwk = { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'one' }
  const whole = {
    security_profile: 'fapi2',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
    dpop_bound_access_tokens: true,
  }
  const send = async (metadata: Row, values: Row = {}) => {
    const party = await aParty(values)
    return { party, answer: await party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...metadata }) }
  }
  const refused: [string, Row, Row?][] = [
    ['token_endpoint_auth_method', { ...whole, token_endpoint_auth_method: 'client_secret_basic' }],
    ['token_endpoint_auth_method', { ...whole, token_endpoint_auth_method: null }],
    ['dpop_bound_access_tokens', { ...whole, dpop_bound_access_tokens: false }],
    ['id_token_signed_response_alg', { ...whole, id_token_signed_response_alg: 'RS256' }, { key: 'rsa' }],
    ['id_token_signed_response_alg', whole, { key: null }],
    ['id_token_signed_response_alg', whole, { signing_key: await strange() }],
    ['security_profile', { ...whole, token_endpoint_auth_method: null }, { client_type: 'public' }],
  ]
  for (const [field, metadata, values] of refused) {
    const { answer } = await send(metadata, values)
    assert.equal(answer.status, 400, answer.text)
    assert.deepEqual(Object.keys(answer.body), [field])
  }
  const { party, answer } = await send(whole, { key: 'rsa' })
  assert.equal(answer.status, 201, answer.text)
  const metadata = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.partialDeepStrictEqual(metadata, { require_pushed_authorization_requests: true, id_token_signing_alg_values_supported: ['PS256'] })
  assert.ok(!metadata.grant_types_supported.includes('password'))
})

const KEYPAIRS = '/api/v3/crypto/certificatekeypairs/'
const ABOUT = /is held to the FAPI 2.0 Security Profile/

/** A client that is held to the profile, with a keypair of its own; what it is asked for may be said. */
async function aHeldParty(more: Row = {}) {
  const own = await aKeypair({ curve: 'P-256' })
  const party = await aParty({ signing_key: own })
  const keys = await generateKeyPair('ES256', { extractable: true })
  const made = await party.server.admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    security_profile: 'fapi2',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one' }] },
    dpop_bound_access_tokens: true,
    ...more,
  })
  assert.equal(made.status, 201, made.text)
  return { party, own, key: keys.privateKey, metadata: made.body as Row }
}

test('RSA keys under 2048 bits sign for no client of the profile', async () => {
  const small = await aKeypair({ rsa: 1024 })
  const party = await aParty({ signing_key: small })
  const answer = await party.server.admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    security_profile: 'fapi2',
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_subject_dn: 'CN=x',
    tls_client_auth_ca: small,
    tls_client_certificate_bound_access_tokens: true,
  })
  assert.equal(answer.status, 400, answer.text)
  assert.match(answer.body.id_token_signed_response_alg[0], /2048 bits/)
})

test('a provider whose client is held to the profile gets no key that the profile does not allow, and stays confidential', async () => {
  const { party, own } = await aHeldParty()
  const path = `/api/v3/providers/oauth2/${String(party.provider.pk)}/`
  const change = (values: Row) => party.server.admin.patch(path, values)
  for (const signing_key of [await strange(), await aKeypair({ rsa: 1024 }), null]) {
    const { status, body } = await change({ signing_key })
    assert.equal(status, 400)
    assert.match(body.signing_key[0], ABOUT)
  }
  const open = await change({ client_type: 'public' })
  assert.equal(open.status, 400)
  assert.match(open.body.client_type[0], /cannot be public/)
  assert.equal((await party.server.admin.get(path)).body.signing_key, own)
  assert.equal((await change({ signing_key: await aKeypair({ rsa: 2048 }) })).status, 200)
})

test('an algorithm that such a client asks for by name is kept with every key', async () => {
  const { party } = await aHeldParty({ id_token_signed_response_alg: 'ES256' })
  const path = `/api/v3/providers/oauth2/${String(party.provider.pk)}/`
  const { status, body } = await party.server.admin.patch(path, { signing_key: await aKeypair({ rsa: 2048 }) })
  assert.equal(status, 400)
  assert.match(body.signing_key[0], /asks for ES256 \(id_token_signed_response_alg\), which this key cannot do/)
})

test('a keypair that signs for such a client is not replaced by one that the profile does not allow, nor deleted', async () => {
  const { party, own } = await aHeldParty()
  const { admin } = party.server
  for (const kind of [{ curve: 'P-384' }, { rsa: 1024 }] as const) {
    const { status, body } = await admin.patch(`${KEYPAIRS}${own}/`, material(kind))
    assert.equal(status, 400)
    assert.match(body.key_data[0], ABOUT)
  }
  const bare = await admin.patch(`${KEYPAIRS}${own}/`, { key_data: '' })
  assert.equal(bare.status, 400, bare.text)
  const gone = await admin.delete(`${KEYPAIRS}${own}/`)
  assert.equal(gone.status, 400, gone.text)
  assert.match(gone.body.detail[0], ABOUT)
  assert.equal((await admin.patch(`${KEYPAIRS}${own}/`, material({ curve: 'P-256' }))).status, 200)
  assert.equal((await admin.get(`${KEYPAIRS}${own}/`)).status, 200)
})

test('the key of a provider is that of clients that registered themselves with it, profile and all', async () => {
  const { party: child } = await aHeldParty()
  const parent = await aParty({ signing_key: await aKeypair({ curve: 'P-256' }) })
  const { ctx, admin } = parent.server
  const user = ctx.caller.user ?? (await ctx.db.selectFrom('user').selectAll().limit(1).executeTakeFirstOrThrow())
  const values = {
    parent: parent.provider.pk as number,
    user: user.id as number,
    token_hash: unique('hash'),
    told: '{}',
    issued: ctx.now(),
  }
  await ctx.db
    .insertInto('oauth2_registration')
    .values({ ...values, provider: child.provider.pk as number })
    .execute()
  const { status, body } = await admin.patch(`/api/v3/providers/oauth2/${String(parent.provider.pk)}/`, { signing_key: await strange() })
  assert.equal(status, 400)
  assert.match(body.signing_key[0], ABOUT)
})

test('nobody gets tokens for a client of the profile without its own key: no password, and no other’s word (Security Profile §5.3.2.1)', async () => {
  const { party } = await aHeldParty()
  const { ctx } = party.server
  const [user, friend] = [await aUser(ctx), await aParty()]
  const password = await aToken(ctx, user, { intent: 'app_password' })
  await party.change({ jwt_federation_providers: [friend.provider.pk] })
  const { access_token: trusted } = (await friend.token({ grant_type: 'client_credentials' })).body
  const prover = await generateKeyPair('ES256')
  const jwk = await exportJWK(prover.publicKey)
  const ways: Record<string, string>[] = [
    { username: String(user.username), password },
    { client_secret: Buffer.from(`${String(user.username)}:${password}`).toString('base64') },
    { client_assertion: trusted, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
    { client_secret: String(party.provider.client_secret) },
  ]
  for (const way of ways) {
    const dpop = await new SignJWT({ htm: 'POST', htu: 'https://id.example.test/application/o/token/', jti: unique('jti') })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt(ctx.now())
      .sign(prover.privateKey)
    const form = { grant_type: 'client_credentials', client_id: party.clientId, ...way }
    const { body } = await party.token(form, { basic: false, headers: { dpop } })
    assert.equal(body.error, 'invalid_client', Object.keys(way).join())
  }
})

test('a key that came past the API signs nothing for a client of the profile', async () => {
  const { party, key } = await aHeldParty()
  const { ctx } = party.server
  const spend = async () => {
    const assertion = await new SignJWT({ jti: unique('jti') })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(party.clientId)
      .setSubject(party.clientId)
      .setAudience(party.issuer)
      .setIssuedAt(ctx.now())
      .setExpirationTime(new Date(ctx.now().getTime() + 60_000))
      .sign(key)
    const prover = await generateKeyPair('ES256')
    const proof = await new SignJWT({ htm: 'POST', htu: 'https://id.example.test/application/o/token/', jti: unique('jti') })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(prover.publicKey) })
      .setIssuedAt(ctx.now())
      .sign(prover.privateKey)
    const form = {
      grant_type: 'client_credentials',
      client_id: party.clientId,
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    return party.token(form, { basic: false, headers: { dpop: proof } })
  }
  const before = await spend()
  assert.equal(before.status, 200, before.text)
  for (const signing_key of [await strange(), null]) {
    await ctx.db
      .updateTable('provider_oauth2')
      .set({ signing_key })
      .where('id', '=', party.provider.pk as number)
      .execute()
    const { status, body } = await spend()
    assert.equal(status, 500)
    assert.equal(body.error, 'server_error')
    assert.match(body.error_description, /PS256, ES256 or EdDSA/)
    const { body: keys } = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
    assert.deepEqual(keys.keys, [])
  }
})
