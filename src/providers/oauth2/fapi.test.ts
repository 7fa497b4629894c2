import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import type { Row } from '../../api/model.ts'
import { certified } from '../../../test/certificates.ts'
import { unique } from '../../../test/builders.ts'
import { aParty, oauthServer } from './fixture.ts'

/** A keypair that signs by none of the profile's algorithms. */
async function strange(): Promise<string> {
  const { certificate, key } = certified({ commonName: 'x', curve: 'P-384' })
  const values = { name: unique('pair'), certificate_data: certificate, key_data: key }
  return (await (await oauthServer()).admin.post('/api/v3/crypto/certificatekeypairs/', values)).body.pk
}

test('a client takes on the FAPI 2.0 profile only as a whole, and is held to it then', async () => {
  const jwk = { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'one' }
  const whole = {
    security_profile: 'fapi2',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
    dpop_bound_access_tokens: true,
  }
  const send = async (metadata: Row, values: Row = {}) => {
    const party = await aParty(values)
    return { party, answer: await party.server.admin.post('/api/v3/signet/oauth2_clients/', { provider: party.provider.pk, ...metadata }) }
  }
  const refused: [string, Row, Row?][] = [
    ['token_endpoint_auth_method', { ...whole, token_endpoint_auth_method: 'client_secret_basic' }],
    ['token_endpoint_auth_method', { ...whole, token_endpoint_auth_method: null }],
    ['dpop_bound_access_tokens', { ...whole, dpop_bound_access_tokens: false }],
    ['id_token_signed_response_alg', { ...whole, id_token_signed_response_alg: 'RS256' }, { key: 'rsa' }],
    ['id_token_signed_response_alg', whole, { key: null }],
    ['id_token_signed_response_alg', whole, { signing_key: await strange() }],
    ['security_profile', { ...whole, token_endpoint_auth_method: null }, { client_type: 'public' }],
  ]
  for (const [field, metadata, values] of refused) {
    const { answer } = await send(metadata, values)
    assert.equal(answer.status, 400, answer.text)
    assert.deepEqual(Object.keys(answer.body), [field])
  }
  const { party, answer } = await send(whole, { key: 'rsa' })
  assert.equal(answer.status, 201, answer.text)
  const metadata = (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.partialDeepStrictEqual(metadata, { require_pushed_authorization_requests: true, id_token_signing_alg_values_supported: ['PS256'] })
  assert.ok(!metadata.grant_types_supported.includes('password'))
})
