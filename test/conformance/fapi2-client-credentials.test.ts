// once: fapi2-security-profile.test.ts stores the same on both databases
/** `fapi2-security-profile-final-test-plan` with `fapi_profile=fapi_client_credentials_grant`: clients without people, and the modules that know no authorization request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provider, type Asked } from './driver.ts'
import { wrongAssertions } from './fapi-assertions.ts'
import { keyOf } from './fapi-keys.ts'
import { at } from './fapi-module.ts'
import { said } from './fapi-profile.ts'
import { aFapiClient } from './fapi-registered.ts'
import { refused, type Change, type FapiClient, type Variant } from './fapi.ts'

type Trial = { client: FapiClient; other: FapiClient }
type Module = { says: string; where?: (variant: Variant) => boolean; run: (trial: Trial) => Promise<void> }

const byAssertion = ({ auth }: Variant): boolean => auth === 'private_key_jwt'
const byProof = ({ bound }: Variant): boolean => bound === 'dpop'
const ask = (client: FapiClient, more: Asked = {}, options: Parameters<FapiClient['redeem']>[1] = {}) =>
  client.redeem({ grant_type: 'client_credentials', scope: client.scope, ...more }, options)

/** Tokens, in an answer that is as it must be. */
async function tokens(client: FapiClient, options: Parameters<FapiClient['redeem']>[1] = {}): Promise<string> {
  const answer = await client.accepted(await ask(client, {}, options))
  assert.ok(!('refresh_token' in answer)) // RFC 6749 §4.4.3
  return answer.access_token
}

/** An assertion that is wrong. */
const badAssertion = (says: string, change: (client: FapiClient) => Change): Module => ({
  says,
  where: byAssertion,
  run: async ({ client }) => refused({ answer: await ask(client, {}, { assertion: change(client) }) }, 'invalid_client'),
})

const aged = (seconds: number): Module => ({
  says: 'a clock may differ by ten seconds',
  where: byProof,
  run: async ({ client }) => void (await tokens(client, { proof: { claims: { iat: client.now + seconds } } })),
})

