import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import { located } from '../../../test/located.ts'
import { ask, visitorAt } from '../../../test/policies.ts'
import type { Row } from '../../api/model.ts'
import { recordEvent } from '../../events/record.ts'
import { evaluateEach } from '../engine.ts'

const [BERLIN, PARIS, SYDNEY, NOWHERE] = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '10.0.0.1']

async function says(values: Row, from: string, user?: Row) {
  const { passing, messages } = await ask('geoip', { countries: [], ...values }, { on: await located(), from, user })
  return [passing, ...messages]
}

test('countries and networks are allowed by list', async () => {
  assert.deepEqual(await says({ countries: ['DE', 'AT'] }, BERLIN), [true])
  assert.deepEqual(await says({ countries: ['DE'] }, PARIS), [false, 'Client IP is not in an allowed country.'])
  assert.deepEqual(await says({ asns: [64_497] }, PARIS), [true])
  assert.deepEqual(await says({ asns: [64_497] }, BERLIN), [false, 'Client IP is not part of an allowed autonomous system.'])
  assert.equal((await says({ asns: [64_497], countries: ['DE'] }, BERLIN))[0], true)
  assert.equal((await says({ asns: [1], countries: ['FR'] }, BERLIN))[0], false)
  assert.deepEqual(await says({}, NOWHERE), [true])
  assert.deepEqual(await says({ countries: ['DE'] }, NOWHERE), [false, 'GeoIP: client IP address not found in City database.'])
  assert.deepEqual(await says({ asns: [5] }, NOWHERE), [false, 'GeoIP: client IP not found in ASN database.'])
})

test('nobody travels faster than an aeroplane, or further than allowed', async () => {
  const { ctx, clock } = await located()
  const user = await aUser(ctx)
  const far = [false, 'Distance from previous authentication is larger than threshold.']
  const impossible = [false, 'Distance is further than possible.']
  assert.deepEqual(await says({ check_history_distance: true, check_impossible_travel: true }, BERLIN, user), [true])
  await recordEvent(visitorAt(ctx, BERLIN), 'login', {}, { user })
  assert.deepEqual(await says({ check_history_distance: true }, PARIS, user), far)
  assert.deepEqual(await says({ check_history_distance: true, history_max_distance_km: 1000 }, PARIS, user), [true])
  assert.deepEqual(await says({ check_impossible_travel: true }, PARIS, user), [true])
  assert.deepEqual(await says({ check_impossible_travel: true }, SYDNEY, user), impossible)
  assert.deepEqual(await says({ check_impossible_travel: true }, NOWHERE, user), [false])
  clock.advance(17 * 3_600_000)
  assert.deepEqual(await says({ check_impossible_travel: true }, SYDNEY, user), [true])
  await recordEvent(visitorAt(ctx, SYDNEY), 'login', {}, { user })
  assert.deepEqual(await says({ check_impossible_travel: true, history_login_count: 1 }, SYDNEY, user), [true])
  assert.deepEqual(await says({ check_history_distance: true, countries: ['AU'] }, SYDNEY, user), far)
  assert.deepEqual(await says({ check_history_distance: true, history_login_count: 1, countries: ['AU'] }, SYDNEY, user), [true])
})

test('policies see where the request comes from, and events keep it', async () => {
  const { ctx, admin } = await located()
  const user = await aUser(ctx)
  const expression =
    'return context["geoip"]["country"] == "FR" and context["asn"]["asn"] == 64497 and request.context["geoip"]["city"] == "Paris"'
  const policy = await admin.post('/api/v3/policies/expression/', { name: unique('p'), expression })
  const asked = { user, context: {} }
  assert.deepEqual((await evaluateEach(visitorAt(ctx, PARIS), [policy.body.pk], asked)).passing, true)
  await recordEvent(visitorAt(ctx, PARIS), 'custom_x', {}, { user })
  const { results } = (await admin.get(`/api/v3/events/events/?username=${String(user.username)}`)).body
  assert.deepEqual(results[0].context.geo, { continent: 'EU', country: 'FR', lat: 48.857, long: 2.352, city: 'Paris' })
  assert.deepEqual(results[0].context.asn, { asn: 64_497, as_org: 'Example Two', network: '198.51.100.0/24' })
  const { capabilities } = (await admin.get('/api/v3/root/config/')).body
  assert.ok(['can_geo_ip', 'can_asn'].every(name => capabilities.includes(name)))
  assert.deepEqual((await admin.get('/api/v3/admin/system/')).body.address_databases, { geoip: true, asn: true })
})

test('without databases nothing is known of addresses', async () => {
  const { admin, ctx } = await server()
  assert.deepEqual((await ask('geoip', { countries: ['DE'] }, { from: BERLIN })).messages, [
    'GeoIP: client IP address not found in City database.',
  ])
  const policy = await admin.post('/api/v3/policies/expression/', { name: unique('p'), expression: 'return "geoip" in context' })
  assert.equal((await evaluateEach(visitorAt(ctx, BERLIN), [policy.body.pk], { user: null, context: {} })).passing, false)
  assert.ok(!(await admin.get('/api/v3/root/config/')).body.capabilities.includes('can_geo_ip'))
})

test('countries are shown with their names', async () => {
  const { admin, client } = await server()
  const made = await admin.post('/api/v3/policies/geoip/', { name: unique('p'), countries: ['DE', 'NZ'] })
  assert.deepEqual(made.body.countries_obj, [
    { code: 'DE', name: 'Germany' },
    { code: 'NZ', name: 'New Zealand' },
  ])
  assert.equal((await admin.post('/api/v3/policies/geoip/', { name: unique('p'), countries: ['XX'] })).status, 400)
  assert.equal((await admin.post('/api/v3/policies/geoip/', { name: unique('p') })).status, 400)
  assert.equal((await client().get('/api/v3/policies/geoip_iso3166/')).body.length, 249)
})
