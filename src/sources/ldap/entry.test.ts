import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalDn } from './dn.ts'
import { firstText, plainEntry, readEntry, readTime, valuesOf } from './entry.ts'
import { schemaFrom } from './schema.ts'
import { isDisabled, passwordChanged } from './state.ts'

const schema = schemaFrom([
  "( 2.5.4.41 NAME 'name' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )",
  "( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'it''s (a) name' SUP name )",
  "( 1.1 NAME 'uidNumber' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
  "( 1.2 NAME 'pwdLastSet' SYNTAX '1.2.840.113556.1.4.906' SINGLE-VALUE )",
  "( 1.3 NAME 'createTimestamp' SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE NO-USER-MODIFICATION )",
  "( 1.4 NAME 'jpegPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )",
  "( 1.5 NAME 'nsAccountLock' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )",
  "( 1.6 NAME 'derived' SUP uidNumber )",
])

const entry = (attributes: Record<string, string | Buffer | (string | Buffer)[]>, dn = 'cn=x,dc=y') =>
  readEntry(
    {
      dn,
      attributes: new Map(
        Object.entries(attributes).map(([name, values]) => [name, [values].flat().map(value => Buffer.from(value as string))]),
      ),
    },
    schema,
  )

test('values are what the schema says, lists where there may be several', () => {
  const read = entry({
    cn: 'Ada',
    uidNumber: '1001',
    createTimestamp: '20261122084132Z',
    jpegPhoto: Buffer.from([0xff, 0xd8]),
    nsAccountLock: 'FALSE',
    derived: '7',
    other: 'text',
    strange: Buffer.from([0xff]),
    userPassword: '{SSHA}secret',
    empty: [],
  })
  assert.deepEqual(read.ldap, {
    cn: ['Ada'],
    uidNumber: 1001,
    createTimestamp: new Date('2026-11-22T08:41:32Z'),
    jpegPhoto: [new Uint8Array([0xff, 0xd8])],
    nsAccountLock: false,
    derived: [7],
    other: ['text'],
    strange: [new Uint8Array([0xff])],
    distinguishedName: 'cn=x,dc=y',
  })
  assert.deepEqual([valuesOf(read, 'CN'), firstText(read, 'UIDNUMBER'), firstText(read, 'none')], [['Ada'], '1001', undefined])
  assert.equal(plainEntry(read).createTimestamp, '2026-11-22T08:41:32.000Z')
  assert.deepEqual(plainEntry(read).jpegPhoto, ['ffd8'])
})

test('identifiers of Active Directory are written as everybody writes them', () => {
  const sid = Buffer.from('010500000000000515000000a065cf7e784b9b5fe77c8770091c0100', 'hex')
  const guid = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
  const read = entry({ objectSid: sid, objectGUID: guid })
  assert.equal(firstText(read, 'objectSid'), 'S-1-5-21-2127521184-1604012920-1887927527-72713')
  assert.equal(firstText(read, 'objectGUID'), '{33221100-5544-7766-8899-aabbccddeeff}')
  assert.equal(firstText(entry({ objectSid: Buffer.from([1, 9, 0]) }), 'objectSid'), '\u0001\t\u0000')
})

test('times are read in all their spellings', () => {
  const at = (text: string) => readTime(text)?.toISOString()
  assert.equal(at('20261122084132Z'), '2026-11-22T08:41:32.000Z')
  assert.equal(at('20261122084132.5Z'), '2026-11-22T08:41:32.500Z')
  assert.equal(at('202611220841+0130'), '2026-11-22T07:11:00.000Z')
  assert.equal(at('2026112208Z'), '2026-11-22T08:00:00.000Z')
  assert.deepEqual([at('yesterday'), at('20269922084132Z')], [undefined, undefined])
})

test('an account is off when its directory says so', () => {
  for (const [attributes, off] of [
    [{}, false],
    [{ userAccountControl: '512' }, false],
    [{ userAccountControl: '514' }, true],
    [{ userAccountControl: 'nonsense' }, false],
    [{ nsAccountLock: 'TRUE' }, true],
    [{ nsaccountlock: 'false' }, false],
    [{ pwdAccountLockedTime: '000001010000Z' }, true],
    [{ pwdAccountLockedTime: '20261122084132Z' }, false],
  ] as const)
    assert.equal(isDisabled(entry(attributes)), off, JSON.stringify(attributes))
})

test('when a password was changed is told in three ways', () => {
  const at = (attributes: Record<string, string>) => passwordChanged(entry(attributes))?.toISOString()
  assert.equal(at({ pwdLastSet: '133801000000000000' }), '2024-12-31T06:26:40.000Z')
  assert.equal(at({ pwdChangedTime: '20261122084132Z' }), '2026-11-22T08:41:32.000Z')
  assert.equal(at({ krbLastPwdChange: '20261122084132Z' }), '2026-11-22T08:41:32.000Z')
  assert.deepEqual([at({ pwdLastSet: '0' }), at({})], [undefined, undefined])
})

test('names are the same however they are spelled', () => {
  const same = (a: string, b: string) => normalDn(a) === normalDn(b)
  assert.ok(same('CN=Ada Lovelace, OU=People,DC=example', 'cn=ada lovelace,ou=people,dc=example'))
  assert.ok(same('cn=Lovelace\\, Ada,dc=x', 'cn=Lovelace\\2C Ada,dc=x'))
  assert.ok(same('cn=M\\C3\\BCller,dc=x', 'cn=Müller,dc=x'))
  assert.ok(!same('cn=a\\,cn=b,dc=x', 'cn=a,cn=b,dc=x'))
  assert.ok(!same('cn=a,dc=x', 'cn=a,dc=x,dc=x'))
})
