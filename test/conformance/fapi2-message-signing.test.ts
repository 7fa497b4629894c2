// once: fapi2-security-profile.test.ts stores the same on both databases
/** `fapi2-message-signing-final-test-plan`: plain_fapi, signed requests (JAR), responses as JWTs (JARM), or both. */
import { test } from 'node:test'
import type { Variant } from './fapi.ts'
import { SECURITY_PROFILE } from './fapi-modules.ts'
import { fapiProfile } from './fapi-profile.ts'
import { MESSAGE_SIGNING } from './fapi-signed.ts'

const variants: Variant[] = [
  { auth: 'private_key_jwt', bound: 'dpop', openid: true, alg: 'ES256', signed: true, jarm: 'signed', shared: true },
  { auth: 'private_key_jwt', bound: 'mtls', openid: true, alg: 'PS256', signed: true },
  { auth: 'private_key_jwt', bound: 'dpop', openid: true, alg: 'EdDSA', jarm: 'encrypted' },
  { auth: 'self_signed_tls_client_auth', bound: 'mtls', openid: false, alg: 'EdDSA', signed: true, jarm: 'encrypted' },
  { auth: 'tls_client_auth', bound: 'dpop', openid: true, alg: 'PS256', signed: true, jarm: 'signed' },
]

for (const variant of variants)
  for (const [name, run] of fapiProfile({ ...SECURITY_PROFILE, ...MESSAGE_SIGNING }, variant)) void test(name, run)
