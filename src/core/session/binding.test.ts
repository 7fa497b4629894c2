import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, FlowVisitor } from '../../../test/flows.ts'
import { server, type TestServer } from '../../../test/harness.ts'
import { located } from '../../../test/located.ts'
import type { Row } from '../../api/model.ts'

const [BERLIN, NEAR, MUNICH, PARIS, SYDNEY, NOWHERE] = ['192.0.2.1', '192.0.2.2', '192.0.2.129', '198.51.100.1', '203.0.113.1', '10.0.0.1']

/** Signs somebody in from Berlin under a binding, and tells whether the session is still there when used from another address. */
async function moves(on: TestServer, binding: Row, to: string): Promise<{ stays: boolean; user: Row }> {
  const user = await aUser(on.ctx, { password: 'right' })
  const { slug } = await aFlow(on.ctx, ['identification', 'password', await aStage(on.ctx, 'user_login', binding)])
  const visitor = new FlowVisitor(on.app, { 'x-forwarded-for': BERLIN })
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  assertDone(await visitor.challenge(slug, '', { password: 'right' }), '/')
  const seen = await visitor.get('/api/v3/core/users/me/', { 'x-forwarded-for': to })
  return { stays: seen.status === 200, user }
}

test('a session stays within what it is bound to', async () => {
  const on = await located()
  const cases: [Row, string, boolean][] = [
    [{}, SYDNEY, true],
    [{ network_binding: 'bind_asn' }, MUNICH, true],
    [{ network_binding: 'bind_asn' }, PARIS, false],
    [{ network_binding: 'bind_asn_network' }, NEAR, true],
    [{ network_binding: 'bind_asn_network' }, MUNICH, false],
    [{ network_binding: 'bind_asn_network_ip' }, NEAR, false],
    [{ network_binding: 'bind_asn_network_ip' }, BERLIN, true],
    [{ network_binding: 'bind_asn' }, NOWHERE, false],
    [{ geoip_binding: 'bind_continent' }, PARIS, true],
    [{ geoip_binding: 'bind_continent' }, SYDNEY, false],
    [{ geoip_binding: 'bind_continent_country' }, MUNICH, true],
    [{ geoip_binding: 'bind_continent_country' }, PARIS, false],
    [{ geoip_binding: 'bind_continent_country_city' }, NEAR, true],
    [{ geoip_binding: 'bind_continent_country_city' }, MUNICH, false],
    [{ geoip_binding: 'bind_continent' }, NOWHERE, false],
  ]
  for (const [binding, to, stays] of cases) assert.equal((await moves(on, binding, to)).stays, stays, `${JSON.stringify(binding)} ${to}`)
})

test('a session that left its place is gone, and the log says why', async () => {
  const on = await located()
  const { user } = await moves(on, { geoip_binding: 'bind_continent_country' }, PARIS)
  const { results } = (await on.admin.get(`/api/v3/events/events/?username=${String(user.username)}&action=logout`)).body
  assert.partialDeepStrictEqual(results, [
    {
      context: {
        reason: 'Session binding broken',
        binding: { reason: 'geoip.country', previous_value: 'DE', new_value: 'FR' },
        previous_ip: BERLIN,
      },
    },
  ])
  const sessions = await on.ctx.db
    .selectFrom('session')
    .select('uuid')
    .where('user', '=', user.id as number)
    .execute()
  assert.deepEqual(sessions, [])
})

test('without databases a bound session ends where it cannot be checked', async () => {
  assert.equal((await moves(await server(), { network_binding: 'bind_asn' }, NEAR)).stays, false)
})

test('sessions show where they were used last', async () => {
  const on = await located()
  const { user } = await moves(on, {}, PARIS)
  const { results } = (await on.admin.get(`/api/v3/core/authenticated_sessions/?user__username=${String(user.username)}`)).body
  assert.equal(results[0].last_ip, PARIS)
  assert.deepEqual(results[0].geo_ip, { continent: 'EU', country: 'FR', lat: 48.857, long: 2.352, city: 'Paris' })
  assert.deepEqual(results[0].asn, { asn: 64_497, as_org: 'Example Two', network: '198.51.100.0/24' })
})
