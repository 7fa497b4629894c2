/** The modules of the FAPI 2.0 plans, by their official names, for `plain_fapi`, `private_key_jwt`, DPoP and OpenID Connect. */
import assert from 'node:assert/strict'
import { generateKeyPair } from 'jose'
import type { Answer } from '../harness.ts'
import { aPerson, CLAIMS, REDIRECT_URI, type Person } from './driver.ts'
import { aKey, type Change, type FapiClient, type Sent } from './fapi.ts'

export type Trial = { client: FapiClient; other: FapiClient; person: Person }
type Module = { says: string; run: (trial: Trial) => Promise<void> }

const refused = ({ answer }: { answer: Answer }, ...errors: string[]): void => {
  assert.equal(answer.status, errors[0] === 'invalid_client' ? answer.status : 400, answer.text)
  assert.ok(answer.status >= 400 && errors.includes(answer.body.error), `${answer.status} ${answer.text}`)
}

/** The person sees a page, and the client nothing, or an error. */
async function endsBadly(client: FapiClient, ending: Awaited<ReturnType<FapiClient['go']>>): Promise<void> {
  if (ending.callback) assert.ok((await client.response(ending)).get('error'))
  else assert.ok(ending.page!.status >= 400)
}

const signsIn = (params: Record<string, string | undefined>, says: string): Module => ({
  says,
  run: async ({ client, person }) => void (await client.signIn(person, params)),
})

/** A push whose assertion is wrong. */
const badAssertion = (says: string, change: (client: FapiClient) => Promise<Change> | Change): Module => ({
  says,
  run: async ({ client }) => refused(await client.push({}, { assertion: await change(client) }), 'invalid_client'),
})

/** A push whose request object is wrong. */
const badObject = (says: string, change: (client: FapiClient) => Promise<Change> | Change): Module => ({
  says,
  run: async ({ client }) =>
    refused(await client.push({}, { object: await change(client) }), 'invalid_request_object', 'invalid_request', 'request_not_supported'),
})

const pushRefused = (says: string, params: Record<string, string | undefined>, ...errors: string[]): Module => ({
  says,
  run: async ({ client }) => refused(await client.push(params), ...errors),
})

const at =
  (seconds: number, ...names: string[]) =>
  (client: FapiClient): Change => ({
    claims: Object.fromEntries(names.map(name => [name, client.now + seconds])),
  })

const rsa = async (): Promise<Change> => ({ key: (await generateKeyPair('RS256')).privateKey, header: { alg: 'RS256' } })

/** Tokens for a code, with another form than is right. */
async function buys(client: FapiClient, person: Person, more: Record<string, string | undefined>): Promise<Answer> {
  const { sent, code } = await client.code(person)
  return client.redeem(client.form(code, sent, more))
}

const asAudience = (endpoint: string, list = false): Module =>
  badAssertion(`an assertion for ${list ? 'a list of addresses' : `the ${endpoint} endpoint`} proves nothing`, ({ party }) => {
    const address = `https://id.example.test/application/o/${endpoint}/`
    return { claims: { aud: list ? [address, party.issuer] : address } }
  })

const longText = 'a'.repeat(384)

