import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUserAgent } from './user-agent.ts'

test('browsers, systems and devices are told apart', () => {
  const cases: [agent: string, browser: string, os: string, device: string][] = [
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
      'Chrome 131.0.0',
      'Linux',
      'Other',
    ],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0', 'Firefox 132.0.', 'Windows 10', 'Other'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51',
      'Edge 131.0.2903',
      'Windows 10',
      'Other',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
      'Safari 18.1.',
      'Mac OS X 10.15.7',
      'Mac',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
      'Mobile Safari 18.1.',
      'iOS 18.1',
      'iPhone',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15',
      'Firefox iOS 132.0.',
      'iOS 18.1',
      'iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.39 Mobile Safari/537.36',
      'Chrome Mobile 131.0.6778',
      'Android 14',
      'Samsung SM-S918B',
    ],
    [
      'Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36',
      'Chrome Mobile WebView 131.0.0',
      'Android 15',
      'Pixel 9',
    ],
    [
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
      'Chrome Mobile 131.0.0',
      'Android 10',
      'Generic Smartphone',
    ],
    ['Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0', 'Firefox Mobile 132.0.', 'Android 14', 'Generic Smartphone'],
    ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0', 'Firefox 132.0.', 'Ubuntu', 'Other'],
    ['curl/8.11.0', 'curl 8.11.0', 'Other', 'Other'],
    ['python-requests/2.32.3', 'Python Requests 2.32.3', 'Other', 'Other'],
    ['Go-http-client/1.1', 'Go-http-client 1.1.', 'Other', 'Other'],
    ['ExampleBot/2.0 (+https://bot.example)', 'Other ..', 'Other', 'Spider'],
    ['', 'Other ..', 'Other', 'Other'],
  ]
  for (const [agent, browser, os, device] of cases) {
    const parsed = parseUserAgent(agent)
    const { family, major, minor, patch } = parsed.user_agent
    assert.equal(`${family} ${major}.${minor}.${patch}`, browser, agent)
    const version = [parsed.os.major, parsed.os.minor, parsed.os.patch].filter(part => part !== null).join('.')
    assert.equal(`${parsed.os.family} ${version}`.trim(), os, agent)
    assert.equal(parsed.device.family, device, agent)
    assert.equal(parsed.string, agent)
  }
})

test('the shape is that of the wire', () => {
  assert.deepEqual(parseUserAgent('x'), {
    device: { brand: null, family: 'Other', model: null },
    os: { family: 'Other', major: null, minor: null, patch: null, patch_minor: null },
    user_agent: { family: 'Other', major: '', minor: '', patch: '' },
    string: 'x',
  })
})

test('headers made to take long are answered like others', () => {
  for (const part of ['Version/1Mobile/', 'Android 1; ', 'Mobile OPR/', 'iPhone ', 'Edg/1 ']) {
    assert.equal(parseUserAgent(part.repeat(10_000)).string.length, part.length * 10_000)
  }
})
