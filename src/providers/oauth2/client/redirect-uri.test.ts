import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forbiddenScheme, originsOf, redirectMatcher, withParameters, type RedirectUri } from './redirect-uri.ts'

const strict = (url: string): RedirectUri => ({ matching_mode: 'strict', url })
const regex = (url: string): RedirectUri => ({ matching_mode: 'regex', url })
const allowed = (list: RedirectUri[], uri: string, options = {}) => redirectMatcher(list, 'authorization', options)(uri)

test('a strict entry is compared byte for byte (RFC 9700 §2.1)', () => {
  const list = [strict('https://app.example.com/cb')]
  assert.ok(allowed(list, 'https://app.example.com/cb'))
  const others = [
    'https://app.example.com/cb/',
    'https://app.example.com/CB',
    'https://APP.example.com/cb',
    'HTTPS://app.example.com/cb',
    'http://app.example.com/cb',
    'https://app.example.com:443/cb',
    'https://app.example.com/cb?x=1',
    'https://app.example.com/cb#',
    'https://app.example.com/cb/../evil',
    'https://app.example.com/%63b',
    'https://app.example.com.evil.com/cb',
    'https://app.example.com@evil.com/cb',
    'https://app.example.com/cb\\',
    'https://app.example.com/\tcb',
    ' https://app.example.com/cb',
    '',
  ]
  for (const uri of others) assert.ok(!allowed(list, uri), uri)
})

test('an empty list allows nothing', () => assert.ok(!allowed([], 'https://app.example.com/cb')))

test('a pattern must match the whole address, in its one spelling', () => {
  const list = [regex('https://[a-z]+\\.example\\.com/cb/.*')]
  assert.ok(allowed(list, 'https://app.example.com/cb/x'))
  const others = [
    'https://app.example.com/cb/../evil',
    'https://app.example.com/cb/%2e%2e/evil',
    'https://app.example.com/cb/%2F..%2Fevil',
    'https://app.example.com/cb/%252f',
    'https://app.example.com/cb/..;/x',
    'https://app.example.com/cb//x',
    'https://app.example.com/cb/\\x',
    'https://evil.test/https://app.example.com/cb/x',
    'https://app.example.com/cb/x#f',
    'https://app.example.com/cb/x y',
    'https://app.example.com/cb/x\n',
  ]
  for (const uri of others) assert.ok(!allowed(list, uri), uri)
  assert.ok(!allowed([regex('https://.*')], 'https://user@app.example.com/'), 'no user information')
  assert.ok(!allowed([regex('https://.*/cb')], 'https://APP.example.com/cb'), 'host as browsers write it')
})

test('a pattern cannot be made to take long (ReDoS)', () => {
  assert.ok(!allowed([regex('https://(a+)+b')], `https://${'a'.repeat(60)}c`))
})

test('a pattern that does not compile matches nothing', () => assert.ok(!allowed([regex('https://(')], 'https://(')))

test('of a loopback address the port may vary, and nothing else (RFC 8252 §7.3)', () => {
  const list = [strict('http://127.0.0.1/cb?a=1'), strict('http://[::1]:4000/cb')]
  const open = { loopback: true }
  for (const uri of ['http://127.0.0.1/cb?a=1', 'http://127.0.0.1:51004/cb?a=1', 'http://[::1]:51004/cb', 'http://[::1]/cb'])
    assert.ok(allowed(list, uri, open), uri)
  const others = [
    'http://localhost:51004/cb?a=1',
    'http://127.0.0.1:51004/cb',
    'http://127.0.0.1:51004/cb?a=2',
    'http://127.0.0.2:51004/cb?a=1',
    'https://127.0.0.1:51004/cb?a=1',
    'http://127.0.0.1:0/cb?a=1',
    'http://127.0.0.1:65536/cb?a=1',
    'http://127.0.0.1:80@evil.test/cb?a=1',
    'http://127.0.0.1.evil.test/cb?a=1',
    'http://[::1]:4000/other',
  ]
  for (const uri of others) assert.ok(!allowed(list, uri, open), uri)
  assert.ok(!allowed(list, 'http://127.0.0.1:51004/cb?a=1'), 'confidential clients have no changing port')
  assert.ok(!allowed([strict('http://localhost/cb')], 'http://localhost:4000/cb', open), 'names are not IP literals')
})

test('entries for logout are no entries for authorization, and the other way round', () => {
  const list: RedirectUri[] = [{ ...strict('https://app.example.com/bye'), redirect_uri_type: 'logout' }]
  assert.ok(!allowed(list, 'https://app.example.com/bye'))
  assert.ok(redirectMatcher(list, 'logout')('https://app.example.com/bye'))
})

test('addresses with prefilled response parameters are refused', () => {
  for (const name of ['code', 'state', 'iss', 'error']) {
    assert.ok(!allowed([regex('https://app\\.example\\.com/.*')], `https://app.example.com/cb?${name}=x`), name)
    assert.ok(
      !allowed(
        [regex('https://app\\.example\\.com/.*')],
        `https://app.example.com/cb?%${name.charCodeAt(0).toString(16)}${name.slice(1)}=x`,
      ),
      `encoded ${name}`,
    )
  }
})

test('schemes that run script are forbidden, however they are written', () => {
  for (const uri of [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
  ]) {
    assert.ok(forbiddenScheme(uri), uri)
    assert.ok(!allowed([regex('.*'), strict(uri)], uri), uri)
  }
})

test("an application's own scheme is allowed (RFC 8252 §7.1)", () =>
  assert.ok(allowed([strict('com.example.app:/cb')], 'com.example.app:/cb')))

test('parameters are added without touching what is there', () => {
  assert.equal(
    withParameters('https://a.test/cb?x=%20y', { code: 'a b', state: 'ü&=' }, 'query'),
    'https://a.test/cb?x=%20y&code=a%20b&state=%C3%BC%26%3D',
  )
  assert.equal(withParameters('https://a.test/cb?', { code: '1' }, 'query'), 'https://a.test/cb?code=1')
  assert.equal(withParameters('https://a.test/cb', { code: '1' }, 'fragment'), 'https://a.test/cb#code=1')
})

test('origins are those of literal web addresses', () => {
  assert.deepEqual(
    [...originsOf([strict('https://a.test:8443/cb'), regex('https://.*'), strict('com.example.app:/cb')])],
    ['https://a.test:8443'],
  )
})
