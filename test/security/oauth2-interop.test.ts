/** Independent clients against a listening server: what they refuse to accept is our fault. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { createObject } from '../../src/api/objects.ts'
import { ClientMetadata } from '../../src/providers/oauth2/client/metadata.ts'
import { aParty, flowKey, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { browse, discovered, listening, signedIn } from '../interop.ts'

const CALLBACK = 'https://app.example.test/oidc/callback'
const BYE = 'https://app.example.test/bye'

for (const key of ['ec', 'rsa', null] as const) {
  for (const method of ['basic', 'post'] as const) {
    test(`openid-client signs in with ${key ?? 'a shared secret'}, authenticating by ${method}`, async () => {
      const party = await aParty({ key })
      const { cookie, user } = await signedIn()
      const secret = String(party.provider.client_secret)
      const metadata = key === null ? { id_token_signed_response_alg: 'HS256' } : {}
      const config = await discovered(
        party,
        method === 'basic' ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret),
        metadata,
      )
      const verifier = client.randomPKCECodeVerifier()
      const [state, nonce] = [client.randomState(), client.randomNonce()]
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: CALLBACK,
        scope: 'openid email offline_access',
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        max_age: '3600',
      })
      const callback = await browse(url, cookie)
      const tokens = await client.authorizationCodeGrant(config, callback, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
        maxAge: 3600,
      })
      const { sub } = tokens.claims()!
      assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub)).email, user.email)
      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!)
      assert.equal(refreshed.claims()!.sub, sub)
      assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, true)
      await client.tokenRevocation(config, refreshed.access_token)
      assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, false)
      assert.ok((await client.clientCredentialsGrant(config, { scope: 'openid' })).access_token)
    })
  }
}

test('openid-client signs its request (RFC 9101) and reads a signed response (JARM), asking for claims by name', async () => {
  const party = await aParty({ key: 'rsa' })
  const keys = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'request key', use: 'sig' }
  const { ctx } = party.server
  const wishes = { provider: party.provider.pk, jwks: { keys: [jwk] }, require_signed_request_object: true }
  await createObject(ctx, ClientMetadata, wishes)
  const { cookie, user } = await signedIn()
  const config = await discovered(party, client.ClientSecretBasic(String(party.provider.client_secret)), {
    authorization_signed_response_alg: 'RS256',
  })
  client.useJwtResponseMode(config)
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const parameters = {
    redirect_uri: CALLBACK,
    scope: 'openid',
    state,
    nonce,
    claims: JSON.stringify({ id_token: { email: { essential: true } } }),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const url = await client.buildAuthorizationUrlWithJAR(config, parameters, { key: keys.privateKey, kid: 'request key' })
  const callback = await browse(url, cookie)
  assert.deepEqual([...callback.searchParams.keys()], ['response'])
  const tokens = await client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
  })
  assert.equal(tokens.claims()!.email, user.email)
})

test('openid-client signs in as a public client and is told to leave', async () => {
  const { ctx } = await oauthServer()
  const party = await aParty({
    client_type: 'public',
    redirect_uris: [
      { matching_mode: 'strict', url: CALLBACK },
      { matching_mode: 'strict', url: BYE, redirect_uri_type: 'logout' },
    ],
    invalidation_flow: await flowKey(ctx, 'default-invalidation-flow'),
  })
  const { cookie } = await signedIn()
  const config = await discovered(party, client.None())
  const verifier = client.randomPKCECodeVerifier()
  const parameters = {
    redirect_uri: CALLBACK,
    scope: 'openid',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const tokens = await client.authorizationCodeGrant(config, await browse(client.buildAuthorizationUrl(config, parameters), cookie), {
    pkceCodeVerifier: verifier,
  })
  const leave = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token!, post_logout_redirect_uri: BYE, state: 'bye' })
  assert.equal((await browse(leave, cookie)).href, `${BYE}?state=bye`)
  const silent = await browse(client.buildAuthorizationUrl(config, { ...parameters, prompt: 'none' }), cookie)
  await assert.rejects(client.authorizationCodeGrant(config, silent, { pkceCodeVerifier: verifier }), { error: 'login_required' })
})

test('oauth4webapi takes every answer, strictly by the specifications', async () => {
  const party = await aParty()
  const { cookie } = await signedIn()
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(`${await listening()}/application/o/${party.slug}/`)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const rp: oauth.Client = { client_id: party.clientId, require_auth_time: true }
  const authentication = oauth.ClientSecretBasic(String(party.provider.client_secret))
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(as.authorization_endpoint!)
  url.search = new URLSearchParams({
    client_id: party.clientId,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid profile offline_access',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
  const parameters = oauth.validateAuthResponse(as, rp, await browse(url, cookie), state) // checks `iss`, RFC 9207
  const response = await oauth.authorizationCodeGrantRequest(as, rp, authentication, parameters, CALLBACK, verifier, insecure)
  const tokens = await oauth.processAuthorizationCodeResponse(as, rp, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(as, response, insecure)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)!
  await oauth.processUserInfoResponse(as, rp, sub, await oauth.userInfoRequest(as, rp, tokens.access_token, insecure))
  const again = await oauth.authorizationCodeGrantRequest(as, rp, authentication, parameters, CALLBACK, verifier, insecure)
  await assert.rejects(oauth.processAuthorizationCodeResponse(as, rp, again), { error: 'invalid_grant' })
  await assert.rejects(
    async () => oauth.processUserInfoResponse(as, rp, sub, await oauth.userInfoRequest(as, rp, tokens.access_token, insecure)),
    (error: { cause?: oauth.WWWAuthenticateChallenge[] }) => error.cause?.[0]?.parameters.error === 'invalid_token',
  )
})
