// once: basic.test.ts stores the same on both databases
/** Implicit OP: `oidcc-implicit-certification-test-plan`. */
import { test } from 'node:test'
import { COMMON_MODULES, USERINFO_MODULES } from './plans.ts'
import { profile } from './profile.ts'

const tests = [
  ...profile(['id_token', 'id_token token'], [...COMMON_MODULES, 'oidcc-ensure-request-without-nonce-fails']),
  ...profile(['id_token token'], [...USERINFO_MODULES, 'oidcc-response-type-missing']),
]

for (const [name, run] of tests) void test(name, run)
