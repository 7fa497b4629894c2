import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  CompactEncrypt,
  compactDecrypt,
  createLocalJWKSet,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtVerify,
  SignJWT,
  type JSONWebKeySet,
} from 'jose'
import { certified } from '../../../../test/certificates.ts'
import { unique } from '../../../../test/builders.ts'
import type { Row } from '../../../api/model.ts'
import { RSA_KEYPAIR } from '../../../boot.ts'
import { generate } from '../../../crypto/model.ts'
import { aParty, aSignedInBrowser, keypairKey, oauthServer, REDIRECT_URI, type Party } from '../fixture.ts'
import { hashOf } from './algorithms.ts'
import { purgeExpired } from '../purge.ts'

/** Registers what a client asks for; the answer of the API. */
const asking = (party: Party, metadata: Row) =>
  party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...metadata })

async function withMetadata(party: Party, metadata: Row): Promise<Party> {
  const made = await asking(party, metadata)
  assert.equal(made.status, 201, made.text)
  return party
}

const keysOf = async (party: Party): Promise<JSONWebKeySet> =>
  (await party.server.client().get(`/application/o/${party.slug}/jwks/`)).body as JSONWebKeySet

async function verified(party: Party, token: string): Promise<Row> {
  const { payload } = await jwtVerify(token, createLocalJWKSet(await keysOf(party)), { currentDate: party.server.ctx.now() })
  return payload
}

const discovered = async (party: Party) =>
  (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body

/** A keypair of a kind that the product does not make itself. */
async function aKeypair(kind: 'P-384' | 'P-521' | 'ed25519'): Promise<string> {
  const { ctx, admin } = await oauthServer()
  if (kind === 'ed25519') return (await generate(ctx, { name: unique('pair'), validityDays: 30, algorithm: 'ed25519' })).kp_uuid as string
  const { certificate, key } = certified({ commonName: kind, curve: kind })
  const made = await admin.post('/api/v3/crypto/certificatekeypairs/', {
    name: unique('pair'),
    certificate_data: certificate,
    key_data: key,
  })
  assert.equal(made.status, 201, made.text)
  return made.body.pk
}

for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']) {
  test(`an RSA key signs by ${alg} when the client asks for it (OIDC Registration §2)`, async () => {
    const party = await withMetadata(await aParty({ key: 'rsa' }), { id_token_signed_response_alg: alg })
    const { browser } = await aSignedInBrowser()
    const { id_token: idToken, access_token: token } = await party.tokens(browser)
    assert.equal(decodeProtectedHeader(idToken).alg, alg)
    const half = createHash(hashOf(alg)).update(token).digest()
    assert.equal((await verified(party, idToken)).at_hash, half.subarray(0, half.length / 2).toString('base64url'))
    assert.deepEqual((await discovered(party)).id_token_signing_alg_values_supported, [alg])
    assert.equal((await keysOf(party)).keys[0]!.alg, alg === 'RS256' ? 'RS256' : undefined)
  })
}

for (const [kind, alg] of [
  ['P-384', 'ES384'],
  ['P-521', 'ES512'],
  ['ed25519', 'EdDSA'],
] as const) {
  test(`a key of ${kind} signs by ${alg}, without being asked`, async () => {
    const party = await aParty({ signing_key: await aKeypair(kind) })
    const { browser } = await aSignedInBrowser()
    const { id_token: idToken } = await party.tokens(browser)
    assert.equal(decodeProtectedHeader(idToken).alg, alg)
    await verified(party, idToken)
  })
}

test('a key of ed25519 signs by its full name for a client that asks for it (RFC 9864 §2.2)', async () => {
  const party = await withMetadata(await aParty({ signing_key: await aKeypair('ed25519') }), { id_token_signed_response_alg: 'Ed25519' })
  const { browser } = await aSignedInBrowser()
  const { id_token: idToken, access_token: token } = await party.tokens(browser)
  assert.equal(decodeProtectedHeader(idToken).alg, 'Ed25519')
  const half = createHash('sha512').update(token).digest().subarray(0, 32)
  assert.equal((await verified(party, idToken)).at_hash, half.toString('base64url'))
  assert.deepEqual((await discovered(party)).id_token_signing_alg_values_supported, ['Ed25519'])
  assert.ok((await party.response(browser, { prompt: 'none', id_token_hint: idToken })).get('code'))
})

