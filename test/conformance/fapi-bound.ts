/** What tokens and codes are bound to: keys, certificates, clients. */
import assert from 'node:assert/strict'
import { at, buys, byAssertion, byProof, type FapiModule } from './fapi-module.ts'
import { proofTests } from './fapi-proofs.ts'
import { keyOf } from './fapi-keys.ts'
import { refused, type FapiClient } from './fapi.ts'

/** Proofs of another time than now, wherever one is shown. */
const aged = (says: string, seconds: number): FapiModule => ({
  says,
  where: byProof,
  async run({ client, person }) {
    const proof = at(seconds, 'iat')(client)
    const { sent, code } = await client.code(person, {}, { proof: await client.proof('par', proof) })
    const { access_token: token } = await client.accepted(
      await client.redeem(client.form(code, sent), { proof }),
      sent.parameters.get('nonce'),
    )
    assert.equal((await client.resource(token, proof)).status, 200)
  },
})

/** What a client's requests say without any proof of who it is. */
const UNPROVEN = { client_assertion: undefined, client_assertion_type: undefined }

export const BOUND: Readonly<Record<string, FapiModule>> = {
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
  'ensure-dpopproof-with-iat-10seconds-before-succeeds': aged('a proof may be ten seconds old', -10),
  'ensure-dpopproof-with-iat-10seconds-after-succeeds': aged('a proof may be ten seconds ahead', 10),
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
      for (const { redirectUri } of [client, other])
        refused({ answer: await other.redeem(other.form(code, sent, { redirect_uri: redirectUri })) }, 'invalid_grant')
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
      if (byProof(client.variant)) refused({ answer: bare }, 'invalid_request', 'invalid_grant')
      else refused({ answer: bare }, 'invalid_client', 'invalid_request', ...(byAssertion(client.variant) ? ['invalid_grant'] : []))
      for (const client_id of [undefined, client.party.clientId]) {
        const answer = await client.redeem({ ...form, ...UNPROVEN, client_id }, { certificate: null })
        refused({ answer }, 'invalid_client', 'invalid_request', 'invalid_grant')
      }
      const theirs = await other.signIn(person, params(other))
      assert.equal((await client.resource(theirs.access_token)).status, 401, 'nor is an access token of use to another')
      refused({ answer: await client.redeem({ ...form, refresh_token: theirs.refresh_token as string }) }, 'invalid_grant')
    },
  },
}
