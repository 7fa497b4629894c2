// once: basic.test.ts stores the same on both databases
/**
 * Form Post OP: `oidcc-formpost-basic-`, `-implicit-` and `-hybrid-certification-test-plan`. The modules of the three plans again, with the
 * response as a form that the browser sends.
 */
import { test } from 'node:test'
import { CODE_MODULES, COMMON_MODULES, USERINFO_MODULES } from './plans.ts'
import { profile } from './profile.ts'

const HYBRID = ['code id_token', 'code token', 'code id_token token']

const tests = [
  ...profile(['code', 'id_token', 'id_token token', ...HYBRID], COMMON_MODULES, 'form_post'),
  ...profile(['code', ...HYBRID], CODE_MODULES, 'form_post'),
  ...profile(['id_token token'], USERINFO_MODULES, 'form_post'),
  ...profile(['code', 'code token'], ['oidcc-ensure-request-without-nonce-succeeds-for-code-flow'], 'form_post'),
  ...profile(
    ['id_token', 'id_token token', 'code id_token', 'code id_token token'],
    ['oidcc-ensure-request-without-nonce-fails'],
    'form_post',
  ),
  ...profile(['code', 'code id_token'], ['oidcc-ensure-request-with-valid-pkce-succeeds'], 'form_post'),
  ...profile(['code', 'id_token token', 'code id_token'], ['oidcc-response-type-missing'], 'form_post'),
  ...profile(['code'], ['oidcc-ensure-post-request-succeeds', 'oidcc-idtoken-unsigned'], 'form_post'),
]

for (const [name, run] of tests) void test(name, run)
