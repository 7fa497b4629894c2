import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { createObject } from '../../../api/objects.ts'
import type { Row } from '../../../api/model.ts'
import { outgoingOf, useOutgoing } from '../../../http/outgoing/client.ts'
import { OutgoingError } from '../../../http/outgoing/error.ts'
import { unique } from '../../../../test/builders.ts'
import { ClientMetadata } from './metadata.ts'
import { aParty, type Party } from '../fixture.ts'
import { purgeExpired } from '../purge.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const TOKEN = 'https://id.example.test/application/o/token/'

async function aClient(metadata: Row): Promise<Party> {
  const party = await aParty()
  await createObject(party.server.ctx, ClientMetadata, { provider: party.provider.pk, ...metadata })
  return party
}

async function aKey(alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: unique('key'), alg, use: 'sig' } }
}

type Change = { claims?: Row; header?: Row; key?: CryptoKey | Uint8Array }

const assertion = (party: Party, { privateKey, jwk }: Awaited<ReturnType<typeof aKey>>, { claims, header, key }: Change = {}) => {
  const now = Math.floor(party.server.ctx.now().getTime() / 1000)
  const all = { iss: party.clientId, sub: party.clientId, aud: TOKEN, iat: now, exp: now + 60, jti: unique('jti'), ...claims }
  return new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))
    .setProtectedHeader({ alg: 'ES256', kid: jwk.kid, ...header })
    .sign(key ?? privateKey)
}

const prove = (party: Party, client_assertion: string, more: Record<string, string> = {}) =>
  party.token(
    { grant_type: 'client_credentials', client_id: undefined, client_assertion_type: JWT_BEARER, client_assertion, ...more },
    { basic: false },
  )

const ours = async () => {
  const key = await aKey()
  return { key, party: await aClient({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.jwk] } }) }
}

test('a client proves itself with an assertion of its own key (RFC 7523 §2.2, OIDC Core §9)', async () => {
  const { party, key } = await ours()
  assert.equal((await prove(party, await assertion(party, key))).status, 200)
  assert.equal(
    (await prove(party, await assertion(party, key, { claims: { aud: party.issuer } }), { client_id: party.clientId })).status,
    200,
  )
  const introspected = await party.post(
    'introspect',
    {
      token: (await prove(party, await assertion(party, key))).body.access_token,
      client_assertion_type: JWT_BEARER,
      client_assertion: await assertion(party, key, { claims: { aud: 'https://id.example.test/application/o/introspect/' } }),
    },
    { basic: false },
  )
  assert.equal(introspected.body.active, true)
})

