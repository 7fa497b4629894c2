// once: basic.test.ts stores the same on both databases
/** Hybrid OP: `oidcc-hybrid-certification-test-plan`. */
import { test } from 'node:test'
import { CODE_MODULES, COMMON_MODULES } from './plans.ts'
import { profile } from './profile.ts'

const tests = [
  ...profile(['code id_token', 'code token', 'code id_token token'], [...COMMON_MODULES, ...CODE_MODULES]),
  ...profile(['code id_token', 'code id_token token'], ['oidcc-ensure-request-without-nonce-fails']),
  ...profile(['code token'], ['oidcc-ensure-request-without-nonce-succeeds-for-code-flow']),
  ...profile(['code id_token'], ['oidcc-response-type-missing', 'oidcc-ensure-request-with-valid-pkce-succeeds']),
]

for (const [name, run] of tests) void test(name, run)
