/** What Message Signing adds: requests are signed objects. */
import { REDIRECT_URI } from './driver.ts'
import { at, badObject, rsa, whereSigned, type FapiModule } from './fapi-module.ts'
import { keyOf } from './fapi-keys.ts'
import { refused } from './fapi.ts'

const MINUTE = 60

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
      refused(await client.push({}, { outside: { request } }), 'invalid_request_object')
    },
  },
  'ensure-request-object-with-invalid-signature-fails': badObject('so is one whose signature is wrong', async client => ({
    key: (await keyOf(client.variant.alg, 'stranger')).privateKey,
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
    run: async ({ client }) => refused(await client.push({}, { plain: true }), 'invalid_request'),
  },
  'par-authorization-request-containing-request_uri': {
    says: 'a signed request names no other',
    where: whereSigned,
    run: async ({ client }) =>
      refused(
        await client.push({}, { object: { claims: { request_uri: 'urn:ietf:params:oauth:request_uri:x' } } }),
        'invalid_request_object',
      ),
  },
}
