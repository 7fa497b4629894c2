/** What the plans of FAPI 2.0 want of the discovery document. */
import assert from 'node:assert/strict'
import type { Row } from '../../src/api/model.ts'
import { HOST } from '../harness.ts'
import type { Variant } from './fapi.ts'
import { byAssertion, type FapiModule } from './fapi-module.ts'

const NEEDED = ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri', 'pushed_authorization_request_endpoint']
/** Names that are registered for authorization servers (RFC 8414 §7.1.2): the suite warns of any other. */
const REGISTERED = [
  /^(?:issuer|jwks_uri|check_session_iframe)$/,
  /^(?:authorization|device_authorization|token|userinfo|end_session|introspection|revocation|registration|pushed_authorization_request)_endpoint$/,
  /^(?:acr_values|claims|code_challenge_methods|grant_types|prompt_values|response_modes|response_types|scopes|subject_types|ui_locales)_supported$/,
  /^(?:token|introspection|revocation)_endpoint_auth_(?:methods|signing_alg_values)_supported$/,
  /^(?:authorization|id_token|userinfo|request_object)_(?:signing_alg|encryption_alg|encryption_enc)_values_supported$/,
  /^(?:back|front)channel_logout_(?:session_)?supported$/,
  /^(?:claims|request|request_uri|authorization_response_iss)_parameter_supported$/,
  /^require_(?:pushed_authorization_requests|request_uri_registration|signed_request_object)$/,
  /^(?:dpop_signing_alg_values_supported|tls_client_certificate_bound_access_tokens)$/,
]

/** What holds for every document: registered names, addresses by TLS, scopes and languages as they are written. */
function assertWellFormed(metadata: Row, scope: string): void {
  for (const name of Object.keys(metadata))
    assert.ok(
      REGISTERED.some(known => known.test(name)),
      `${name} is not registered`,
    )
  for (const [name, value] of Object.entries(metadata)) {
    if (NEEDED.includes(name) || /(?:_endpoint|_iframe)$/.test(name)) assert.match(String(value), /^https:/, name)
    if (/_(?:values|methods|types|modes|locales|claims|scopes)_supported$/.test(name)) assert.ok(Array.isArray(value), name)
  }
  for (const name of NEEDED) assert.ok(name in metadata, name)
  assert.match(String(metadata.issuer), /^https:[^?#]+$/) // RFC 8414 §2
  for (const name of metadata.scopes_supported as string[]) assert.match(name, /^[\x21\x23-\x5b\x5d-\x7e]+$/) // RFC 6749 §3.3
  for (const name of [...scope.split(' '), 'offline_access']) assert.ok((metadata.scopes_supported as string[]).includes(name), name)
  const languages = metadata.ui_locales_supported as string[]
  assert.deepEqual(Intl.getCanonicalLocales(languages), languages) // RFC 5646 §2.1.1
}

/** What the suite wants of a document that other clients share: that the profile can be had there too. */
function assertOffered(metadata: Row, variant: Variant): void {
  const lists = {
    response_types_supported: 'code',
    response_modes_supported: 'jwt',
    grant_types_supported: 'authorization_code',
    code_challenge_methods_supported: 'S256',
    scopes_supported: 'openid',
    subject_types_supported: 'public',
    token_endpoint_auth_methods_supported: variant.auth,
    id_token_signing_alg_values_supported: variant.alg,
    authorization_signing_alg_values_supported: variant.alg,
    dpop_signing_alg_values_supported: variant.alg,
    request_object_signing_alg_values_supported: variant.alg,
    ...(byAssertion(variant) && { token_endpoint_auth_signing_alg_values_supported: variant.alg }),
  }
  for (const [name, value] of Object.entries(lists)) assert.ok((metadata[name] as string[]).includes(value), `${value} in ${name}`)
  assert.equal(metadata.issuer, `https://${HOST}/`)
  assert.equal(metadata.authorization_response_iss_parameter_supported, true)
  assert.equal(metadata.tls_client_certificate_bound_access_tokens, true)
  assert.equal(typeof metadata.require_pushed_authorization_requests, 'boolean')
  assert.match(String(metadata.pushed_authorization_request_endpoint), /^https:/)
}

export const DISCOVERY: Readonly<Record<string, FapiModule>> = {
  'discovery-end-point-verification': {
    says: 'the metadata say what the profile wants',
    async run({ client }) {
      const { variant, party } = client
      const metadata = await party.metadata()
      assertWellFormed(metadata, client.scope)
      const plain = `/.well-known/oauth-authorization-server${new URL(party.issuer).pathname}` // RFC 8414 §3.1, for `plain_oauth`
      const read = await party.server.client().get(plain.replace(/server\/$/, 'server'))
      assert.deepEqual(read.body, metadata)
      assert.match(String(read.headers['content-type']), /^application\/json/)
      if (variant.shared) return assertOffered(metadata, variant)
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
      const allowed = ['PS256', 'ES256', 'EdDSA', 'Ed25519'] // the last two are one, RFC 9864 §2.2
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
      assert.ok((metadata.grant_types_supported as string[]).includes('authorization_code'))
    },
  },
}
