import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import type { JWK } from 'jose'
import { unique } from '../builders.ts'
import { certified } from '../certificates.ts'
import { aClient, provider, REDIRECT_URI } from './driver.ts'
import { anAuthority, keyOf, sealingKey, serverKey } from './fapi-keys.ts'
import { FapiClient, type Variant } from './fapi.ts'

/** The second client of the suite is registered with an address that has a query of its own. */
const WITH_QUERY = `${REDIRECT_URI}?dummy1=lorem&dummy2=ipsum`

/** A client that is registered for a variant; the second one has other keys, and an address with a query. */
export async function aFapiClient(variant: Variant, which: 'first' | 'second' = 'first'): Promise<FapiClient> {
  const { server } = await provider()
  const redirectUri = which === 'first' ? REDIRECT_URI : WITH_QUERY
  const party = await aClient({
    signing_key: await serverKey(variant.alg),
    redirect_uris: [{ matching_mode: 'strict', url: redirectUri }],
    include_claims_in_id_token: false,
    ...(variant.shared && { issuer_mode: 'global' }),
  })
  const issuer = variant.auth === 'tls_client_auth' ? await anAuthority() : undefined
  const commonName = unique('client')
  const own = {
    key: await keyOf(variant.alg, `${which} client`),
    dpop: await keyOf(variant.alg, `${which} proof`),
    certificate: certified({ commonName, dns: `${commonName}.example.test` }, issuer),
  }
  const ofCertificate = createPublicKey(own.certificate.certificate).export({ format: 'jwk' }) as JWK
  const jwks = [own.key.jwk, ...(variant.auth === 'self_signed_tls_client_auth' ? [{ ...ofCertificate, kid: unique('certificate') }] : [])]
  const made = await server.admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    security_profile: 'fapi2',
    token_endpoint_auth_method: variant.auth,
    ...(issuer && { tls_client_auth_ca: issuer.pk, tls_client_auth_san_dns: `${commonName}.example.test` }),
    jwks: { keys: variant.jarm === 'encrypted' ? [...jwks, (await sealingKey()).jwk] : jwks },
    ...(variant.jarm === 'encrypted' && {
      authorization_encrypted_response_alg: 'RSA-OAEP-256',
      authorization_encrypted_response_enc: 'A256GCM',
    }),
    dpop_bound_access_tokens: variant.bound === 'dpop',
    tls_client_certificate_bound_access_tokens: variant.bound === 'mtls',
    require_signed_request_object: variant.signed === true,
  })
  assert.equal(made.status, 201, made.text)
  return new FapiClient(party, variant, own, redirectUri)
}
