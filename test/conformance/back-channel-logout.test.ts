/** Back-Channel Logout OP: `oidcc-backchannel-rp-initiated-logout-certification-test-plan`. */
import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { outgoingOf, useOutgoing } from '../../src/http/outgoing/client.ts'
import { makeOutgoing } from '../../src/http/outgoing/outgoing.ts'
import { jobs } from '../../src/tasks/jobs.ts'
import { makeRunner } from '../../src/tasks/runner.ts'
import { receiver } from '../http-receiver.ts'
import { provider } from './driver.ts'
import {
  aClientToLeave,
  aRegisteredClientToLeave,
  assertBack,
  assertDiscovered,
  BYE,
  leave,
  RESPONSE_TYPES,
  somebodyIn,
  STATE,
} from './logout.ts'

let listening: ReturnType<typeof receiver> | undefined
const receiving = () => (listening ??= receiver(() => ({ headers: { 'cache-control': 'no-store' } })))
after(async () => (await listening)?.close())

/** Lets the server of the tests reach the client while a test runs: it is shared with others. */
async function reaching(t: TestContext): Promise<void> {
  const { config } = (await provider()).server.deps
  const usual = outgoingOf(config)
  useOutgoing(config, makeOutgoing([{ host: '127.0.0.1' }]))
  t.after(() => useOutgoing(config, usual))
}

const aListener = async (path: string, values = {}) =>
  aClientToLeave({ logout_method: 'backchannel', logout_uri: `${(await receiving()).origin}${path}`, ...values })

void test('oidcc-backchannel-logout-discovery-endpoint-verification: the document offers it, with sessions', async () => {
  await assertDiscovered(await aListener('/discovered'), {
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  })
})

/** A listener that registered itself. */
const aRegisteredListener = async (path: string) =>
  aRegisteredClientToLeave({
    backchannel_logout_uri: `${(await receiving()).origin}${path}`,
    backchannel_logout_session_required: true,
  })
const VARIANTS = [
  ...RESPONSE_TYPES.map(type => [type, type, (path: string) => aListener(path)] as const),
  ['code, one issuer', 'code', (path: string) => aListener(path, { issuer_mode: 'global' })] as const,
  ['code, a client that registered itself', 'code', aRegisteredListener] as const,
]

for (const [index, [variant, type, listenerAt]] of VARIANTS.entries()) {
  void test(`oidcc-backchannel-rp-initiated-logout: the client is told with a logout token, and the browser comes back (${variant})`, async t => {
    await reaching(t)
    const path = `/backchannel_logout/${index}`
    const party = await listenerAt(path)
    const { person, idToken, claims } = await somebodyIn(party, type)
    const state = STATE
    // What other tests of the process have put off would be waited for.
    await party.server.ctx.db.deleteFrom('task').where('actor_name', '=', 'oauth2_backchannel_logout').execute()
    const left = await leave(party, person, { id_token_hint: idToken, post_logout_redirect_uri: BYE, state })
    await makeRunner(party.server.ctx, jobs).step()
    const [told, ...more] = (await receiving()).received.filter(request => request.path === path)
    assert.equal(more.length, 0)
    assert.equal(told?.method, 'POST')
    assert.match(String(told.headers['content-type']), /^application\/x-www-form-urlencoded/)
    const form = new URLSearchParams(told.body)
    assert.deepEqual([...form.keys()], ['logout_token'])
    const jwks = await party.server.client().get(await party.endpoint('jwks_uri'))
    const now = party.server.deps.now()
    const { payload, protectedHeader } = await jwtVerify(form.get('logout_token')!, createLocalJWKSet(jwks.body as JSONWebKeySet), {
      issuer: party.issuer,
      audience: party.clientId,
      typ: 'logout+jwt',
      requiredClaims: ['iat', 'jti', 'exp', 'events'],
      currentDate: now,
    })
    assert.notEqual(protectedHeader.alg, 'none')
    assert.ok(Math.abs(payload.iat! - now.getTime() / 1000) < 300)
    assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
    assert.ok(!('nonce' in payload))
    assert.deepEqual([payload.sub, payload.sid], [claims.sub, claims.sid])
    await assertBack(party, person, left, state)
  })
}
