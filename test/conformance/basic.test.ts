/** Basic OP: `oidcc-basic-certification-test-plan`, the authorization code flow. */
import { test } from 'node:test'
import { profile } from './profile.ts'
import { CODE_MODULES, COMMON_MODULES } from './plans.ts'

const tests = profile(
  ['code'],
  [
    ...COMMON_MODULES,
    ...CODE_MODULES,
    'oidcc-response-type-missing',
    'oidcc-idtoken-unsigned',
    'oidcc-ensure-request-without-nonce-succeeds-for-code-flow',
    'oidcc-ensure-post-request-succeeds',
    'oidcc-ensure-request-with-valid-pkce-succeeds',
  ],
)

for (const [name, run] of tests) void test(name, run)
