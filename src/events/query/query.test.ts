import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventQuery } from './match.ts'

const event = {
  event_uuid: '5b7a',
  action: 'login_failed',
  app: 'authentik.core',
  client_ip: '192.0.2.7',
  created: new Date('2031-05-06T07:08:09Z'),
  user: { pk: 5, username: 'Ada', is_anonymous: false },
  brand: {},
  context: { username: 'ada', geo: { country: 'DE', lat: 52.5 }, tags: ['a', 'b'], quote: 'say "hi"' },
}

test('queries compare fields and the keys inside them', () => {
  const cases: [string, boolean][] = [
    ['action = "login_failed"', true],
    ['action = "login"', false],
    ['action != "login"', true],
    ['action in ("login", "login_failed")', true],
    ['action not in ("login", "login_failed")', false],
    ['user.username = "Ada" and context.geo.country = "DE"', true],
    ['user.username = "ada"', false],
    ['user.username ~ "aD"', true],
    ['user.username !~ "x"', true],
    ['context.geo.lat > 50 and context.geo.lat <= 52.5', true],
    ['context.geo.lat < -1.5e1', false],
    ['user.pk >= 6', false],
    ['user.is_anonymous = False', true],
    ['context.missing = None', true],
    ['context.missing != None', false],
    ['context.missing != "x"', true],
    ['context.geo.country startswith "d" and client_ip endswith ".7"', true],
    ['context.geo.country not startswith "d"', false],
    ['context.quote = "say \\"hi\\""', true],
    ['context.tags ~ "b"', true],
    ['action = "x" or action = "login_failed" and app = "y" or app = "authentik.core"', true],
    ['(action = "x" or action = "login_failed") and app = "y"', false],
    ['created > "2031-05-06" and created < "2031-05-07T00:00:00Z"', true],
    ['context.__proto__.x = None', true],
  ]
  for (const [source, expected] of cases) {
    const { matches, problem } = eventQuery(source)
    assert.equal(problem, undefined, source)
    assert.equal(matches(event), expected, source)
  }
})

test('what is no query is looked for as it stands', () => {
  const cases: [string, boolean][] = [
    ['192.0.2', true],
    ['LOGIN_FAILED', true],
    ['action = ', false],
    ['nonsense = "x"', false],
    ['context = "x"', false],
    ['action = "x" or', false],
    ['action = "x")', false],
    ['action like "x"', false],
    ['action = login', false],
    ['', true],
    ['(('.repeat(5000), false],
  ]
  for (const [source, expected] of cases) {
    const { matches, problem } = eventQuery(source)
    assert.equal(typeof problem, 'string', source)
    assert.equal(matches(event), expected, source)
  }
})
