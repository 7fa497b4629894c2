import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidrContains, formatCidr, formatIp, inCidrs, parseCidr, parseIp } from './ip.ts'

const canonical = (text: string) => {
  const ip = parseIp(text)
  return ip && formatIp(ip)
}

test('addresses are read strictly and written in canonical form', () => {
  const cases: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25', 'fe80::1'],
  ]
  for (const [text, expected] of cases) assert.equal(canonical(text), expected, text)
})

test('what is no address is undefined', () => {
  const cases = [
    '',
    ' ',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.-1',
    '0x7f.0.0.1',
    '2130706433',
    '127.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4:80',
    '１.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '[::1]',
    '::1%',
    '2001:db8::1%eth0',
    'fe80::1%e th',
    `fe80::1%${'x'.repeat(33)}`,
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '::ffff:1.2.3.400',
    '::1/128',
    'localhost',
    'unknown',
    '::1\0',
  ]
  for (const text of cases) assert.equal(parseIp(text), undefined, text)
})

test('a block holds the addresses that share its first bits', () => {
  const cases: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['172.16.0.0/12', '172.31.255.255', true],
    ['172.16.0.0/12', '172.32.0.0', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '8.8.8.8', false],
    ['::/0', '::ffff:8.8.8.8', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.6', false],
    ['192.0.2.9/29', '192.0.2.15', true],
    ['fe80::/10', 'febf::1%eth0', true],
    ['fe80::/10', 'fec0::1', false],
    ['::1/128', '::1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '11.1.2.3', false],
  ]
  for (const [block, address, inside] of cases) {
    const cidr = parseCidr(block)
    const ip = parseIp(address)
    assert.ok(cidr && ip, block)
    assert.equal(cidrContains(cidr, ip), inside, `${address} in ${block}`)
    assert.equal(inCidrs([cidr], ip), inside)
  }
  assert.equal(inCidrs([], parseIp('127.0.0.1')!), false)
})

test('blocks are written with their first address', () => {
  const cases: [string, string | undefined][] = [
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['FE80::/10', 'fe80::/10'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/', undefined],
    ['10.0.0.0/08', undefined],
    ['10.0.0.0/-1', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10/8', undefined],
    ['::/129', undefined],
    ['::ffff:10.0.0.0/95', undefined],
    ['fe80::1%eth0/64', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of cases) {
    const cidr = parseCidr(text)
    assert.equal(cidr && formatCidr(cidr), expected, text)
  }
})