test('a client with a secret may ask for a signature under it, where the secret is long enough (RFC 7518 §3.2)', async () => {
  const party = await withMetadata(await aParty(), { id_token_signed_response_alg: 'HS512', userinfo_signed_response_alg: 'ES256' })
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser)
  const secret = new TextEncoder().encode(String(party.provider.client_secret))
  await jwtVerify(tokens.id_token, secret, { algorithms: ['HS512'], currentDate: party.server.ctx.now() })
  await verified(party, (await party.userinfo(tokens.access_token)).text)
  const short = await aParty({ client_secret: 'forty-eight-bytes-are-too-few-for-this-algorithm' })
  assert.deepEqual((await asking(short, { id_token_signed_response_alg: 'HS512' })).body, {
    id_token_signed_response_alg: ['The client secret must have 64 bytes at least.'],
  })
})

test('22 what the key cannot do is refused when it is asked for', async () => {
  const refusal = { id_token_signed_response_alg: ['The signing key of the provider cannot do that.'] }
  for (const [key, alg] of [
    ['ec', 'RS256'],
    ['ec', 'ES384'],
    ['rsa', 'ES256'],
    ['rsa', 'EdDSA'],
    [null, 'RS256'],
  ] as const)
    assert.deepEqual((await asking(await aParty({ key }), { id_token_signed_response_alg: alg })).body, refusal, `${key} ${alg}`)
  assert.equal((await asking(await aParty(), { id_token_signed_response_alg: 'none' })).status, 400)
  const open = await aParty({ client_type: 'public' })
  assert.deepEqual((await asking(open, { userinfo_signed_response_alg: 'HS256' })).body, {
    userinfo_signed_response_alg: ['A public client has no secret.'],
  })
})

test('UserInfo answers a signed JWT to a client that asks for it (OIDC Core §5.3.2)', async () => {
  const party = await withMetadata(await aParty({ key: 'rsa' }), { userinfo_signed_response_alg: 'PS256' })
  const { browser, user } = await aSignedInBrowser()
  const { access_token: token, id_token: idToken } = await party.tokens(browser, { scope: 'openid email' })
  assert.equal(decodeProtectedHeader(idToken).alg, 'RS256')
  const answer = await party.userinfo(token)
  assert.match(String(answer.headers['content-type']), /^application\/jwt/)
  assert.equal(decodeProtectedHeader(answer.text).alg, 'PS256')
  const claims = await verified(party, answer.text)
  assert.partialDeepStrictEqual(claims, {
    iss: party.issuer,
    aud: party.clientId,
    email: user.email,
    sub: (await verified(party, idToken)).sub,
  })
  assert.deepEqual((await discovered(party)).userinfo_signing_alg_values_supported, ['PS256'])
  await verified(party, idToken)
})

