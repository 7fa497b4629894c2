/** `fapi2-security-profile-final-test-plan`: plain_fapi, private_key_jwt, DPoP, OpenID Connect. */
import { test } from 'node:test'
import { SECURITY_PROFILE } from './fapi-modules.ts'
import { fapiProfile } from './fapi-profile.ts'

const tests = fapiProfile(SECURITY_PROFILE, { signed: false, jarm: false }, 'unsigned')

for (const [name, run] of tests) void test(name, run)