const MODULES: Readonly<Record<string, Module>> = {
  'discovery-end-point-verification': {
    says: 'the grant is offered',
    run: async ({ client }) =>
      assert.ok(((await client.party.metadata()).grant_types_supported as string[]).includes('client_credentials')),
  },
  'happy-flow': {
    says: 'each client gets tokens, which are of no use to the other',
    async run({ client, other }) {
      const [token, theirs] = [await tokens(client), await tokens(other)]
      for (const [party, own] of [
        [client, token],
        [other, theirs],
      ] as const)
        assert.equal((await party.resource(own)).status, 200)
      const stolen = await other.resource(theirs, {}, { by: client.dpop, certificate: client.certificate })
      assert.equal(stolen.status, 401)
      const inQuery = await client.resource(token, {}, { query: `?access_token=${token}`, headers: { authorization: undefined } })
      assert.equal(inQuery.status, 401)
    },
  },
  'access-token-type-header-case-sensitivity': {
    says: 'the scheme of a token may be written in any case',
    async run({ client }) {
      const token = await tokens(client)
      for (const scheme of byProof(client.variant) ? ['dpop', 'DPOP'] : ['bearer', 'BEARER'])
        assert.equal((await client.resource(token, {}, { scheme })).status, 200, scheme)
    },
  },
  'check-dpop-proof-nbf-exp': {
    says: 'a proof may say when it is good',
    where: byProof,
    run: async ({ client }) => void (await tokens(client, { proof: { claims: { nbf: client.now, exp: client.now + 300 } } })),
  },
  'ensure-dpopproof-with-iat-10seconds-before-succeeds': aged(-10),
  'ensure-dpopproof-with-iat-10seconds-after-succeeds': aged(10),
  'ensure-client-id-in-token-endpoint': {
    says: 'the id of another client beside the own proof is refused',
    run: async ({ client, other }) =>
      refused({ answer: await ask(client, { client_id: other.party.clientId }) }, 'invalid_client', 'invalid_grant'),
  },
  'ensure-holder-of-key-required': {
    says: 'no token is given out without a proof of what it will be bound to',
    async run({ client }) {
      const errors = byProof(client.variant)
        ? ['invalid_request', 'invalid_grant', 'invalid_dpop_proof']
        : ['invalid_client', 'invalid_request', ...(byAssertion(client.variant) ? ['invalid_grant'] : [])]
      refused({ answer: await ask(client, {}, { proof: null }) }, ...errors)
    },
  },
  'ensure-signed-client-assertion-with-RS256-fails': {
    says: 'RS256 proves no client',
    where: byAssertion,
    async run({ client }) {
      const { privateKey } = await keyOf('RS256', 'stranger')
      refused({ answer: await ask(client, {}, { assertion: { key: privateKey, header: { alg: 'RS256' } } }) }, 'invalid_client')
    },
  },
  'ensure-client-assertion-in-token-endpoint': {
    says: 'an id alone proves nothing',
    where: byAssertion,
    async run({ client }) {
      const { party } = client
      const form = { grant_type: 'client_credentials', scope: client.scope }
      const answer = await party.token(form, { basic: false, headers: { dpop: await client.proof('token') } })
      refused({ answer }, 'invalid_client', 'invalid_request')
    },
  },
  'ensure-invalid-client-assertions-fail': {
    says: 'no assertion proves the client that is not quite right',
    where: byAssertion,
    async run({ client, other }) {
      for (const [what, { assertion, form }] of Object.entries(await wrongAssertions(client, other))) {
        const answer = await ask(client, form, assertion && { assertion })
        assert.ok(answer.status >= 400, what)
        refused({ answer }, 'invalid_client', 'invalid_request')
      }
      await tokens(client, { assertion: at(8, 'iat', 'nbf')(client) })
      await tokens(client)
    },
  },
  'ensure-client-assertion-with-exp-is-5-minutes-in-past-fails': badAssertion('an assertion that is over proves nothing', client => ({
    claims: { exp: client.now - 300 },
  })),
  'ensure-client-assertion-with-wrong-aud-fails': badAssertion('nor does one for somebody else', () => ({
    claims: { aud: 'https://elsewhere.example.test/' },
  })),
  'ensure-client-assertion-with-no-sub-fails': badAssertion('nor one that names no client', () => ({ claims: { sub: undefined } })),
  'dpop-negative-tests': {
    says: 'a proof that is not quite right is refused',
    where: byProof,
    async run({ client }) {
      const token = await tokens(client)
      const wrong: Change[] = [
        { claims: { htm: 'PUT' } },
        { claims: { htu: 'https://elsewhere.example.test/' } },
        { claims: { iat: client.now - 3600 } },
        { claims: { jti: undefined } },
        { header: { typ: 'JWT' } },
        { key: (await keyOf(client.variant.alg, 'stranger')).privateKey },
      ]
      for (const proof of wrong) {
        refused({ answer: await ask(client, {}, { proof }) }, 'invalid_dpop_proof')
        assert.equal((await client.resource(token, proof)).status, 401)
      }
      assert.equal((await client.resource(token, { claims: { ath: undefined } })).status, 401)
      assert.equal((await client.resource(token)).status, 200)
    },
  },
}

const variants: Variant[] = [
  { auth: 'private_key_jwt', bound: 'dpop', openid: false, alg: 'ES256' },
  { auth: 'private_key_jwt', bound: 'mtls', openid: false, alg: 'PS256' },
  { auth: 'self_signed_tls_client_auth', bound: 'mtls', openid: false, alg: 'EdDSA' },
  { auth: 'tls_client_auth', bound: 'dpop', openid: false, alg: 'EdDSA' },
]

for (const variant of variants) {
  let clients: Promise<[FapiClient, FapiClient]> | undefined
  for (const [name, { says, where, run }] of Object.entries(MODULES)) {
    if (where && !where(variant)) continue
    void test(`fapi2-security-profile-final-${name}: ${says} (client credentials, ${said(variant)})`, async () => {
      const { server } = await provider()
      server.clock.reset()
      const [client, other] = await (clients ??= Promise.all([aFapiClient(variant), aFapiClient(variant, 'second')]))
      await run({ client, other })
    })
  }
}