test('22 an assertion that is not quite right is refused', async () => {
  const { party, key } = await ours()
  const other = await aKey()
  const now = Math.floor(party.server.ctx.now().getTime() / 1000)
  const secret = new TextEncoder().encode(String(party.provider.client_secret))
  const publicPart = new TextEncoder().encode(JSON.stringify(key.jwk))
  const wrong: Record<string, Change> = {
    'signed by another key': { key: other.privateKey },
    'signed with the secret': { key: secret, header: { alg: 'HS256' } },
    'signed with the public key as a secret': { key: publicPart, header: { alg: 'HS256' } },
    'for somebody else': { claims: { aud: 'https://elsewhere.example/token' } },
    'for nobody': { claims: { aud: undefined } },
    'from another': { claims: { iss: 'somebody' } },
    'about another': { claims: { sub: 'somebody' } },
    over: { claims: { exp: now - 60 } },
    'without an end': { claims: { exp: undefined } },
    'with an end far away': { claims: { exp: now + 86_400 } },
    'not yet good': { claims: { nbf: now + 600 } },
    'of the future': { claims: { iat: now + 600 } },
    'with an empty name': { claims: { jti: '' } },
    'without a name': { claims: { jti: undefined } },
    'with a name that is no text': { claims: { jti: 5 } },
    'with an unknown key': { header: { kid: 'unknown' } },
  }
  for (const [what, change] of Object.entries(wrong)) {
    const answer = await prove(party, await assertion(party, key, change), { client_id: party.clientId })
    assert.equal(answer.body.error, 'invalid_client', what)
  }
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await assertion(party, key)).split('.')[1]}.`
  for (const text of ['', 'nonsense', 'a.b.c', unsigned])
    assert.equal((await prove(party, text, { client_id: party.clientId })).body.error, 'invalid_client', text)
})

test('23 an assertion is good once, whoever shows it at the same moment', async () => {
  const { party, key } = await ours()
  const once = await assertion(party, key)
  const answers = await Promise.all(Array.from({ length: 50 }, () => prove(party, once)))
  assert.equal(answers.filter(answer => answer.status === 200).length, 1)
  assert.ok(answers.every(answer => answer.status === 200 || answer.body.error === 'invalid_client'))
})

test('23 an assertion stays spent when what is over was purged, and spends no name of another client', async () => {
  const { party, key } = await ours()
  const { ctx, clock } = party.server
  const jti = unique('jti')
  const once = await assertion(party, key, { claims: { jti } })
  assert.equal((await prove(party, once)).status, 200)
  const other = await ours()
  assert.equal((await prove(other.party, await assertion(other.party, other.key, { claims: { jti } }))).status, 200)
  clock.advance(65_000) // within the tolerance for its end
  await purgeExpired(ctx)
  assert.equal((await prove(party, once)).body.error, 'invalid_client')
})

test('22 an assertion of a client that keeps FAPI 2.0 is for the issuer, as a text (Security Profile §5.3.2.1)', async () => {
  const key = await aKey()
  const party = await aClient({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key.jwk] },
    security_profile: 'fapi2',
    tls_client_certificate_bound_access_tokens: true,
  })
  const told = async (aud: unknown) => {
    const sent = { client_assertion_type: JWT_BEARER, client_assertion: await assertion(party, key, { claims: { aud } }), token: 'x' }
    return (await party.post('revoke', sent, { basic: false })).status
  }
  for (const aud of [TOKEN, [party.issuer], [party.issuer, TOKEN], 'https://id.example.test/application/o/revoke/'])
    assert.equal(await told(aud), 401, JSON.stringify(aud))
  assert.equal(await told(party.issuer), 200)
})

test('a client that is registered for one way proves itself in no other', async () => {
  const { party, key } = await ours()
  assert.equal((await party.token({ grant_type: 'client_credentials' })).body.error, 'invalid_client')
  const withBoth = await party.token({ grant_type: 'client_credentials', client_assertion_type: JWT_BEARER, client_assertion: 'x' })
  assert.equal(withBoth.body.error, 'invalid_request')
  const posting = await aClient({ token_endpoint_auth_method: 'client_secret_post' })
  assert.equal((await posting.token({ grant_type: 'client_credentials' })).body.error, 'invalid_client')
  const secret = { client_secret: String(posting.provider.client_secret) }
  assert.equal((await posting.token({ grant_type: 'client_credentials', ...secret }, { basic: false })).status, 200)
  const basic = await aClient({ token_endpoint_auth_method: 'client_secret_basic', jwks: { keys: [key.jwk] } })
  const own = { client_secret: String(basic.provider.client_secret) }
  assert.equal((await basic.token({ grant_type: 'client_credentials' })).status, 200)
  assert.equal((await basic.token({ grant_type: 'client_credentials', ...own }, { basic: false })).body.error, 'invalid_client')
  assert.equal((await prove(basic, await assertion(basic, key))).body.error, 'invalid_client', 'its key signs requests alone')
  const secretToo = { client_secret: String(party.provider.client_secret) }
  assert.equal((await prove(party, await assertion(party, key), secretToo)).body.error, 'invalid_request')
  const plain = await aParty()
  assert.equal((await prove(plain, await assertion(plain, key))).body.error, 'invalid_client')
})

test('an assertion under the secret proves a client that is registered for that', async () => {
  const party = await aClient({ token_endpoint_auth_method: 'client_secret_jwt' })
  const key = await aKey()
  const secret = new TextEncoder().encode(String(party.provider.client_secret))
  const header = { alg: 'HS256', kid: undefined }
  assert.equal((await prove(party, await assertion(party, key, { key: secret, header }))).status, 200)
  const guess = new TextEncoder().encode('another secret that is long enough')
  assert.equal((await prove(party, await assertion(party, key, { key: guess, header }))).body.error, 'invalid_client')
  assert.equal((await prove(party, await assertion(party, key))).body.error, 'invalid_client')
  const metadata = await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)
  assert.deepEqual(metadata.body.token_endpoint_auth_methods_supported, ['client_secret_jwt'])
  assert.ok(metadata.body.token_endpoint_auth_signing_alg_values_supported.includes('HS256'))
})

test('79 keys at an address are fetched by the guarded client, remembered, and fetched again for a new key, not at everybody’s bidding', async t => {
  const [first, second] = [await aKey(), await aKey()]
  const party = await aClient({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `https://keys.example.test/${unique('set')}` })
  const { config } = party.server.deps
  const { clock } = party.server
  const usual = outgoingOf(config)
  t.after(() => useOutgoing(config, usual))
  let asked = 0
  let keys = [first.jwk]
  useOutgoing(config, async url => {
    asked++
    const body = new TextEncoder().encode(JSON.stringify({ keys }))
    return { status: 200, reason: 'OK', headers: {}, body, url, history: [], elapsed: 1 }
  })
  assert.equal((await prove(party, await assertion(party, first))).status, 200)
  assert.equal((await prove(party, await assertion(party, first))).status, 200)
  assert.equal(asked, 1)
  keys = [second.jwk]
  assert.equal((await prove(party, await assertion(party, second))).body.error, 'invalid_client')
  assert.equal(asked, 1, 'not again at once')
  clock.advance(31_000)
  assert.equal((await prove(party, await assertion(party, second))).status, 200)
  assert.equal(asked, 2)
  clock.advance(301_000)
  useOutgoing(config, async () => {
    throw new OutgoingError('refused', 'keys.example.test is an address of this machine')
  })
  assert.equal((await prove(party, await assertion(party, second))).body.error, 'invalid_client')
})

