/** What somebody signs in by, and what a request may say. */
import assert from 'node:assert/strict'
import { aPerson, CLAIMS, REDIRECT_URI, soundError } from './driver.ts'
import { endsBadly, pushRefused, signsIn, withOpenId, type FapiModule } from './fapi-module.ts'

const longText = 'a1B2'.repeat(250)

export const SIGN_IN: Readonly<Record<string, FapiModule>> = {
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
      const inQuery = await client.resource(token, {}, { query: `?access_token=${token}`, headers: { authorization: undefined } })
      assert.ok([400, 401].includes(inQuery.status), 'a token in an address is not read')
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
    'invalid_request_object',
  ),
  'plain-fapi-tolerate-unregistered-redirect-uri': pushRefused(
    'which the profile allows, as it would allow to take it',
    { redirect_uri: 'https://elsewhere.example.test/cb' },
    'invalid_request',
    'invalid_request_object',
  ),
  'ensure-unsigned-authorization-request-without-using-par-fails': {
    says: 'a request that was not pushed is refused',
    async run({ client, person }) {
      const { parameters } = await client.push()
      const query = { ...Object.fromEntries(parameters), client_id: client.party.clientId }
      const ending = await client.visit(person, query, parameters)
      await endsBadly(client, ending, 'invalid_request')
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
}