export const SECURITY_PROFILE: Readonly<Record<string, Module>> = {
  'discovery-end-point-verification': {
    says: 'the metadata say what the profile wants',
    async run({ client }) {
      const metadata = await client.party.metadata()
      assert.equal(metadata.issuer, client.party.issuer)
      assert.equal(metadata.require_pushed_authorization_requests, true)
      assert.equal(metadata.authorization_response_iss_parameter_supported, true)
      assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
      assert.deepEqual(metadata.response_types_supported, ['code'])
      assert.deepEqual(metadata.token_endpoint_auth_methods_supported, ['private_key_jwt'])
      assert.ok(!(metadata.token_endpoint_auth_signing_alg_values_supported as string[]).includes('RS256'))
      assert.deepEqual(metadata.id_token_signing_alg_values_supported, ['PS256'])
      assert.ok((metadata.dpop_signing_alg_values_supported as string[]).includes('ES256'))
      for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'pushed_authorization_request_endpoint'])
        assert.match(String(metadata[name]), /^https:/)
    },
  },
  'happy-flow': signsIn({}, 'somebody signs in, and everything that the client is given fits together'),
  'ensure-authorization-request-without-state-success': signsIn({ state: undefined }, 'a request needs no state'),
  'ensure-authorization-request-without-nonce-success': signsIn({ nonce: undefined }, 'a request for a code needs no nonce'),
  'ensure-authorization-request-with-64-char-nonce-success': signsIn({ nonce: 'n'.repeat(64) }, 'a nonce may have 64 characters'),
  'ensure-other-scope-order-succeeds': signsIn({ scope: 'profile openid' }, 'scopes may come in any order'),
  'test-claims-parameter-identity-claims': {
    says: 'claims that are asked for by name come where they were asked for',
    async run({ client, person }) {
      const claims = JSON.stringify({ userinfo: { name: { essential: true } }, id_token: { given_name: null } })
      const tokens = await client.signIn(person, { claims })
      assert.ok((tokens.claims as { given_name?: string }).given_name)
      assert.ok((await client.resource(tokens.access_token)).body.name)
      assert.ok(CLAIMS.profile!.includes('given_name'))
    },
  },
  'access-token-type-header-case-sensitivity': {
    says: 'the scheme of a token may be written in any case',
    async run({ client, person }) {
      const { access_token: token } = await client.signIn(person)
      for (const scheme of ['dpop', 'DPOP', 'dPoP']) assert.equal((await client.resource(token, {}, scheme)).status, 200, scheme)
    },
  },
  'check-dpop-proof-nbf-exp': {
    says: 'a proof that is over or not yet good, by its own words, is of no use',
    async run({ client, person }) {
      for (const claims of [{ exp: client.now - 120 }, { nbf: client.now + 600 }]) {
        const { sent, code } = await client.code(person)
        refused({ answer: await client.redeem(client.form(code, sent), { proof: { claims } }) }, 'invalid_dpop_proof')
      }
    },
  },
  'ensure-dpopproof-with-iat-10seconds-before-succeeds': {
    says: 'a proof may be ten seconds old',
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const answer = await client.redeem(client.form(code, sent), { proof: { claims: { iat: client.now - 10 } } })
      assert.equal(answer.status, 200, answer.text)
    },
  },
  'ensure-dpopproof-with-iat-10seconds-after-succeeds': {
    says: 'a proof may be ten seconds ahead',
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const answer = await client.redeem(client.form(code, sent), { proof: { claims: { iat: client.now + 10 } } })
      assert.equal(answer.status, 200, answer.text)
    },
  },
  'ensure-mismatched-dpop-jkt-fails': {
    says: 'a request whose proof is by another key than it names is refused',
    async run({ client }) {
      const other = await aKey('ES256')
      const proof = await client.proof('par', {}, other)
      refused(await client.push({ dpop_jkt: await client.thumbprint() }, { proof }), 'invalid_dpop_proof', 'invalid_request')
    },
  },
  'ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt': {
    says: 'a code that was asked for with one key is not redeemed with another',
    async run({ client, person }) {
      const { sent, code } = await client.code(person, {}, { proof: await client.proof('par') })
      refused({ answer: await client.redeem(client.form(code, sent), { by: await aKey('ES256') }) }, 'invalid_grant', 'invalid_dpop_proof')
    },
  },
  'ensure-token-endpoint-fails-with-mismatched-dpop-jkt': {
    says: 'nor one that names its key',
    async run({ client, person }) {
      const { sent, code } = await client.code(person, { dpop_jkt: await client.thumbprint() })
      refused({ answer: await client.redeem(client.form(code, sent), { by: await aKey('ES256') }) }, 'invalid_grant', 'invalid_dpop_proof')
    },
  },
  'ensure-dpopproof-at-par-endpoint-binding-success': {
    says: 'a code that was asked for with a key is redeemed with it',
    run: async ({ client, person }) => void (await client.signIn(person, {}, { proof: await client.proof('par') })),
  },
  'ensure-dpop-auth-code-binding-success': {
    says: 'so is one that names its key',
    run: async ({ client, person }) => void (await client.signIn(person, { dpop_jkt: await client.thumbprint() })),
  },
  'ensure-different-nonce-inside-and-outside-request-object': {
    says: 'a nonce beside what was pushed does not count',
    async run({ client, person }) {
      const sent = await client.push()
      const code = (await client.response(await client.go(person, sent, { nonce: 'another' }))).get('code')
      const { body } = await client.redeem(client.form(code, sent))
      assert.equal(JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString()).nonce, sent.parameters.get('nonce'))
    },
  },
  'ensure-different-state-inside-and-outside-request-object': {
    says: 'nor does a state', // the response is held to the pushed one
    run: async ({ client, person }) => void (await client.response(await client.go(person, await client.push(), { state: 'another' }))),
  },
  'state-only-outside-request-object-not-used': {
    says: 'also where none was pushed',
    async run({ client, person }) {
      const response = await client.response(await client.go(person, await client.push({ state: undefined }), { state: 'outside' }))
      assert.equal(response.get('state'), null)
    },
  },
  'ensure-authorization-request-with-long-nonce': signsIn({ nonce: longText }, 'a long nonce comes back whole'),
  'ensure-authorization-request-with-long-state': signsIn({ state: longText }, 'a long state comes back whole'),
  'ensure-request-object-without-redirect-uri-fails': pushRefused(
    'a request without redirect_uri is refused',
    { redirect_uri: undefined },
    'invalid_request',
    'invalid_request_object',
  ),
  'ensure-redirect-uri-in-authorization-request': pushRefused('so is it with an empty one', { redirect_uri: '' }, 'invalid_request'),
  'ensure-registered-redirect-uri': pushRefused(
    'an address that is not registered is refused',
    { redirect_uri: `${REDIRECT_URI}/other` },
    'invalid_request',
    'invalid_redirect_uri',
  ),
  'plain-fapi-tolerate-unregistered-redirect-uri': pushRefused(
    'which the profile allows, as it would allow to take it',
    { redirect_uri: 'https://elsewhere.example.test/cb' },
    'invalid_request',
    'invalid_redirect_uri',
  ),
  'ensure-unsigned-authorization-request-without-using-par-fails': {
    says: 'a request that was not pushed is refused',
    async run({ client, person }) {
      const { parameters } = await client.push()
      const query = { ...Object.fromEntries(parameters), client_id: client.party.clientId }
      const ending = await client.visit(person, query, parameters)
      await endsBadly(client, ending)
    },
  },
  'ensure-response-type-code-idtoken-fails': pushRefused(
    'no ID token comes by the browser',
    { response_type: 'code id_token' },
    'unauthorized_client',
    'unsupported_response_type',
    'invalid_request',
  ),
  'ensure-response-type-token-fails': pushRefused(
    'nor does an access token',
    { response_type: 'token' },
    'unauthorized_client',
    'unsupported_response_type',
    'invalid_request',
  ),
  'ensure-client-id-in-token-endpoint': {
    says: 'the id of another client beside the own assertion is refused',
    run: async ({ client, other, person }) =>
      refused(
        { answer: await buys(client, person, { client_id: other.party.clientId }) },
        'invalid_client',
        'invalid_grant',
        'invalid_request',
      ),
  },
  'ensure-holder-of-key-required': {
    says: 'no token is given out without a proof of a key',
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      refused({ answer: await client.redeem(client.form(code, sent), { proof: null }) }, 'invalid_dpop_proof', 'invalid_request')
    },
  },
  'ensure-authorization-code-is-bound-to-client': {
    says: 'a code is of no use to another client',
    async run({ client, other, person }) {
      const { sent, code } = await client.code(person)
      refused({ answer: await other.redeem(other.form(code, sent)) }, 'invalid_grant')
    },
  },
  'attempt-reuse-authorization-code-after-one-second': {
    says: 'a code works once, and coming again it ends what it bought',
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const { body } = await client.redeem(client.form(code, sent))
      client.wait(1)
      refused({ answer: await client.redeem(client.form(code, sent)) }, 'invalid_grant')
      assert.equal((await client.resource(body.access_token)).status, 401)
    },
  },
  'ensure-token-endpoint-fails-with-expired-auth-code': {
    says: 'a code is over after a minute, whatever the provider is set to',
    async run({ client, person }) {
      await client.party.change({ access_code_validity: 'minutes=10' })
      const { sent, code } = await client.code(person)
      client.wait(61)
      refused({ answer: await client.redeem(client.form(code, sent)) }, 'invalid_grant')
    },
  },
  'ensure-signed-client-assertion-with-RS256-fails': {
    says: 'RS256 proves no client',
    async run({ client }) {
      const { server, provider: row } = client.party
      const [metadata] = (await server.admin.get(`/api/v3/signet/oauth2_clients/?provider=${String(row.pk)}`)).body.results
      const { privateKey, jwk } = await aKey('RS256')
      const path = `/api/v3/signet/oauth2_clients/${metadata.pk}/`
      await server.admin.patch(path, { jwks: { keys: [client.key.jwk, jwk] } })
      const wrong = { key: privateKey, header: { alg: 'RS256', kid: jwk.kid } }
      refused(await client.push({}, { assertion: wrong }), 'invalid_client')
      await server.admin.patch(path, { jwks: { keys: [client.key.jwk] } })
    },
  },
  'ensure-client-assertion-in-token-endpoint': {
    says: 'a request for tokens without an assertion is refused',
    run: async ({ client, person }) =>
      refused(
        { answer: await buys(client, person, { client_assertion: undefined, client_assertion_type: undefined }) },
        'invalid_client',
        'invalid_request',
      ),
  },
  'ensure-client-assertion-with-exp-is-5-minutes-in-past-fails': badAssertion('an assertion that is over proves nothing', at(-300, 'exp')),
  'ensure-client-assertion-with-wrong-aud-fails': badAssertion('nor does one for somebody else', () => ({
    claims: { aud: 'https://elsewhere.example.test/' },
  })),
  'ensure-client-assertion-with-no-sub-fails': badAssertion('nor one that names no client', () => ({ claims: { sub: undefined } })),
  'ensure-invalid-client-assertions-fail': {
    says: 'nor any other that is not quite right',
    async run({ client, other }) {
      const wrong: Record<string, Change> = {
        'by another key': { key: other.key.privateKey },
        'by an unknown key': { header: { kid: 'unknown' } },
        'without an end': { claims: { exp: undefined } },
        'without a name': { claims: { jti: undefined } },
        'of another': { claims: { iss: other.party.clientId, sub: other.party.clientId } },
        'about another': { claims: { sub: other.party.clientId } },
        'for nobody': { claims: { aud: undefined } },
        'of the future': { claims: { iat: client.now + 600 } },
      }
      for (const assertion of Object.values(wrong)) refused(await client.push({}, { assertion }), 'invalid_client', 'invalid_request')
      const again = { claims: { jti: `again ${client.now} ${client.party.clientId}` } }
      assert.equal((await client.push({}, { assertion: again })).answer.status, 201)
      refused(await client.push({}, { assertion: again }), 'invalid_client')
    },
  },
  'dpop-negative-tests': {
    says: 'a proof that is not quite right is refused, at the token endpoint and at the resource',
    async run({ client, person, other }) {
      const { access_token: token } = await client.signIn(person)
      const wrong: Record<string, Change> = {
        'for another method': { claims: { htm: 'PUT' } },
        'for another address': { claims: { htu: 'https://elsewhere.example.test/' } },
        'of long ago': { claims: { iat: client.now - 600 } },
        'of the future': { claims: { iat: client.now + 600 } },
        'without a name': { claims: { jti: undefined } },
        'of another type': { header: { typ: 'JWT' } },
        'by another key than it shows': { key: other.dpop.privateKey },
      }
      for (const [what, change] of Object.entries(wrong)) {
        const { sent, code } = await client.code(person)
        refused({ answer: await client.redeem(client.form(code, sent), { proof: change }) }, 'invalid_dpop_proof')
        assert.equal((await client.resource(token, change)).status, 401, what)
      }
      for (const claims of [{ ath: undefined }, { ath: 'another' }]) assert.equal((await client.resource(token, { claims })).status, 401)
      const twice = { claims: { jti: `twice ${client.now}` } }
      assert.equal((await client.resource(token, twice)).status, 200)
      assert.equal((await client.resource(token, twice)).status, 401)
      assert.equal((await client.party.userinfo(token)).status, 401, 'as a bearer token')
    },
  },
  'refresh-token': {
    says: 'a refresh token is kept, and bound to its client',
    async run({ client, other, person }) {
      const { refresh_token: token } = await client.signIn(person, { scope: 'openid offline_access', prompt: 'consent' })
      assert.ok(token)
      const form = { grant_type: 'refresh_token', refresh_token: token as string }
      refused({ answer: await other.redeem(form) }, 'invalid_grant')
      for (let turn = 0; turn < 2; turn++) {
        const { status, body } = await client.redeem(form)
        assert.equal(status, 200)
        assert.equal(body.refresh_token, undefined, 'it is not replaced')
        assert.equal((await client.resource(body.access_token)).status, 200)
      }
    },
  },
  'par-ensure-reused-request-uri-prior-to-auth-completion-succeeds': {
    says: 'a request may be opened again until it is granted',
    async run({ client }) {
      const stranger = await aPerson() // whom the first visit takes to the sign-in page
      const sent = await client.push()
      const path = await client.party.endpoint('authorization')
      const query = new URLSearchParams({ client_id: client.party.clientId, request_uri: sent.answer.body.request_uri })
      assert.match(String((await stranger.browser.get(`${path}?${query.toString()}`)).headers.location), /\/if\/flow\//)
      assert.ok((await client.response(await client.go(stranger, sent))).get('code'))
    },
  },
  'par-attempt-reuse-request_uri': {
    says: 'and not after',
    async run({ client, person }) {
      const sent = await client.push()
      assert.ok((await client.response(await client.go(person, sent))).get('code'))
      await endsBadly(client, await client.go(person, sent))
    },
  },
  'par-attempt-to-use-expired-request_uri': {
    says: 'a request that was pushed is over in less than ten minutes',
    async run({ client, person }) {
      const sent = await client.push()
      assert.ok(sent.answer.body.expires_in > 4 && sent.answer.body.expires_in < 600)
      client.wait(sent.answer.body.expires_in + 1)
      await endsBadly(client, await client.go(person, sent))
    },
  },
  'par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted': {
    says: 'a clock may be eight seconds ahead',
    async run({ client }) {
      const { answer } = await client.push({}, { assertion: at(8, 'iat', 'nbf')(client) })
      assert.equal(answer.status, 201, answer.text)
    },
  },
  'par-ensure-jwt-client-assertions-iat-nbf-over-60-seconds-in-the-future-fails': badAssertion('and not more than a minute', client => ({
    claims: { iat: client.now + 70, nbf: client.now + 70, exp: client.now + 130 },
  })),
  'par-attempt-to-use-request_uri-for-different-client': {
    says: 'a pushed request is of no use to another client',
    async run({ client, other, person }) {
      const sent = await other.push()
      await endsBadly(client, await client.go(person, sent))
    },
  },
  'par-authorization-request-containing-request_uri-form-param': {
    says: 'a pushed request names no other',
    run: async ({ client }) =>
      refused(
        await client.push({}, { outside: { request_uri: 'urn:ietf:params:oauth:request_uri:x' } }),
        'invalid_request',
        'invalid_request_object',
      ),
  },
  'par-attempt-invalid-http-method': {
    says: 'requests are pushed by POST alone',
    async run({ client }) {
      for (const method of ['GET', 'PUT', 'DELETE'])
        assert.equal((await client.party.server.client().request(method, '/application/o/par/')).status, 405, method)
    },
  },
  'par-ensure-pkce-required': pushRefused(
    'a request without a challenge is refused',
    { code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
  ),
  'ensure-pkce-code-verifier-required': {
    says: 'a code is not redeemed without its verifier',
    run: async ({ client, person }) => refused({ answer: await buys(client, person, { code_verifier: undefined }) }, 'invalid_grant'),
  },
  'incorrect-pkce-code-verifier-rejected': {
    says: 'nor with another',
    run: async ({ client, person }) => refused({ answer: await buys(client, person, { code_verifier: 'x'.repeat(43) }) }, 'invalid_grant'),
  },
  'par-plain-pkce-rejected': pushRefused(
    'nor is a challenge taken that shows its verifier',
    { code_challenge_method: 'plain', code_challenge: 'y'.repeat(43) },
    'invalid_request',
  ),
  'par-without-duplicate-parameters': {
    says: 'nothing but the client and the request goes by the browser',
    async run({ client, person }) {
      const sent: Sent = await client.push()
      assert.ok((await client.response(await client.go(person, sent))).get('code'))
    },
  },
  'par-test-array-as-audience-fails': asAudience('par', true),
  'par-test-par-endpoint-url-as-audience-fails': asAudience('par'),
  'par-test-token-endpoint-as-audience-fails': asAudience('token'),
}

const MINUTE = 60

/** What Message Signing adds: requests are signed objects. */
export const MESSAGE_SIGNING: Readonly<Record<string, Module>> = {
  'ensure-request-object-with-multiple-aud-succeeds': {
    says: 'a request may be for others too',
    run: async ({ client, person }) =>
      void (await client.signIn(person, {}, { object: { claims: { aud: [client.party.issuer, 'https://elsewhere.example.test/'] } } })),
  },
  'ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted': {
    says: 'a clock may be eight seconds ahead when it signs a request',
    run: async ({ client, person }) => void (await client.signIn(person, {}, { object: at(8, 'nbf')(client) })),
  },
  'ensure-request-object-without-exp-fails': badObject('a request without an end is refused', () => ({ claims: { exp: undefined } })),
  'ensure-request-object-without-nbf-fails': badObject('so is one without a beginning', () => ({ claims: { nbf: undefined } })),
  'ensure-expired-request-object-fails': badObject('so is one that is over', at(-300, 'exp')),
  'ensure-request-object-with-bad-aud-fails': badObject('so is one for somebody else', () => ({
    claims: { aud: 'https://elsewhere.example.test/' },
  })),
  'ensure-request-object-with-exp-over-60-fails': badObject('so is one that lasts too long', at(70 * MINUTE, 'exp')),
  'ensure-request-object-with-nbf-over-60-fails': badObject('so is one of long ago', client => ({
    claims: { nbf: client.now - 70 * MINUTE, exp: client.now + 60 },
  })),
  'ensure-signed-request-object-with-RS256-fails': badObject('so is one by RS256', rsa),
  'ensure-request-object-signature-algorithm-is-not-none': {
    says: 'so is one that nobody signed',
    async run({ client }) {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const [, payload] = (await client.object({ response_type: 'code', redirect_uri: REDIRECT_URI })).split('.')
      const request = `${part({ alg: 'none', typ: 'oauth-authz-req+jwt' })}.${payload}.`
      refused(await client.push({}, { outside: { request } }), 'invalid_request_object', 'invalid_request', 'request_not_supported')
    },
  },
  'ensure-request-object-with-invalid-signature-fails': badObject('so is one whose signature is wrong', async () => ({
    key: (await generateKeyPair('ES256')).privateKey,
  })),
  'ensure-matching-key-in-authorization-request': {
    says: 'so is one by the key of another client',
    run: async ({ client, other }) =>
      refused(
        await client.push({}, { object: { key: other.key.privateKey, header: { kid: other.key.jwk.kid } } }),
        'invalid_request_object',
        'invalid_request',
      ),
  },
  'ensure-unsigned-request-at-par-endpoint-fails': {
    says: 'so is one that is not signed at all',
    run: async ({ client }) => refused(await client.push({}, { plain: true }), 'invalid_request', 'invalid_request_object'),
  },
  'par-authorization-request-containing-request_uri': {
    says: 'a signed request names no other',
    run: async ({ client }) =>
      refused(
        await client.push({}, { object: { claims: { request_uri: 'urn:ietf:params:oauth:request_uri:x' } } }),
        'invalid_request_object',
        'invalid_request',
      ),
  },
}
