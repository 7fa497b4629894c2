import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientAddress, isTrustedPeer } from './client-address.ts'
import { parseCidr } from '../lib/ip.ts'

const trusted = ['127.0.0.0/8', '10.0.0.0/8', 'fe80::/10'].map(text => parseCidr(text)!)
const from = (remoteAddress: string | undefined, headers: Record<string, string | string[]> = {}, encrypted = false) =>
  clientAddress({ remoteAddress, encrypted, headers }, trusted)
const ipVia = (forwarded: string | string[]) => from('10.0.0.2', { 'x-forwarded-for': forwarded }).ip

test('strangers cannot choose their address, scheme or host (abuse cases 62, 64)', () => {
  const headers = { host: 'id.example', 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' }
  assert.deepEqual(from('203.0.113.9', headers), { ip: '203.0.113.9', scheme: 'http', host: 'id.example', viaTrustedProxy: false })
  assert.deepEqual(clientAddress({ remoteAddress: '10.0.0.2', encrypted: false, headers }, []), {
    ip: '10.0.0.2',
    scheme: 'http',
    host: 'id.example',
    viaTrustedProxy: false,
  })
})

test('a trusted proxy speaks for its client', () => {
  const headers = {
    host: 'inner:9000',
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'ID.example:8443',
  }
  assert.deepEqual(from('10.0.0.2', headers), { ip: '203.0.113.9', scheme: 'https', host: 'id.example:8443', viaTrustedProxy: true })
  assert.equal(from('::ffff:10.0.0.2', headers).ip, '203.0.113.9')
  assert.equal(from('fe80::2%eth0', headers).ip, '203.0.113.9')
})

test('the client is the last hop that is no trusted proxy (abuse case 64)', () => {
  const cases: [string | string[], string][] = [
    ['1.2.3.4, 203.0.113.9', '203.0.113.9'], // the first entry came from the client
    ['1.2.3.4, 203.0.113.9, 10.0.0.7', '203.0.113.9'],
    ['127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.9, 10.0.0.8', '10.0.0.9'], // all are trusted: the first is the client
    [['1.2.3.4', '203.0.113.9'], '203.0.113.9'],
    ['2001:DB8::1', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['fe80::1%eth0, 203.0.113.9', '203.0.113.9'],
    ['fe80::1%eth0', 'fe80::1'],
  ]
  for (const [header, ip] of cases) assert.equal(ipVia(header), ip, String(header))
})

test('garbage ends the walk at the hop that passed it on (abuse case 64)', () => {
  const cases: [string, string][] = [
    ['', '10.0.0.2'],
    ['unknown', '10.0.0.2'],
    ['1.2.3.4, unknown', '10.0.0.2'],
    ['1.2.3.4,', '10.0.0.2'],
    ['1.2.3.4, garbage, 10.0.0.7', '10.0.0.7'],
    ["1.2.3.4'; DROP TABLE", '10.0.0.2'],
    ['[1.2.3.4]', '10.0.0.2'],
    ['1.2.3.4:999999', '10.0.0.2'],
    ['2001:db8::1%eth0', '10.0.0.2'],
    ['fe80::1%<script>', '10.0.0.2'],
    ['0x7f.1', '10.0.0.2'],
    ['1.2.3.4 5.6.7.8', '10.0.0.2'],
  ]
  for (const [header, ip] of cases) assert.equal(ipVia(header), ip, header)
  assert.equal(ipVia(Array(10_000).fill('10.0.0.3').join(',')), '10.0.0.3')
})

test('other headers for the same purpose are not read', () => {
  const headers = {
    forwarded: 'for=1.2.3.4;proto=https;host=evil.example',
    'x-real-ip': '1.2.3.4',
    'true-client-ip': '1.2.3.4',
    host: 'id.example',
  }
  assert.deepEqual(from('10.0.0.2', headers), { ip: '10.0.0.2', scheme: 'http', host: 'id.example', viaTrustedProxy: true })
})

test('scheme and host are those of the hop that the address is from', () => {
  const proto = (value: string, forwarded: string, encrypted = false) =>
    from('10.0.0.2', { 'x-forwarded-for': forwarded, 'x-forwarded-proto': value }, encrypted).scheme
  assert.equal(proto('https', '203.0.113.9, 10.0.0.7'), 'https')
  assert.equal(proto('https,http', '203.0.113.9, 10.0.0.7'), 'https')
  assert.equal(proto('https,http', '203.0.113.9'), 'http') // the client wrote the first
  assert.equal(proto('wss', '203.0.113.9'), 'https')
  assert.equal(proto('ws', '203.0.113.9', true), 'http')
  assert.equal(proto('HTTPS', '203.0.113.9'), 'https')
  assert.equal(proto('gopher', '203.0.113.9', true), 'https')
  assert.equal(from('10.0.0.2', { 'x-forwarded-host': 'evil.example, id.example', 'x-forwarded-for': '203.0.113.9' }).host, 'id.example')
})

test('a malformed host is no host', () => {
  const cases: [string, string | undefined][] = [
    ['id.example', 'id.example'],
    ['ID.Example:443', 'id.example:443'],
    ['localhost:9000', 'localhost:9000'],
    ['auth_server:9000', 'auth_server:9000'],
    ['[::1]:9000', '[::1]:9000'],
    ['127.0.0.1', '127.0.0.1'],
    ['id.example.', 'id.example.'],
    ['', undefined],
    ['a b', undefined],
    ['user@evil', undefined],
    ['id.example/path', undefined],
    ['id..example', undefined],
    ['id.example:99999', undefined],
    ['id.example:', undefined],
    ['[::g]', undefined],
    ['[::1', undefined],
    ['evil"><script>', undefined],
    ['-a.example', undefined],
    ['exämple', undefined],
  ]
  for (const [host, expected] of cases) assert.equal(from('203.0.113.9', { host }).host, expected, host)
  assert.equal(from('203.0.113.9', { host: ['a.example', 'b.example'] }).host, undefined)
  assert.equal(from('10.0.0.2', { host: 'id.example', 'x-forwarded-host': 'evil"' }).host, 'id.example')
  assert.equal(from('203.0.113.9').host, undefined)
})

test('a socket that is gone is nobody', () => {
  assert.deepEqual(from(undefined, { 'x-forwarded-for': '1.2.3.4' }), {
    ip: '0.0.0.0',
    scheme: 'http',
    host: undefined,
    viaTrustedProxy: false,
  })
  assert.equal(isTrustedPeer(undefined, trusted), false)
  assert.equal(isTrustedPeer('127.0.0.1', trusted), true)
  assert.equal(isTrustedPeer('8.8.8.8', trusted), false)
})
