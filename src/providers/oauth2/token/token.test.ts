import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHash } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { aUser, unique } from '../../../../test/builders.ts'
import type { Row } from '../../../api/model.ts'
import { userUid } from '../../../core/user/uid.ts'
import { generate } from '../../../crypto/model.ts'
import { aParty, aSignedInBrowser, oauthServer, pkce, REDIRECT_URI, type Party } from '../fixture.ts'
import { purgeExpired } from '../purge.ts'

const invalid = (error: string, status = 400) => ({ status, body: { error } })

async function keysOf(party: Party) {
  const { body } = await party.server.client().get(`/application/o/${party.slug}/jwks/`)
  return createLocalJWKSet(body)
}

test('the answer has the members of RFC 6749 §5.1 and must not be stored', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const answer = await party.exchange(await party.code(browser, { scope: 'openid email' }))
  assert.equal(answer.status, 200)
  assert.deepEqual(Object.keys(answer.body), ['access_token', 'token_type', 'scope', 'expires_in', 'id_token'])
  assert.partialDeepStrictEqual(answer.body, { token_type: 'Bearer', scope: 'openid email', expires_in: 3600 })
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers.pragma, 'no-cache')
})

test('a client authenticates by Basic, each half percent-encoded, or in the body (RFC 6749 §2.3.1)', async () => {
  const secret = 'sécret:with%odd+things'
  const party = await aParty({ client_secret: secret })
  const { browser } = await aSignedInBrowser()
  const header = (text: string) => ({ authorization: `basic ${Buffer.from(text).toString('base64')}` })
  const form = async () => ({
    grant_type: 'authorization_code',
    code: await party.code(browser),
    redirect_uri: REDIRECT_URI,
    client_id: undefined,
  })
  assert.equal(
    (await party.token(await form(), { basic: false, headers: header(`${party.clientId}:${encodeURIComponent(secret)}`) })).status,
    200,
  )
  assert.equal((await party.token({ ...(await form()), client_id: party.clientId, client_secret: secret }, { basic: false })).status, 200)
})

test('failed Basic authentication is a 401 that names the scheme (RFC 6749 §5.2)', async () => {
  const party = await aParty()
  for (const text of [`${party.clientId}:wrong`, `${party.clientId}:`, 'nobody:x', 'no colon']) {
    const answer = await party.token(
      { grant_type: 'authorization_code', code: 'x' },
      { basic: false, headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } },
    )
    assert.partialDeepStrictEqual(answer, invalid('invalid_client', 401))
    assert.match(String(answer.headers['www-authenticate']), /^Basic /)
  }
  assert.partialDeepStrictEqual(
    await party.token({ grant_type: 'authorization_code', client_secret: 'wrong' }, { basic: false }),
    invalid('invalid_client'),
  )
  assert.partialDeepStrictEqual(await party.token({ grant_type: 'authorization_code' }, { basic: false }), invalid('invalid_client'))
})

test('a client that authenticates in two ways at once is refused (RFC 6749 §2.3)', async () => {
  const party = await aParty()
  assert.partialDeepStrictEqual(
    await party.token({ grant_type: 'client_credentials', client_secret: String(party.provider.client_secret) }),
    invalid('invalid_request'),
  )
})

test('a confidential client with an empty secret cannot authenticate', async () => {
  const party = await aParty({ client_secret: '' })
  assert.partialDeepStrictEqual(
    await party.token({ grant_type: 'authorization_code', code: 'x', client_secret: '' }, { basic: false }),
    invalid('invalid_client'),
  )
  assert.partialDeepStrictEqual(await party.token({ grant_type: 'client_credentials' }, { basic: true }), invalid('invalid_client', 401))
})

test('grants that are unknown, or not allowed to the client, are refused (RFC 6749 §5.2)', async () => {
  const party = await aParty({ grant_types: ['authorization_code'] })
  assert.partialDeepStrictEqual(await party.token({ grant_type: 'magic' }), invalid('unsupported_grant_type'))
  assert.partialDeepStrictEqual(await party.token({}), invalid('invalid_request'))
  assert.partialDeepStrictEqual(await party.token({ grant_type: 'client_credentials' }), invalid('unauthorized_client'))
})

