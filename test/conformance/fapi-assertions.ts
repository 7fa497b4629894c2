/** Assertions by which a client proves itself. */
import assert from 'node:assert/strict'
import { decodeJwt, exportJWK, importJWK, UnsecuredJWT, type CryptoKey } from 'jose'
import type { Row } from '../../src/api/model.ts'
import type { Asked } from './driver.ts'
import { at, badAssertion, buys, byAssertion, asAudience, type FapiModule } from './fapi-module.ts'
import { keyOf } from './fapi-keys.ts'
import { refused, type Change, type FapiClient } from './fapi.ts'

/** What proves no client: an assertion that is wrong, or one that is sent in a wrong way. */
type Wrong = { assertion?: Change; form?: Asked }

/** All that can be wrong with an assertion, RFC 7523 §3 and FAPI 2.0 Security Profile §5.3.2.1. */
export async function wrongAssertions(client: FapiClient, other: FapiClient): Promise<Record<string, Wrong>> {
  const { clientId, issuer } = client.party
  const good = await client.assertion()
  const claims = decodeJwt(await client.assertion())
  const wrong: Record<string, Wrong> = {
    none: { form: { client_id: clientId, client_assertion: undefined, client_assertion_type: undefined } },
    'of no type': { form: { client_id: clientId, client_assertion_type: undefined } },
    'of another type': { form: { client_id: clientId, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:another' } },
    'that nobody signed': { form: { client_assertion: new UnsecuredJWT(claims).encode() } },
    'with another signature': { form: { client_assertion: `${good.slice(0, -8)}AAAAAAAA` } },
    'by another key': { assertion: { key: other.key.privateKey } },
    'by an unknown key': { assertion: { header: { kid: 'unknown' } } },
  }
  const wrongClaims: Record<string, Row> = {
    'without an end': { exp: undefined },
    'without a name': { jti: undefined },
    'of nobody': { iss: undefined },
    'of a stranger': { iss: 'a stranger' },
    'of another': { iss: other.party.clientId, sub: other.party.clientId },
    'about nobody': { sub: undefined },
    'about another': { sub: other.party.clientId },
    'for nobody': { aud: undefined },
    'for somebody else': { aud: 'https://elsewhere.example.test/' },
    'for an endpoint': { aud: 'https://id.example.test/application/o/token/' },
    'for a list': { aud: [issuer, 'https://elsewhere.example.test/'] },
    'for a list of one': { aud: [issuer] },
    'that is over': { exp: client.now - 300 },
    'of the future': { iat: client.now + 600 },
    'good from later on': { iat: client.now + 70, nbf: client.now + 70, exp: client.now + 130 },
  }
  for (const [what, claims] of Object.entries(wrongClaims)) wrong[what] = { assertion: { claims } }
  // Not even RS256 by the very key of the client.
  if (client.variant.alg === 'PS256') {
    const key = (await importJWK(await exportJWK(client.key.privateKey), 'RS256')) as CryptoKey
    wrong['by another algorithm of the same key'] = { assertion: { key, header: { alg: 'RS256' } } }
  }
  return wrong
}

export const ASSERTIONS: Readonly<Record<string, FapiModule>> = {
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
      for (const [what, { assertion, form }] of Object.entries(await wrongAssertions(client, other))) {
        const pushed = await client.push({}, { ...(assertion && { assertion }), ...(form && { outside: form }) })
        assert.ok(pushed.answer.status >= 400, what)
        refused(pushed, 'invalid_client', 'invalid_request')
      }
      const again = { claims: { jti: `again ${client.now} ${client.party.clientId}` } }
      assert.equal((await client.push({}, { assertion: again })).answer.status, 201)
      refused(await client.push({}, { assertion: again }), 'invalid_client')
      assert.equal((await client.push({}, { assertion: at(8, 'iat', 'nbf')(client) })).answer.status, 201)
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
  'par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails': badAssertion('and not more than a minute', client => ({
    claims: { iat: client.now + 70, nbf: client.now + 70, exp: client.now + 130 },
  })),
  'par-test-array-as-audience-fails': asAudience('par', true),
  'par-test-par-endpoint-url-as-audience-fails': asAudience('par'),
  'par-test-token-endpoint-as-audience-fails': asAudience('token'),
}
