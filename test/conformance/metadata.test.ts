/** What the discovery document says is so: each value that it offers is honoured, and what it does not offer is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compactDecrypt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { unique } from '../builders.ts'
import { HOST, type Answer } from '../harness.ts'
import { REDIRECT_URI } from './driver.ts'
import { keyOf } from './fapi-keys.ts'
import { asked, host, registeredBy, type Registered } from './registered.ts'

const USUAL = { token_endpoint_auth_method: 'client_secret_basic', jwks: undefined }
const KINDS = ['id_token', 'userinfo', 'authorization'] as const
type Kind = (typeof KINDS)[number]

const listOf = (metadata: Row, name: string): string[] => {
  assert.ok(Array.isArray(metadata[name]), name)
  return metadata[name] as string[]
}

/** Registers a client with a secret. */
async function withSecret(metadata: Row): Promise<Registered> {
  return registeredBy(await asked({ ...USUAL, ...metadata }), await keyOf('RS256', 'metadata'))
}

/** What one sign-in brings of each kind, as it came over the wire. */
async function brought({ party }: Registered): Promise<Record<Kind, string>> {
  const { person } = await host()
  const { callback } = await party.ask(person, { response_mode: 'jwt', nonce: undefined, scope: 'openid email' })
  const authorization = callback?.parameters.get('response') ?? ''
  const plain = await party.ask(person, { nonce: undefined, scope: 'openid email' })
  const { body, text } = await party.exchange(plain.callback?.parameters.get('code') ?? '')
  assert.ok(body.id_token, text)
  return { authorization, id_token: body.id_token, userinfo: (await party.userinfo(body.access_token)).text }
}

test('tokens, UserInfo and responses are signed by every algorithm that is offered, and by no other', async () => {
  const { parent } = await host()
  const metadata = await parent.metadata()
  const offered = listOf(metadata, 'id_token_signing_alg_values_supported')
  for (const kind of KINDS) assert.deepEqual(listOf(metadata, `${kind}_signing_alg_values_supported`), offered)
  for (const alg of offered) {
    const wanted = Object.fromEntries(KINDS.map(kind => [`${kind}_signed_response_alg`, alg]))
    for (const [kind, jws] of Object.entries(await brought(await withSecret(wanted))))
      assert.equal(decodeProtectedHeader(jws).alg, alg, kind)
  }
  for (const alg of ['ES384', 'EdDSA', 'none', 'nonsense'].filter(alg => !offered.includes(alg)))
    assert.equal((await asked({ ...USUAL, id_token_signed_response_alg: alg })).body.error, 'invalid_client_metadata', alg)
})

test('they are encrypted in every way that is offered', async () => {
  const { parent } = await host()
  const metadata = await parent.metadata()
  const [algs, encs] = ['alg', 'enc'].map(part => listOf(metadata, `id_token_encryption_${part}_values_supported`)) as [string[], string[]]
  for (const kind of KINDS) {
    assert.deepEqual(listOf(metadata, `${kind}_encryption_alg_values_supported`), algs)
    assert.deepEqual(listOf(metadata, `${kind}_encryption_enc_values_supported`), encs)
  }
  const ways = [...algs.map(alg => [alg, encs[0]!] as const), ...encs.map(enc => [algs[0]!, enc] as const)]
  for (const [alg, enc] of ways) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'enc' }
    const wanted = KINDS.flatMap(kind => [
      [`${kind}_encrypted_response_alg`, alg],
      [`${kind}_encrypted_response_enc`, enc],
    ])
    for (const [kind, jwe] of Object.entries(await brought(await withSecret({ ...Object.fromEntries(wanted), jwks: { keys: [jwk] } })))) {
      const { protectedHeader } = await compactDecrypt(jwe, privateKey)
      assert.partialDeepStrictEqual(protectedHeader, { alg, enc, kid: jwk.kid }, kind)
    }
  }
})

/** A JWT of a client by one of its keys. */
const signed = (claims: Row, alg: string, key: CryptoKey | Uint8Array, kid?: string): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key)

const secretOf = ({ metadata }: Registered) => new TextEncoder().encode(String(metadata.client_secret))