test('an administrator registers how a client proves itself, and is told what cannot work', async () => {
  const party = await aParty()
  const { admin } = party.server
  const { jwk, privateKey } = await aKey()
  const send = (values: Row) => admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...values })
  const method = 'private_key_jwt'
  assert.deepEqual((await send({ token_endpoint_auth_method: method })).body, { jwks: ['This way to prove itself needs keys.'] })
  const withPrivate = { keys: [{ ...jwk, d: 'secret' }] }
  assert.deepEqual((await send({ token_endpoint_auth_method: method, jwks: withPrivate })).body, { jwks: ['Enter public keys alone.'] })
  for (const odd of [{}, 5, null, { kty: 5 }, { ...jwk, nested: {} }, { ...jwk, x5c: [[]] }])
    assert.deepEqual(
      (await send({ jwks: { keys: [odd] } })).body,
      { jwks: ['Enter keys as RFC 7517 describes them.'] },
      JSON.stringify(odd),
    )
  assert.deepEqual((await send({ jwks: { keys: Array(101).fill(jwk) } })).body, { jwks: ['Enter 100 keys at most.'] })
  const both = { jwks: { keys: [jwk] }, jwks_uri: 'https://keys.example.test/' }
  assert.deepEqual((await send(both)).body, { jwks_uri: ['Keys stand either in the set or at an address.'] })
  assert.equal((await send({ jwks: { nonsense: 1 } })).status, 400)
  const made = await send({ token_endpoint_auth_method: method, jwks: { keys: [jwk] }, require_pkce: true })
  assert.equal(made.status, 201, made.text)
  assert.equal((await prove(party, await assertion(party, { jwk, privateKey }))).status, 200)
  assert.equal((await admin.patch(`/api/v3/signet/oauth2_clients/${made.body.pk}/`, { token_endpoint_auth_method: null })).status, 200)
  assert.equal((await party.token({ grant_type: 'client_credentials' })).status, 200)
  const open = await aParty({ client_type: 'public' })
  const refused = await admin.post('/api/v3/signet/oauth2_clients/', {
    provider: open.provider.pk,
    token_endpoint_auth_method: 'client_secret_post',
  })
  assert.equal(refused.status, 400)
})
