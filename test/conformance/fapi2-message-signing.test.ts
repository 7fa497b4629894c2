// once: fapi2-security-profile.test.ts stores the same on both databases
/** `fapi2-message-signing-final-test-plan`: plain_fapi, private_key_jwt, DPoP, OpenID Connect, signed requests; responses by JARM. */
import { test } from 'node:test'
import { MESSAGE_SIGNING, SECURITY_PROFILE } from './fapi-modules.ts'
import { fapiProfile } from './fapi-profile.ts'

const tests = fapiProfile({ ...SECURITY_PROFILE, ...MESSAGE_SIGNING }, { signed: true, jarm: true }, 'JAR and JARM')

for (const [name, run] of tests) void test(name, run)
