/** Basic OP: `oidcc-basic-certification-test-plan`, the authorization code flow. */
import { test } from 'node:test'
import { aClient } from './driver.ts'
import { BASIC_MODULES } from './plans.ts'
import { profile } from './profile.ts'

for (const [name, run] of profile(['code'], BASIC_MODULES)) void test(name, run)

// The suite reads one discovery document for both of its clients: this is how an operator gives them one issuer.
let pair: Promise<[Awaited<ReturnType<typeof aClient>>, Awaited<ReturnType<typeof aClient>>]> | undefined
const sharing = () => (pair ??= Promise.all([aClient({ issuer_mode: 'global' }), aClient({ issuer_mode: 'global' })]))
for (const [name, run] of profile(['code'], BASIC_MODULES, undefined, { says: 'clients that share an issuer', clients: sharing }))
  void test(name, run)
