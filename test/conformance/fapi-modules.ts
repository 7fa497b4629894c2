/** The modules of the FAPI 2.0 plans, by their official names, for the profile `plain_fapi`. */
import assert from 'node:assert/strict'
import type { Answer } from '../harness.ts'
import { aPerson, CLAIMS, REDIRECT_URI, soundError, type Person } from './driver.ts'
import { proofTests } from './fapi-proofs.ts'
import { keyOf, refused, type Change, type FapiClient, type Sent, type Variant } from './fapi.ts'

export type Trial = { client: FapiClient; other: FapiClient; person: Person }
export type FapiModule = {
  says: string
  /** Variants that it is for; undefined: all. */
  where?: (variant: Variant) => boolean
  run: (trial: Trial) => Promise<void>
}

const byProof = ({ bound }: Variant): boolean => bound === 'dpop'
const byAssertion = ({ auth }: Variant): boolean => auth === 'private_key_jwt'
const withOpenId = ({ openid }: Variant): boolean => openid
const whereSigned = ({ signed }: Variant): boolean => signed === true

/** The person sees a page, and the client nothing, or an error. */
async function endsBadly(client: FapiClient, ending: Awaited<ReturnType<FapiClient['go']>>, ...errors: string[]): Promise<void> {
  if (!ending.callback) return assert.ok(ending.page!.status >= 400)
  const error = (await client.response(ending)).get('error')
  assert.ok(error !== null && (errors.length === 0 || errors.includes(error)), String(error))
}

const signsIn = (params: Record<string, string | undefined>, says: string, where?: FapiModule['where']): FapiModule => ({
  says,
  ...(where && { where }),
  run: async ({ client, person }) => void (await client.signIn(person, params)),
})

/** A push whose assertion is wrong. */
const badAssertion = (says: string, change: (client: FapiClient) => Promise<Change> | Change): FapiModule => ({
  says,
  where: byAssertion,
  run: async ({ client }) => refused(await client.push({}, { assertion: await change(client) }), 'invalid_client'),
})

/** A push whose request object is wrong. */
const badObject = (says: string, change: (client: FapiClient) => Promise<Change> | Change): FapiModule => ({
  says,
  where: whereSigned,
  run: async ({ client }) =>
    refused(await client.push({}, { object: await change(client) }), 'invalid_request_object', 'invalid_request', 'request_not_supported'),
})

const pushRefused = (says: string, params: Record<string, string | undefined>, ...errors: string[]): FapiModule => ({
  says,
  run: async ({ client }) => refused(await client.push(params), ...errors),
})

const at =
  (seconds: number, ...names: string[]) =>
  (client: FapiClient): Change => ({
    claims: Object.fromEntries(names.map(name => [name, client.now + seconds])),
  })

const rsa = async (): Promise<Change> => ({ key: (await keyOf('RS256', 'stranger')).privateKey, header: { alg: 'RS256' } })

/** Tokens for a code, with another form than is right. */
async function buys(client: FapiClient, person: Person, more: Record<string, string | undefined>): Promise<Answer> {
  const { sent, code } = await client.code(person)
  return client.redeem(client.form(code, sent, more))
}

const asAudience = (endpoint: string, list = false): FapiModule =>
  badAssertion(`an assertion for ${list ? 'a list of addresses' : `the ${endpoint} endpoint`} proves nothing`, ({ party }) => {
    const address = `https://id.example.test/application/o/${endpoint}/`
    return { claims: { aud: list ? [address, party.issuer] : address } }
  })

const longText = 'a'.repeat(384)

