/** Independent clients where requests are pushed, tokens bound, exchanged or signed in other ways: what they refuse to accept is our fault. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import type { Row } from '../../src/api/model.ts'
import { generate } from '../../src/crypto/model.ts'
import { aParty, aSignedInBrowser, oauthServer, type Party } from '../../src/providers/oauth2/fixture.ts'
import { aRole, aToken, aUser, unique } from '../builders.ts'
import { certified } from '../certificates.ts'
import { asks, browse, discovered, fetchWith, listening, listeningSecurely, signedIn } from '../interop.ts'

const CALLBACK = 'https://app.example.test/oidc/callback'

/** A key of a client: as it signs, and as it is registered. */
async function aKey(alg = 'ES256') {
  const pair = await oauth.generateKeyPair(alg, { extractable: true })
  const kid = unique('key')
  return { key: { key: pair.privateKey, kid }, jwk: { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid, use: 'sig' }, pair }
}

const secretOf = (party: Party): string => String(party.provider.client_secret)

async function parameters() {
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const challenge = { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }
  return {
    sent: { redirect_uri: CALLBACK, scope: 'openid email offline_access', state, nonce, ...challenge },
    checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
  }
}

for (const alg of ['RS512', 'PS256', 'PS384'])
  test(`openid-client takes ID tokens by ${alg}, and UserInfo that is signed`, async () => {
    const party = await aParty({ key: 'rsa' })
    await asks(party, { id_token_signed_response_alg: alg, userinfo_signed_response_alg: 'PS512' })
    const { cookie, user } = await signedIn()
    const metadata = { id_token_signed_response_alg: alg, userinfo_signed_response_alg: 'PS512' }
    const config = await discovered(party, client.ClientSecretBasic(secretOf(party)), metadata)
    client.enableNonRepudiationChecks(config)
    const { sent, checks } = await parameters()
    const tokens = await client.authorizationCodeGrant(config, await browse(client.buildAuthorizationUrl(config, sent), cookie), checks)
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, tokens.claims()!.sub)).email, user.email)
  })

test('openid-client decrypts what is encrypted for its key', async () => {
  const party = await aParty()
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
  const kid = unique('key')
  const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid, use: 'enc', alg: 'ECDH-ES', key_ops: undefined }
  await asks(party, { jwks: { keys: [jwk] }, id_token_encrypted_response_alg: 'ECDH-ES', id_token_encrypted_response_enc: 'A256GCM' })
  const { cookie, user } = await signedIn()
  const config = await discovered(party, client.ClientSecretBasic(secretOf(party)))
  client.enableDecryptingResponses(config, ['A256GCM'], { key: privateKey, alg: 'ECDH-ES', kid })
  const { sent, checks } = await parameters()
  const tokens = await client.authorizationCodeGrant(config, await browse(client.buildAuthorizationUrl(config, sent), cookie), checks)
  assert.equal(tokens.claims()!.email, user.email)
})

const EVERYTHING = 'openid-client keeps the FAPI 2.0 profile: PAR, private_key_jwt, DPoP, signed requests and responses'

test(`${EVERYTHING}, by PS256 and ES256`, () => keepsProfile({ key: 'rsa' }, 'ES256'))

// Who registered a key by its old name signs with the new one as soon as the library is replaced.
for (const [registered, issued] of [
  [undefined, 'EdDSA'],
  ['EdDSA', 'Ed25519'],
  ['Ed25519', 'EdDSA'],
] as const)
  test(`${EVERYTHING}, by Ed25519: a key registered for ${registered ?? 'nothing'}, tokens by ${issued} (RFC 9864 §2.2)`, async () => {
    const { ctx } = await oauthServer()
    const pair = await generate(ctx, { name: unique('pair'), validityDays: 30, algorithm: 'ed25519' })
    const metadata = { id_token_signed_response_alg: issued, request_object_signing_alg: registered ?? null }
    await keepsProfile({ signing_key: pair.kp_uuid }, 'Ed25519', metadata, registered)
  })