test('clients prove themselves by assertions of every algorithm that is offered, at every endpoint for programs', async () => {
  const { parent } = await host()
  const metadata = await parent.metadata()
  const offered = listOf(metadata, 'token_endpoint_auth_signing_alg_values_supported')
  for (const endpoint of ['revocation', 'introspection']) {
    assert.deepEqual(listOf(metadata, `${endpoint}_endpoint_auth_signing_alg_values_supported`), offered) // RFC 8414 §2
    const methods = listOf(metadata, 'token_endpoint_auth_methods_supported').filter(
      method => endpoint === 'revocation' || method !== 'none',
    )
    assert.deepEqual(listOf(metadata, `${endpoint}_endpoint_auth_methods_supported`), methods)
  }
  for (const alg of offered) {
    const bySecret = alg.startsWith('HS')
    const key = bySecret ? undefined : await keyOf(alg, 'metadata')
    const method = bySecret ? 'client_secret_jwt' : 'private_key_jwt'
    const jwk: JWK | undefined = key && { ...key.jwk, alg }
    const client = await withSecret({ token_endpoint_auth_method: method, ...(jwk && { jwks: { keys: [jwk] } }) })
    const id = client.party.clientId
    for (const endpoint of ['introspect', 'revoke']) {
      const now = Math.floor(parent.server.deps.now().getTime() / 1000)
      const claims = { iss: id, sub: id, aud: parent.issuer, iat: now, exp: now + 60, jti: unique('jti') }
      const assertion = await signed(claims, alg, key?.privateKey ?? secretOf(client), jwk?.kid)
      const form = {
        token: 'unknown',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }
      const answer = await client.party.post(endpoint, form, { basic: false })
      assert.equal(answer.status, 200, `${alg} ${answer.text}`)
    }
  }
})

test('request objects are read that are signed by any algorithm that is offered', async () => {
  const { parent, person } = await host()
  const metadata = await parent.metadata()
  assert.equal(metadata.request_parameter_supported, true)
  for (const alg of listOf(metadata, 'request_object_signing_alg_values_supported').filter(alg => alg !== 'none')) {
    const bySecret = alg.startsWith('HS')
    const key = bySecret ? undefined : await keyOf(alg, 'metadata')
    const client = await withSecret({ request_object_signing_alg: alg, ...(key && { jwks: { keys: [{ ...key.jwk, alg }] } }) })
    const claims = { client_id: client.party.clientId, response_type: 'code', redirect_uri: REDIRECT_URI, scope: 'openid', state: alg }
    const request = await signed(claims, alg, key?.privateKey ?? secretOf(client), key?.jwk.kid)
    const { callback } = await client.party.ask(person, { request, redirect_uri: undefined, state: undefined })
    assert.ok(callback, alg)
    assert.ok(callback.parameters.get('code'), `${alg} ${callback.parameters.toString()}`)
    assert.equal(callback.parameters.get('state'), alg)
  }
})

test('proofs of a key are taken by every algorithm that is offered', async () => {
  const { parent } = await host()
  for (const alg of listOf(await parent.metadata(), 'dpop_signing_alg_values_supported')) {
    const { privateKey, jwk } = await keyOf(alg, 'metadata')
    const { kid: _kid, use: _use, alg: _alg, ...shown } = jwk
    const iat = Math.floor(parent.server.deps.now().getTime() / 1000)
    const claims = { jti: unique('jti'), htm: 'POST', htu: `https://${HOST}/application/o/token/`, iat }
    const dpop = await new SignJWT(claims).setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: shown }).sign(privateKey)
    const answer: Answer = await parent.token({ grant_type: 'client_credentials', scope: 'openid' }, { headers: { dpop } })
    assert.equal(answer.body.token_type, 'DPoP', `${alg} ${answer.text}`)
  }
})

test('every grant that is offered is known at the token endpoint, every prompt and every method of a challenge at the other', async () => {
  const { parent, person } = await host()
  const metadata = await parent.metadata()
  for (const grant of listOf(metadata, 'grant_types_supported').filter(grant => grant !== 'implicit'))
    assert.ok(!['unsupported_grant_type', 'unauthorized_client'].includes((await parent.token({ grant_type: grant })).body.error), grant)
  for (const grant of ['urn:ietf:params:oauth:grant-type:saml2-bearer', 'nonsense'])
    assert.equal((await parent.token({ grant_type: grant })).body.error, 'unsupported_grant_type')
  for (const prompt of listOf(metadata, 'prompt_values_supported')) {
    const { parameters } = await parent.respond(person, { prompt })
    assert.ok(parameters.get('code'), prompt)
  }
  for (const method of listOf(metadata, 'code_challenge_methods_supported')) {
    const { parameters } = await parent.respond(person, { code_challenge: 'c'.repeat(43), code_challenge_method: method })
    assert.ok(parameters.get('code'), method)
  }
  assert.equal(await parent.refusal(person, { code_challenge: 'c'.repeat(43), code_challenge_method: 'S512' }), 'invalid_request')
})