test('a parameter sent twice is refused (RFC 6749 §3.2)', async () => {
  const party = await aParty()
  const answer = await party.server.client().request('POST', '/application/o/token/', {
    payload: `grant_type=client_credentials&grant_type=client_credentials&client_id=${party.clientId}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.partialDeepStrictEqual(answer, invalid('invalid_request'))
})

test('bodies that are no forms, or too large, are refused', async () => {
  const party = await aParty()
  const json = await party.server.client().post('/application/o/token/', { grant_type: 'client_credentials' })
  assert.partialDeepStrictEqual(json, invalid('invalid_request'))
  assert.partialDeepStrictEqual(await party.token({ grant_type: 'x'.repeat(70_000) }), { ...invalid('invalid_request'), status: 413 })
})

test('the redirect URI must be that of the authorization request (RFC 6749 §4.1.3)', async () => {
  const other = 'https://app.example.test/other'
  const party = await aParty({
    redirect_uris: [
      { matching_mode: 'strict', url: REDIRECT_URI },
      { matching_mode: 'strict', url: other },
    ],
  })
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser)
  assert.partialDeepStrictEqual(await party.exchange(code, { redirect_uri: other }), invalid('invalid_grant'))
  assert.partialDeepStrictEqual(await party.exchange(code, { redirect_uri: undefined }), invalid('invalid_grant'))
  assert.equal((await party.exchange(code)).status, 200)
})

test('a code expires (RFC 6749 §4.1.2)', async () => {
  const party = await aParty({ access_code_validity: 'seconds=30' })
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser()
  const code = await party.code(browser)
  clock.advance(31_000)
  assert.partialDeepStrictEqual(await party.exchange(code), invalid('invalid_grant'))
})

test('plain challenges are taken as RFC 7636 §4.3 says: plain is the default', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { verifier } = pkce()
  const code = await party.code(browser, { code_challenge: verifier })
  assert.partialDeepStrictEqual(await party.exchange(code, { code_verifier: `${verifier}x` }), invalid('invalid_grant'))
  assert.equal((await party.exchange(code, { code_verifier: verifier })).status, 200)
})

test('a public client exchanges with its verifier and no secret (R-206)', async () => {
  const party = await aParty({ client_type: 'public' })
  const { browser } = await aSignedInBrowser()
  const { verifier, challenge } = pkce()
  const code = await party.code(browser, { code_challenge: challenge, code_challenge_method: 'S256' })
  assert.equal((await party.exchange(code, { code_verifier: verifier })).status, 200)
})

for (const [key, alg, kidded] of [
  ['ec', 'ES256', true],
  ['rsa', 'RS256', true],
  [null, 'HS256', false],
] as const) {
  test(`tokens are signed with ${alg} and verify with the published keys`, async () => {
    const party = await aParty({ key })
    const { browser, user, session } = await aSignedInBrowser()
    const { id_token: id, access_token: access } = await party.tokens(browser, { scope: 'openid email profile', nonce: 'n-0S6' })
    assert.equal('kid' in decodeProtectedHeader(id), kidded)
    assert.equal(decodeProtectedHeader(id).typ, 'JWT')
    const keys = kidded ? await keysOf(party) : new TextEncoder().encode(String(party.provider.client_secret))
    const options = { issuer: party.issuer, audience: party.clientId, algorithms: [alg] }
    const { payload } = await jwtVerify(id, keys as Uint8Array, options)
    assert.equal(payload.sub, userUid(party.server.ctx, user.id as number))
    assert.equal(payload.nonce, 'n-0S6')
    assert.equal(payload.at_hash, createHash('sha256').update(access).digest().subarray(0, 16).toString('base64url'), 'OIDC Core §3.1.3.6')
    assert.equal(payload.sid, Buffer.from(session.session_hash, 'base64url').toString('hex'))
    assert.deepEqual(payload.amr, ['pwd'])
    assert.equal(payload.acr, 'goauthentik.io/providers/oauth2/default')
    assert.equal(payload.auth_time, Math.floor(session.auth_time!.getTime() / 1000))
    assert.equal(payload.exp! - payload.iat!, 3600)
    assert.match(String(payload.jti), /^[A-Za-z0-9]{40}$/)
    assert.partialDeepStrictEqual(payload, {
      email: user.email as string,
      email_verified: false,
      preferred_username: user.username as string,
      groups: [],
    })
    const second = (await jwtVerify(access, keys as Uint8Array, options)).payload
    assert.partialDeepStrictEqual(second, { azp: party.clientId, scope: 'openid email profile', sub: payload.sub })
    assert.match(String(second.uid), /^[A-Za-z0-9]{40}$/)
  })
}

test("a half of a P-384 client's at_hash is of SHA-384 (OIDC Core §3.1.3.6)", async () => {
  const { keypairSigner } = await import('../keys/signer.ts')
  const { generateKeyPairSync, createPrivateKey } = await import('node:crypto')
  const { ctx } = await oauthServer()
  const pair = await generate(ctx, { name: unique('pair'), validityDays: 2, algorithm: 'ecdsa' })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const signer = keypairSigner({ ...pair, key_data: pem })
  assert.equal(signer.alg, 'ES384')
  assert.equal(signer.leftHash('x'), createHash('sha384').update('x').digest().subarray(0, 24).toString('base64url'))
  const jws = await signer.sign({ a: 1 })
  const { createPublicKey } = await import('node:crypto')
  const { compactVerify } = await import('jose')
  assert.ok(await compactVerify(jws, createPublicKey(createPrivateKey(pem)), { algorithms: ['ES384'] }))
})

test('sub follows the mode of the provider', async () => {
  const party = await aParty()
  const { ctx } = await oauthServer()
  const user = await aUser(ctx, { attributes: { upn: 'upn@example.test' } })
  const { browser } = await aSignedInBrowser(user)
  const expected: Row = {
    user_id: String(user.id),
    user_uuid: user.uuid,
    user_username: user.username,
    user_email: user.email,
    user_upn: 'upn@example.test',
    hashed_user_id: userUid(ctx, user.id as number),
  }
  for (const [mode, sub] of Object.entries(expected)) {
    await party.change({ sub_mode: mode })
    assert.equal(decodeJwt((await party.tokens(browser)).id_token).sub, sub, mode)
  }
})

test("the issuer is the application's, or the installation's (§6)", async () => {
  const party = await aParty({ issuer_mode: 'global' })
  const { browser } = await aSignedInBrowser()
  assert.equal(decodeJwt((await party.tokens(browser)).id_token).iss, 'https://id.example.test/')
  assert.equal((await party.response(browser)).get('iss'), 'https://id.example.test/')
})

test('claims of scopes stay out of tokens where the provider says so, and come by userinfo', async () => {
  const party = await aParty({ include_claims_in_id_token: false })
  const { browser, user } = await aSignedInBrowser()
  const tokens = await party.tokens(browser, { scope: 'openid email' })
  assert.equal(decodeJwt(tokens.id_token).email, undefined)
  assert.equal((await party.userinfo(tokens.access_token)).body.email, user.email)
})

test('tokens of a provider with an encryption key are JWEs around the signed token', async () => {
  const { ctx } = await oauthServer()
  const pair = await generate(ctx, { name: unique('pair'), validityDays: 2, algorithm: 'rsa' })
  const party = await aParty({ encryption_key: pair.kp_uuid })
  const { browser } = await aSignedInBrowser()
  const tokens = await party.tokens(browser)
  assert.deepEqual(decodeProtectedHeader(tokens.id_token), { alg: 'RSA-OAEP-256', enc: 'A256CBC-HS512', typ: 'JWE', kid: pair.kid })
  const { compactDecrypt } = await import('jose')
  const { createPrivateKey } = await import('node:crypto')
  const { plaintext } = await compactDecrypt(tokens.id_token, createPrivateKey(pair.key_data as string))
  assert.ok(await jwtVerify(new TextDecoder().decode(plaintext), await keysOf(party), { issuer: party.issuer }))
  assert.equal((await party.userinfo(tokens.access_token)).status, 200)
  assert.ok(await party.code(browser, { prompt: 'none', id_token_hint: tokens.id_token }))
})

test('a key that cannot sign is refused when it is chosen', async () => {
  const { ctx, admin } = await oauthServer()
  const pair = await generate(ctx, { name: unique('pair'), validityDays: 2, algorithm: 'ed448' })
  const party = await aParty()
  const answer = await admin.patch(`/api/v3/providers/oauth2/${String(party.provider.pk)}/`, { signing_key: pair.kp_uuid })
  assert.equal(answer.status, 400)
  assert.ok(answer.body.signing_key)
})

test('what is over is purged, and a spent code only when nothing it bought is left', async () => {
  const party = await aParty()
  const { ctx, clock } = await oauthServer()
  const { browser } = await aSignedInBrowser(undefined, { lifetime: 86_400_000 * 60 })
  await party.tokens(browser, { scope: 'openid offline_access' })
  const left = async () => {
    const tables = ['oauth2_code', 'oauth2_access_token', 'oauth2_refresh_token'] as const
    return Promise.all(
      tables.map(
        async table =>
          (
            await ctx.db
              .selectFrom(table)
              .select('id')
              .where('provider', '=', party.provider.pk as number)
              .execute()
          ).length,
      ),
    )
  }
  clock.advance(86_400_000 * 2)
  await purgeExpired(ctx)
  assert.deepEqual(await left(), [1, 0, 1])
  clock.advance(86_400_000 * 31)
  await purgeExpired(ctx)
  assert.deepEqual(await left(), [0, 0, 0])
  clock.reset()
})