async function keepsProfile(provider: Row, alg: string, metadata: Row = {}, registered?: string): Promise<void> {
  const party = await aParty(provider)
  const { key, jwk } = await aKey(alg)
  await asks(party, {
    security_profile: 'fapi2',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...jwk, alg: registered }] },
    dpop_bound_access_tokens: true,
    dpop_nonce_required: true,
    require_signed_request_object: true,
    ...metadata,
  })
  const { cookie, user } = await signedIn()
  const { id_token_signed_response_alg: issued = 'PS256' } = metadata
  const config = await discovered(party, client.PrivateKeyJwt(key), { id_token_signed_response_alg: issued as string })
  client.useJwtResponseMode(config)
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg))
  const { sent, checks } = await parameters()
  const signed = await client.buildAuthorizationUrlWithJAR(config, sent, key)
  const pushed = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP })
  assert.deepEqual([...pushed.searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
  const tokens = await client.authorizationCodeGrant(config, await browse(pushed, cookie), checks, undefined, { DPoP })
  assert.equal(tokens.token_type, 'dpop')
  const { sub } = tokens.claims()!
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).email, user.email)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP })
  const seen = await client.tokenIntrospection(config, refreshed.access_token)
  assert.ok((seen.cnf as Row).jkt)
  const stranger = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: stranger }))
}

for (const way of ['tls_client_auth', 'self_signed_tls_client_auth'] as const)
  test(`openid-client proves itself by ${way} over TLS, and its tokens are bound to the certificate`, async () => {
    const { admin } = await oauthServer()
    const authority = certified({ commonName: unique('authority'), authority: true })
    const own = certified({ commonName: 'client', dns: 'client.example.test' }, way === 'tls_client_auth' ? authority : undefined)
    const party = await aParty()
    if (way === 'tls_client_auth') {
      const ca = await admin.post('/api/v3/crypto/certificatekeypairs/', { name: unique('ca'), certificate_data: authority.certificate })
      await asks(party, {
        token_endpoint_auth_method: way,
        tls_client_auth_ca: ca.body.pk,
        tls_client_auth_san_dns: 'client.example.test',
        tls_client_certificate_bound_access_tokens: true,
      })
    } else {
      const jwk = own.privateKey.export({ format: 'jwk' })
      await asks(party, {
        token_endpoint_auth_method: way,
        jwks: { keys: [{ ...jwk, d: undefined }] },
        tls_client_certificate_bound_access_tokens: true,
      })
    }
    const { cookie, user } = await signedIn()
    const issuer = new URL(`${await listeningSecurely()}/application/o/${party.slug}/`)
    const configured = (certificate: typeof own | undefined) =>
      client.discovery(issuer, party.clientId, {}, client.TlsClientAuth(), { [client.customFetch]: fetchWith(certificate) })
    const config = await configured(own)
    const { sent, checks } = await parameters()
    const over = fetchWith(undefined) as unknown as typeof fetch
    const callback = await browse(client.buildAuthorizationUrl(config, sent), cookie, over)
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    const { sub } = tokens.claims()!
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub)).email, user.email)
    assert.ok(((await client.tokenIntrospection(config, tokens.access_token)).cnf as Row)['x5t#S256'])
    await client.refreshTokenGrant(config, tokens.refresh_token!)
    for (const other of [undefined, certified({ commonName: 'client', dns: 'client.example.test' })]) {
      const thief = await configured(other)
      await assert.rejects(client.fetchUserInfo(thief, tokens.access_token, sub))
      await assert.rejects(client.refreshTokenGrant(thief, tokens.refresh_token!), { error: 'invalid_client' })
    }
  })

test('openid-client signs in by the hybrid and the implicit flow', async () => {
  const party = await aParty()
  const { cookie, user } = await signedIn()
  const hybrid = await discovered(party, client.ClientSecretPost(secretOf(party)))
  client.useCodeIdTokenResponseType(hybrid)
  const { sent, checks } = await parameters()
  const callback = await browse(client.buildAuthorizationUrl(hybrid, { ...sent, response_mode: 'fragment' }), cookie)
  const tokens = await client.authorizationCodeGrant(hybrid, callback, checks)
  assert.equal((await client.fetchUserInfo(hybrid, tokens.access_token, tokens.claims()!.sub)).email, user.email)
  const implicit = await discovered(party, client.None())
  client.useIdTokenResponseType(implicit)
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(implicit, { redirect_uri: CALLBACK, scope: 'openid email', nonce, response_mode: 'fragment' })
  assert.equal((await client.implicitAuthentication(implicit, await browse(url, cookie), nonce)).email, user.email)
})