test('ID tokens and UserInfo are encrypted for the key of a client that asks for it (OIDC Core §10.2)', async () => {
  for (const [alg, enc] of [
    ['RSA-OAEP-256', 'A256GCM'],
    ['RSA-OAEP', null],
    ['ECDH-ES', 'A128GCM'],
    ['ECDH-ES+A256KW', 'A256CBC-HS512'],
  ] as const) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'enc' }
    const signing = { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), use: 'sig' }
    const party = await withMetadata(await aParty(), {
      jwks: { keys: [signing, jwk] },
      id_token_encrypted_response_alg: alg,
      ...(enc && { id_token_encrypted_response_enc: enc, userinfo_encrypted_response_enc: enc }),
      userinfo_encrypted_response_alg: alg,
    })
    const { browser, user } = await aSignedInBrowser()
    const tokens = await party.tokens(browser, { scope: 'openid email' })
    const { protectedHeader, plaintext } = await compactDecrypt(tokens.id_token, privateKey)
    assert.partialDeepStrictEqual(protectedHeader, { alg, enc: enc ?? 'A128CBC-HS256', kid: jwk.kid, cty: 'JWT' })
    assert.equal((await verified(party, new TextDecoder().decode(plaintext))).aud, party.clientId)
    const info = await compactDecrypt((await party.userinfo(tokens.access_token)).text, privateKey)
    assert.equal(JSON.parse(new TextDecoder().decode(info.plaintext)).email, user.email)
    assert.equal(info.protectedHeader.cty, undefined)
  }
  assert.deepEqual((await asking(await aParty(), { id_token_encrypted_response_alg: 'ECDH-ES' })).body, {
    id_token_encrypted_response_alg: ['This needs a key of the client.'],
  })
})

test('a key that is replaced stays in the key set while its tokens live, however it was replaced', async () => {
  const { ctx, admin, clock } = await oauthServer()
  const pair = async () => (await generate(ctx, { name: unique('pair'), validityDays: 30, algorithm: 'ecdsa' })).kp_uuid as string
  const ways: Record<string, (party: Party, key: string) => Promise<unknown>> = {
    'another key': async party => party.change({ signing_key: await pair() }),
    'no key any more': party => party.change({ signing_key: null }),
    'the keypair deleted': (_, key) => admin.delete(`/api/v3/crypto/certificatekeypairs/${key}/`),
    'the keypair filled anew': async (_, key) => {
      const { certificate, key: text } = certified({ commonName: 'anew' })
      return admin.patch(`/api/v3/crypto/certificatekeypairs/${key}/`, { certificate_data: certificate, key_data: text })
    },
  }
  for (const [way, replace] of Object.entries(ways)) {
    const key = await pair()
    const party = await aParty({ signing_key: key })
    const { browser } = await aSignedInBrowser()
    const { id_token: idToken } = await party.tokens(browser)
    await replace(party, key)
    const { kid } = decodeProtectedHeader(idToken)
    const now = await party.tokens(browser)
    assert.notEqual(decodeProtectedHeader(now.id_token).kid, kid, way)
    assert.ok((await verified(party, idToken)).sub, way)
    assert.equal(new Set((await keysOf(party)).keys.map(key => key.kid)).size, (await keysOf(party)).keys.length, way)
    const silent = await party.response(browser, { prompt: 'none', id_token_hint: idToken })
    assert.ok(silent.get('code'), `${way}: ${silent.toString()}`)
    clock.advance(3_601_000)
    await purgeExpired(ctx)
    assert.ok(!(await keysOf(party)).keys.some(key => key.kid === kid), way)
    clock.reset()
  }
})

test('pairwise names differ from sector to sector, and stay the same within one (OIDC Core §8.1)', async () => {
  const { browser, user } = await aSignedInBrowser()
  const at = (host: string) => ({ redirect_uris: [{ matching_mode: 'strict', url: `https://${host}/cb` }] })
  const sub = async (values: Row, metadata: Row | undefined, host: string) => {
    const party = await aParty({ ...at(host), ...values })
    if (metadata) await withMetadata(party, metadata)
    const code = await party.code(browser, { redirect_uri: `https://${host}/cb` })
    const { body } = await party.exchange(code, { redirect_uri: `https://${host}/cb` })
    const claims = await verified(party, body.id_token)
    assert.equal((await party.userinfo(body.access_token)).body.sub, claims.sub)
    return claims.sub
  }
  const pairwise = { subject_type: 'pairwise' }
  const one = await sub({}, pairwise, 'one.example.test')
  assert.equal(await sub({}, pairwise, 'one.example.test'), one)
  assert.notEqual(await sub({}, pairwise, 'two.example.test'), one)
  assert.equal(await sub({}, { ...pairwise, sector_identifier_uri: 'https://one.example.test/uris' }, 'two.example.test'), one)
  const known = new Set([one, String(user.id), String(user.uuid), user.username, user.email])
  for (const sub_mode of ['hashed_user_id', 'user_id', 'user_uuid', 'user_username', 'user_email', 'user_upn']) {
    const plain = await sub({ sub_mode }, undefined, 'one.example.test')
    const paired = await sub({ sub_mode }, pairwise, 'one.example.test')
    assert.notEqual(plain, paired, sub_mode)
    assert.match(String(paired), /^[0-9a-f]{64}$/)
    known.add(plain)
  }
  const two = await aParty({ redirect_uris: ['a', 'b'].map(host => ({ matching_mode: 'strict', url: `https://${host}.example.test/cb` })) })
  assert.ok((await asking(two, pairwise)).body.sector_identifier_uri)
})