export const SECURITY_PROFILE: Readonly<Record<string, FapiModule>> = {
  'discovery-end-point-verification': {
    says: 'the metadata say what the profile wants',
    async run({ client }) {
      const { variant, party } = client
      const metadata = await party.metadata()
      const plain = `/.well-known/oauth-authorization-server/application/o/${party.slug}/` // RFC 8414 §3.1, for `plain_oauth`
      assert.deepEqual((await party.server.client().get(plain)).body, metadata)
      assert.equal(metadata.issuer, party.issuer)
      assert.equal(metadata.require_pushed_authorization_requests, true)
      assert.equal(metadata.authorization_response_iss_parameter_supported, true)
      assert.equal(metadata.tls_client_certificate_bound_access_tokens, true)
      assert.equal(metadata.require_signed_request_object, variant.signed === true)
      assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
      assert.deepEqual(metadata.response_types_supported, ['code'])
      assert.deepEqual(metadata.token_endpoint_auth_methods_supported, [variant.auth])
      for (const name of ['id_token', 'authorization'])
        assert.deepEqual(metadata[`${name}_signing_alg_values_supported`], [variant.alg], name)
      const allowed = ['PS256', 'ES256', 'EdDSA']
      const lists = ['dpop', ...(byAssertion(variant) ? ['token_endpoint_auth'] : []), 'request_object']
      for (const name of lists)
        assert.deepEqual((metadata[`${name}_signing_alg_values_supported`] as string[]).toSorted(), allowed.toSorted(), name)
      const sealed = { alg: ['RSA-OAEP-256'], enc: ['A256GCM'] }
      for (const [name, values] of Object.entries(sealed))
        assert.deepEqual(
          metadata[`authorization_encryption_${name}_values_supported`],
          variant.jarm === 'encrypted' ? values : undefined,
          name,
        )
      assert.ok((metadata.response_modes_supported as string[]).includes('jwt'))
      for (const scope of client.scope.split(' ')) assert.ok((metadata.scopes_supported as string[]).includes(scope), scope)
      for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'pushed_authorization_request_endpoint'])
        assert.match(String(metadata[name]), /^https:/)
    },
  },
  'happy-flow': {
    says: 'somebody signs in to two clients, everything that they are given fits together, and the token of one is of no use to the other',
    async run({ client, other, person }) {
      const { openid, bound } = client.variant
      const { access_token: token, claims } = await client.signIn(person)
      const usual = ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'azp', 'at_hash', 's_hash']
      if (openid) for (const name of Object.keys(claims as object)) assert.ok(usual.includes(name), `nobody asked for ${name}`)
      for (const accept of ['application/json; charset=utf-8, application/json', 'application/json, */*'])
        assert.equal((await client.resource(token, {}, { headers: { accept } })).status, 200, accept)
      assert.ok((await client.resource(token)).headers.date)
      const inQuery = await client.resource(token, {}, { query: `?access_token=${token}`, headers: { authorization: '' } })
      assert.ok(inQuery.status >= 400 && inQuery.status < 500, 'a token in an address is not read')
      const params = { state: 's'.repeat(128), ...(openid && { nonce: 'n'.repeat(43) }) }
      const jkt = bound === 'dpop' ? { dpop_jkt: await other.thumbprint() } : {}
      const second = await other.signIn(person, { ...params, ...jkt })
      const stolen = await other.resource(second.access_token, {}, { by: client.dpop, certificate: client.certificate })
      assert.equal(stolen.status, 401)
    },
  },
  'user-rejects-authentication': {
    says: 'whoever says no is taken back to the client, which hears of it',
    async run({ client, other, person }) {
      person.declines = true
      for (const party of [client, other]) {
        const sent = await party.push({ prompt: 'consent', state: 's'.repeat(128) })
        const ending = await party.go(person, sent)
        assert.deepEqual(ending.asked, ['consent'])
        const response = await party.response(ending)
        assert.equal(response.get('error'), 'access_denied')
        assert.equal(response.get('code'), null)
        soundError(response.get('error'), response.get('error_description'))
      }
      const stranger = await aPerson()
      const sent = await client.push()
      const path = await client.party.endpoint('authorization')
      const query = new URLSearchParams({ client_id: client.party.clientId, request_uri: sent.answer.body.request_uri })
      const { location } = (await stranger.browser.get(`${path}?${query.toString()}`)).headers
      const { leave } = await stranger.asking(new URL(String(location), 'https://id.example.test'))
      const left = await stranger.follow(await stranger.browser.get(leave), sent.parameters)
      assert.equal((await client.response(left)).get('error'), 'access_denied', 'also from the sign-in page')
    },
  },
  'ensure-authorization-request-without-state-success': signsIn({ state: undefined }, 'a request needs no state'),
  'ensure-authorization-request-without-nonce-success': signsIn({ nonce: undefined }, 'a request for a code needs no nonce', withOpenId),
  'ensure-authorization-request-with-64-char-nonce-success': signsIn(
    { nonce: 'n'.repeat(64) },
    'a nonce may have 64 characters',
    withOpenId,
  ),
  'ensure-other-scope-order-succeeds': {
    says: 'scopes may come in any order',
    run: async ({ client, person }) => void (await client.signIn(person, { scope: client.scope.split(' ').toReversed().join(' ') })),
  },
  'test-claims-parameter-identity-claims': {
    says: 'claims that are asked for by name come where they were asked for, however they are asked for, and no others',
    where: withOpenId,
    async run({ client, person }) {
      const supported = (await client.party.metadata()).claims_supported as string[]
      const standard = Object.values(CLAIMS).flat()
      for (const name of standard) assert.ok(supported.includes(name), name)
      const ways = [null, {}, { essential: true }, { essential: false }]
      const asked = Object.fromEntries(standard.map((name, index) => [name, ways[index % ways.length]]))
      const unknown = { unheard_of: null, 'https://claims.example.test/none': { essential: true } }
      const claims = JSON.stringify({ userinfo: { ...asked, ...unknown }, id_token: { ...asked, ...unknown }, elsewhere: { name: null } })
      const tokens = await client.signIn(person, { claims, scope: 'openid' })
      const told = (await client.resource(tokens.access_token)).body as Record<string, unknown>
      const idToken = tokens.claims as Record<string, unknown>
      for (const name of standard) assert.ok(told[name] !== undefined && idToken[name] !== undefined, name)
      assert.equal(told.sub, idToken.sub)
      for (const name of Object.keys(told)) assert.ok([...standard, 'sub'].includes(name), `${name} is not known`)
      const own = ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'at_hash']
      for (const name of Object.keys(idToken)) assert.ok([...standard, ...own].includes(name), `${name} is not known`)
    },
  },
  'access-token-type-header-case-sensitivity': {
    says: 'the scheme of a token may be written in any case',
    async run({ client, person }) {
      const { access_token: token } = await client.signIn(person)
      const schemes = client.variant.bound === 'dpop' ? ['dpop', 'DPOP', 'dPoP'] : ['bearer', 'BEARER', 'bEaReR']
      for (const scheme of schemes) assert.equal((await client.resource(token, {}, { scheme })).status, 200, scheme)
    },
  },
  'check-dpop-proof-nbf-exp': {
    says: 'a proof may say when it is good; one that is over or not yet good is of no use',
    where: byProof,
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const good = { claims: { nbf: client.now, exp: client.now + 300 } }
      const { access_token: token } = await client.accepted(
        await client.redeem(client.form(code, sent), { proof: good }),
        sent.parameters.get('nonce'),
      )
      assert.equal((await client.resource(token, good)).status, 200)
      for (const claims of [{ exp: client.now - 120 }, { nbf: client.now + 600 }]) {
        const { sent, code } = await client.code(person)
        refused({ answer: await client.redeem(client.form(code, sent), { proof: { claims } }) }, 'invalid_dpop_proof')
        assert.equal((await client.resource(token, { claims })).status, 401)
      }
    },
  },
  'ensure-dpopproof-with-iat-10seconds-before-succeeds': {
    says: 'a proof may be ten seconds old',
    where: byProof,
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const answer = await client.redeem(client.form(code, sent), { proof: { claims: { iat: client.now - 10 } } })
      assert.equal(answer.status, 200, answer.text)
    },
  },
  'ensure-dpopproof-with-iat-10seconds-after-succeeds': {
    says: 'a proof may be ten seconds ahead',
    where: byProof,
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const answer = await client.redeem(client.form(code, sent), { proof: { claims: { iat: client.now + 10 } } })
      assert.equal(answer.status, 200, answer.text)
    },
  },
  'ensure-mismatched-dpop-jkt-fails': {
    says: 'a request whose proof is by another key than it names is refused',
    where: byProof,
    async run({ client }) {
      const other = await keyOf(client.variant.alg, 'stranger')
      const proof = await client.proof('par', {}, other)
      refused(await client.push({ dpop_jkt: await client.thumbprint() }, { proof }), 'invalid_dpop_proof', 'invalid_request')
    },
  },
  'ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt': {
    says: 'a code that was asked for with one key is not redeemed with another',
    where: byProof,
    async run({ client, person }) {
      const { sent, code } = await client.code(person, {}, { proof: await client.proof('par') })
      refused(
        { answer: await client.redeem(client.form(code, sent), { by: await keyOf(client.variant.alg, 'stranger') }) },
        'invalid_grant',
        'invalid_dpop_proof',
      )
    },
  },
  'ensure-token-endpoint-fails-with-mismatched-dpop-jkt': {
    says: 'nor one that names its key',
    where: byProof,
    async run({ client, person }) {
      const { sent, code } = await client.code(person, { dpop_jkt: await client.thumbprint() })
      refused(
        { answer: await client.redeem(client.form(code, sent), { by: await keyOf(client.variant.alg, 'stranger') }) },
        'invalid_grant',
        'invalid_dpop_proof',
      )
    },
  },
  'ensure-dpopproof-at-par-endpoint-binding-success': {
    says: 'a code that was asked for with a key is redeemed with it',
    where: byProof,
    run: async ({ client, person }) => void (await client.signIn(person, {}, { proof: await client.proof('par') })),
  },
  'ensure-dpop-auth-code-binding-success': {
    says: 'so is one that names its key',
    where: byProof,
    run: async ({ client, person }) => void (await client.signIn(person, { dpop_jkt: await client.thumbprint() })),
  },
  'ensure-different-nonce-inside-and-outside-request-object': {
    says: 'a nonce beside what was pushed does not count',
    where: withOpenId,
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
  'ensure-authorization-request-with-long-nonce': signsIn({ nonce: longText }, 'a long nonce comes back whole', withOpenId),
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
    says: 'the id of another client beside the own proof is refused',
    run: async ({ client, other, person }) =>
      refused({ answer: await buys(client, person, { client_id: other.party.clientId }) }, 'invalid_client', 'invalid_grant'),
  },
  'ensure-holder-of-key-required': {
    says: 'no token is given out without a proof of a key',
    async run({ client, person }) {
      const { sent, code } = await client.code(person)
      const errors = client.variant.bound === 'dpop' ? ['invalid_dpop_proof', 'invalid_request', 'invalid_grant'] : []
      const others = client.variant.auth === 'private_key_jwt' ? ['invalid_grant'] : []
      refused(
        { answer: await client.redeem(client.form(code, sent), { proof: null }) },
        ...(errors.length > 0 ? errors : ['invalid_client', 'invalid_request', ...others]),
      )
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
    where: byAssertion,
    async run({ client }) {
      const { server, provider: row } = client.party
      const [metadata] = (await server.admin.get(`/api/v3/signet/oauth2_clients/?provider=${String(row.pk)}`)).body.results
      const { privateKey, jwk } = await keyOf('RS256', 'client')
      const path = `/api/v3/signet/oauth2_clients/${metadata.pk}/`
      const { keys } = metadata.jwks
      await server.admin.patch(path, { jwks: { keys: [...keys, jwk] } })
      const wrong = { key: privateKey, header: { alg: 'RS256', kid: jwk.kid } }
      refused(await client.push({}, { assertion: wrong }), 'invalid_client')
      await server.admin.patch(path, { jwks: { keys } })
    },
  },
  'ensure-client-assertion-in-token-endpoint': {
    says: 'a request for tokens without an assertion is refused',
    where: byAssertion,
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
    where: byAssertion,
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
    says: 'a proof that is not quite right is refused, at the token endpoint and at the resource; one that is only written otherwise is not',
    where: byProof,
    run: proofTests,
  },
  'refresh-token': {
    says: 'a refresh token is kept, bound to its client, and of no use without a proof of what its tokens are bound to',
    async run({ client, other, person }) {
      const params = (party: FapiClient) => ({ scope: `${party.scope} offline_access`, prompt: 'consent' })
      const mine = await client.signIn(person, params(client))
      assert.ok(((await client.party.metadata()).grant_types_supported as string[]).includes('refresh_token'))
      assert.match(String(mine.refresh_token), /^[\u0020-\u007e]{22,}$/)
      const form = { grant_type: 'refresh_token', refresh_token: mine.refresh_token as string }
      for (let turn = 0; turn < 2; turn++) {
        client.wait(1)
        const by = await keyOf(client.variant.alg, 'stranger') // a confidential client may prove another key each time
        const scope = turn === 0 ? { scope: params(client).scope } : {}
        const again = await client.accepted(await client.redeem({ ...form, ...scope }, { by }))
        assert.equal(again.refresh_token, undefined, 'it is not replaced')
        assert.notEqual(again.access_token, mine.access_token)
        assert.equal((await client.resource(again.access_token, {}, { by })).status, 200)
        if (!client.variant.openid) continue
        const [first, second] = [mine.claims, again.claims] as Record<string, unknown>[]
        for (const name of ['iss', 'sub', 'aud', 'auth_time', 'acr']) assert.deepEqual(second![name], first![name], name) // OIDC Core §12.2
        assert.ok(Number(second!.iat) > Number(first!.iat))
      }
      const bare = await client.redeem(form, { proof: null })
      refused({ answer: bare }, 'invalid_request', 'invalid_grant', 'invalid_client')
      const theirs = await other.signIn(person, params(other))
      assert.equal((await client.resource(theirs.access_token)).status, 401, 'nor is an access token of use to another')
      refused({ answer: await client.redeem({ ...form, refresh_token: theirs.refresh_token as string }) }, 'invalid_grant')
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
      await endsBadly(client, await client.go(person, sent), 'invalid_request_uri')
    },
  },
  'par-attempt-to-use-expired-request_uri': {
    says: 'a request that was pushed is over in less than ten minutes',
    async run({ client, person }) {
      const sent = await client.push()
      assert.ok(sent.answer.body.expires_in > 4 && sent.answer.body.expires_in < 600)
      client.wait(sent.answer.body.expires_in + 1)
      await endsBadly(client, await client.go(person, sent), 'invalid_request_uri')
    },
  },
  'par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted': {
    says: 'a clock may be eight seconds ahead',
    where: byAssertion,
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
export const MESSAGE_SIGNING: Readonly<Record<string, FapiModule>> = {
  'ensure-request-object-with-multiple-aud-succeeds': {
    says: 'a request may be for others too',
    where: whereSigned,
    run: async ({ client, person }) =>
      void (await client.signIn(person, {}, { object: { claims: { aud: [client.party.issuer, 'https://elsewhere.example.test/'] } } })),
  },
  'ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted': {
    says: 'a clock may be eight seconds ahead when it signs a request',
    where: whereSigned,
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
    where: whereSigned,
    async run({ client }) {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const [, payload] = (await client.object({ response_type: 'code', redirect_uri: REDIRECT_URI })).split('.')
      const request = `${part({ alg: 'none', typ: 'oauth-authz-req+jwt' })}.${payload}.`
      refused(await client.push({}, { outside: { request } }), 'invalid_request_object', 'invalid_request', 'request_not_supported')
    },
  },
  'ensure-request-object-with-invalid-signature-fails': badObject('so is one whose signature is wrong', async () => ({
    key: (await keyOf('ES256', 'stranger')).privateKey,
    header: { alg: 'ES256' },
  })),
  'ensure-matching-key-in-authorization-request': {
    says: 'so is one by the key of another client',
    where: whereSigned,
    run: async ({ client, other }) =>
      refused(
        await client.push({}, { object: { key: other.key.privateKey, header: { kid: other.key.jwk.kid } } }),
        'invalid_request_object',
        'invalid_request',
      ),
  },
  'ensure-unsigned-request-at-par-endpoint-fails': {
    says: 'so is one that is not signed at all',
    where: whereSigned,
    run: async ({ client }) => refused(await client.push({}, { plain: true }), 'invalid_request', 'invalid_request_object'),
  },
  'par-authorization-request-containing-request_uri': {
    says: 'a signed request names no other',
    where: whereSigned,
    run: async ({ client }) =>
      refused(
        await client.push({}, { object: { claims: { request_uri: 'urn:ietf:params:oauth:request_uri:x' } } }),
        'invalid_request_object',
        'invalid_request',
      ),
  },
}