test('openid-client exchanges a token of one application for one of another', async () => {
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const [front, back] = [await aParty(), await aParty()]
  const middle = await aParty({ grant_types: ['client_credentials', grant] })
  await asks(middle, { token_exchange_subjects: [front.provider.pk], token_exchange_audiences: [back.provider.pk] })
  const { browser } = await aSignedInBrowser()
  const { access_token: subject } = await front.tokens(browser, { scope: 'openid email' })
  const config = await discovered(middle, client.ClientSecretBasic(secretOf(middle)))
  const form = { subject_token: subject, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope: 'openid' }
  const exchanged = await client.genericGrantRequest(config, grant, { ...form, audience: back.clientId })
  assert.equal(exchanged.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token')
  const theirs = await discovered(back, client.ClientSecretBasic(secretOf(back)))
  assert.partialDeepStrictEqual(await client.tokenIntrospection(theirs, exchanged.access_token), {
    active: true,
    act: { sub: middle.clientId },
  })
  await assert.rejects(client.genericGrantRequest(config, grant, { ...form, audience: 'nobody' }), { error: 'invalid_target' })
})

test('openid-client registers itself and signs its registrant in', async () => {
  const { admin, ctx } = await oauthServer()
  const parent = await aParty()
  assert.equal((await admin.post('/api/v3/providers/oauth2-dcr/', { provider: parent.provider.pk })).status, 201)
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_providers_oauth2.register_oauth2client'])
  const metadata = { client_name: 'interop', redirect_uris: [CALLBACK], grant_types: ['authorization_code', 'refresh_token'] }
  const issuer = new URL(`${await listening()}/application/o/${parent.slug}/`)
  const initialAccessToken = await aToken(ctx, user)
  const options = { initialAccessToken, execute: [client.allowInsecureRequests] }
  const config = await client.dynamicClientRegistration(issuer, metadata, undefined, options)
  assert.ok(config.clientMetadata().registration_access_token)
  // The page of consent is not this test's: an administrator has looked at the client.
  const { id } = await ctx.db
    .selectFrom('provider_oauth2')
    .select('id')
    .where('client_id', '=', config.clientMetadata().client_id)
    .executeTakeFirstOrThrow()
  const { results } = (await admin.get(`/api/v3/signet/oauth2_clients/?provider=${id}`)).body
  assert.equal((await admin.patch(`/api/v3/signet/oauth2_clients/${results[0].pk}/`, { verified: true })).status, 200)
  const { cookie } = await signedIn(user)
  const { sent, checks } = await parameters()
  const tokens = await client.authorizationCodeGrant(config, await browse(client.buildAuthorizationUrl(config, sent), cookie), checks)
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, tokens.claims()!.sub)).email, user.email)
  await assert.rejects(client.dynamicClientRegistration(issuer, metadata, undefined, { execute: [client.allowInsecureRequests] }))
})

test('oauth4webapi signs a device in', async () => {
  const party = await aParty()
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(`${await listening()}/application/o/${party.slug}/`)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const rp: oauth.Client = { client_id: party.clientId }
  const authentication = oauth.ClientSecretPost(secretOf(party))
  const begun = await oauth.deviceAuthorizationRequest(as, rp, authentication, { scope: 'openid email offline_access' }, insecure)
  const device = await oauth.processDeviceAuthorizationResponse(as, rp, begun)
  const poll = () => oauth.deviceCodeGrantRequest(as, rp, authentication, device.device_code, insecure)
  await assert.rejects(oauth.processDeviceCodeResponse(as, rp, await poll()), { error: 'authorization_pending' })
  const { browser, user } = await aSignedInBrowser()
  const opened = await browser.follow(`/device?code=${device.user_code}`)
  const slug = /\/if\/flow\/([^/]+)\//.exec(opened.path)![1]!
  const asked = await browser.challenge(slug, '')
  await browser.challenge(slug, '', { component: 'ak-stage-consent', token: asked.token })
  const { clock } = await oauthServer()
  clock.advance(6_000)
  const tokens = await oauth.processDeviceCodeResponse(as, rp, await poll())
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)!
  const info = await oauth.processUserInfoResponse(as, rp, sub, await oauth.userInfoRequest(as, rp, tokens.access_token, insecure))
  assert.equal(info.email, user.email)
})
