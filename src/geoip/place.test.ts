import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CITIES, NETWORKS, addressDatabase } from '../../test/mmdb.ts'
import { country, COUNTRIES } from './countries.ts'
import { distance, knownPlaces, placeOf } from './place.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-geoip-'))
after(() => rmSync(folder, { recursive: true }))

type Parts = Parameters<typeof placeOf>[0]

/** What a look-up needs, with a clock and a log of its own. */
function parts(geoip: string, asn: string) {
  const said: string[] = []
  let now = 1_900_000_000_000
  const say = (_: object, text: string) => void said.push(text)
  const made = { config: { events: { context_processors: { geoip, asn } } }, now: () => new Date(now), log: { info: say, warn: say } }
  return { parts: made as unknown as Parts, said, pass: (ms: number) => void (now += ms) }
}

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('addresses have places and networks', async () => {
  const { parts: use } = parts(file('c.mmdb', CITIES), file('n.mmdb', NETWORKS))
  assert.deepEqual(await placeOf(use, '192.0.2.200'), {
    geo: { continent: 'EU', country: 'DE', lat: 48.137, long: 11.575, city: 'Munich' },
    asn: { asn: 64_496, as_org: 'Example One', network: '192.0.2.128/25' },
  })
  assert.deepEqual(await placeOf(use, '::ffff:203.0.113.9'), {
    geo: { continent: 'OC', country: 'AU', lat: -33.869, long: 151.209, city: 'Sydney' },
    asn: { asn: 64_498, as_org: null, network: '203.0.113.0/24' },
  })
  assert.equal((await placeOf(use, '2001:db8:1::5')).geo?.city, 'Boston')
  for (const unknown of ['10.0.0.1', '2001:db8:2::1', 'nonsense', ''])
    assert.deepEqual(await placeOf(use, unknown), { geo: null, asn: null })
  assert.deepEqual(await knownPlaces(use), { geoip: true, asn: true })
})

test('without databases nothing is known, which is said once', async () => {
  const { parts: use, said, pass } = parts(join(folder, 'none.mmdb'), '')
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await placeOf(use, '192.0.2.1'), {})
    pass(120_000)
  }
  assert.deepEqual(said.toSorted(), [
    'there is no such database: networks of addresses are not known',
    'there is no such database: places of addresses are not known',
  ])
  assert.deepEqual(await knownPlaces(use), { geoip: false, asn: false })
})

test('a file that changes is read again; one that is broken is not used', async () => {
  const path = file('change.mmdb', CITIES)
  const { parts: use, said, pass } = parts(path, '')
  const city = async () => (await placeOf(use, '192.0.2.1')).geo?.city
  assert.equal(await city(), 'Berlin')
  writeFileSync(path, addressDatabase('GeoLite2-City', { '192.0.2.0/24': { city: { names: { en: 'Bonn' } } } }))
  assert.equal(await city(), 'Berlin')
  pass(61_000)
  // The look-up that notices is answered from what there was.
  await city()
  while ((await city()) === 'Berlin') await new Promise(resolve => setImmediate(resolve))
  assert.equal(await city(), 'Bonn')
  writeFileSync(path, 'this is no database')
  pass(61_000)
  await city()
  while (!said.at(-1)!.startsWith('the database cannot be read')) await new Promise(resolve => setImmediate(resolve))
  assert.equal(await city(), 'Bonn')
  assert.equal(said.at(-1), 'the database cannot be read: places of addresses are as before')
})

test('distances run along the surface', () => {
  const [berlin, sydney] = [
    { lat: 52.52, long: 13.405 },
    { lat: -33.869, long: 151.209 },
  ]
  assert.ok(Math.abs(distance(berlin, sydney)! - 16_090) < 40)
  assert.equal(distance(berlin, berlin), 0)
  assert.equal(distance(berlin, { lat: null, long: 5 }), undefined)
})

test('countries have codes and names', () => {
  assert.equal(COUNTRIES.length, 249)
  assert.deepEqual(country('DE'), { code: 'DE', name: 'Germany' })
})
