/** Assertions by which a client proves itself. */
import assert from 'node:assert/strict'
import { at, badAssertion, buys, byAssertion, asAudience, type FapiModule } from './fapi-module.ts'
import { keyOf } from './fapi-keys.ts'
import { refused, type Change } from './fapi.ts'

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