test('a key that signs and encrypts has a name for each use (RFC 7517 §4.5), and requests can be encrypted for it by the one', async () => {
  const { ctx } = await oauthServer()
  const own = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(own.publicKey)), kid: unique('key') }
  const metadata = { jwks: { keys: [jwk] } }
  const party = await withMetadata(await aParty({ key: 'rsa', encryption_key: await keypairKey(ctx, RSA_KEYPAIR) }), metadata)
  const { keys } = await keysOf(party)
  assert.deepEqual(
    keys.map(({ use }) => use),
    ['sig', 'enc'],
  )
  const [signing, encrypting] = keys
  assert.notEqual(signing!.kid, encrypting!.kid)
  assert.equal(signing!.n, encrypting!.n)
  const { browser } = await aSignedInBrowser()
  const { id_token: idToken } = await party.tokens(browser)
  assert.equal(decodeProtectedHeader(idToken).kid, signing!.kid, 'as it is called elsewhere')
  const object = await new SignJWT({ client_id: party.clientId, redirect_uri: REDIRECT_URI, response_type: 'code', scope: 'openid' })
    .setProtectedHeader({ alg: 'ES256', kid: jwk.kid })
    .sign(own.privateKey)
  const request = await new CompactEncrypt(new TextEncoder().encode(object))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512', kid: encrypting!.kid!, cty: 'JWT' })
    .encrypt(await importJWK(encrypting!, 'RSA-OAEP-256'))
  assert.ok((await party.response(browser, { request })).get('code'))
})

test('the installation’s own issuer has a discovery document and keys, for all clients that share it', async () => {
  const { client, ctx } = await oauthServer()
  // One encrypts with what the other signs with.
  await aParty({ issuer_mode: 'global', encryption_key: await keypairKey(ctx, RSA_KEYPAIR) })
  const [one, two] = [
    await aParty({ issuer_mode: 'global', key: 'rsa' }),
    await aParty({ issuer_mode: 'global', grant_types: ['authorization_code'] }),
  ]
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const { body, headers } = await client().get(path)
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.equal(body.issuer, 'https://id.example.test/')
    assert.equal(body.token_endpoint, 'https://id.example.test/application/o/token/')
    assert.ok(['RS256', 'ES256'].every(alg => body.id_token_signing_alg_values_supported.includes(alg)))
    assert.equal(new Set(body.scopes_supported).size, body.scopes_supported.length)
    assert.equal(body.jwks_uri, 'https://id.example.test/.well-known/jwks.json')
    assert.equal(body.end_session_endpoint, 'https://id.example.test/application/o/end-session/')
    assert.equal(body.check_session_iframe, 'https://id.example.test/application/o/check-session/')
  }
  const { body: keys } = await client().get('/.well-known/jwks.json')
  assert.equal(new Set(keys.keys.map((key: Row) => key.kid)).size, keys.keys.length)
  const { browser } = await aSignedInBrowser()
  for (const party of [one, two]) {
    const { id_token: idToken } = await party.tokens(browser)
    await jwtVerify(idToken, createLocalJWKSet(keys), { issuer: 'https://id.example.test/', audience: party.clientId })
  }
})
