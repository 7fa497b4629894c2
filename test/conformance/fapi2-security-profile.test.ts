/** `fapi2-security-profile-final-test-plan`: plain_fapi, each way to prove a client with each way to bind tokens, with OpenID Connect and without. */
import { test } from 'node:test'
import type { Variant } from './fapi.ts'
import { SECURITY_PROFILE } from './fapi-modules.ts'
import { fapiProfile } from './fapi-profile.ts'

const variants: Variant[] = [
  { auth: 'private_key_jwt', bound: 'dpop', openid: true, alg: 'ES256' },
  { auth: 'private_key_jwt', bound: 'dpop', openid: false, alg: 'EdDSA' },
  { auth: 'private_key_jwt', bound: 'mtls', openid: true, alg: 'PS256', shared: true },
  { auth: 'private_key_jwt', bound: 'mtls', openid: false, alg: 'ES256' },
  { auth: 'self_signed_tls_client_auth', bound: 'mtls', openid: true, alg: 'EdDSA' },
  { auth: 'self_signed_tls_client_auth', bound: 'dpop', openid: false, alg: 'ES256' },
  { auth: 'tls_client_auth', bound: 'dpop', openid: true, alg: 'PS256' },
  { auth: 'tls_client_auth', bound: 'mtls', openid: false, alg: 'ES256' },
]

for (const variant of variants) for (const [name, run] of fapiProfile(SECURITY_PROFILE, variant)) void test(name, run)
