import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashToken, makeSecrets, SealError } from './secrets.ts'

const secrets = makeSecrets('a secret key of a test')

test('what is sealed opens again, under the same secret key alone', () => {
  for (const text of ['', 'key', 'ключ 🔑', 'x'.repeat(100_000)]) assert.equal(secrets.open(secrets.seal(text)), text)
  assert.notEqual(secrets.seal('key'), secrets.seal('key'))
  assert.throws(() => makeSecrets('another secret key').open(secrets.seal('key')), SealError)
})

test('a changed or cut seal does not open', () => {
  const sealed = secrets.seal('key')
  const changed = sealed.slice(0, -2) + (sealed.at(-2) === 'A' ? 'B' : 'A') + sealed.at(-1)
  for (const text of ['', 'v1.', 'key', sealed.slice(3), `v2${sealed.slice(2)}`, sealed.slice(0, -4), changed, `${sealed}=`, 'v1.AAAA']) {
    assert.throws(() => secrets.open(text), SealError, text)
  }
})

test('every purpose has a key of its own', () => {
  assert.equal(secrets.hmac('a', 'data'), makeSecrets('a secret key of a test').hmac('a', 'data'))
  assert.notEqual(secrets.hmac('a', 'data'), secrets.hmac('b', 'data'))
  assert.notDeepEqual(secrets.key('a'), secrets.key('b'))
  assert.equal(secrets.key('a').length, 32)
  secrets.key('a').fill(0) // a copy: nobody can spoil the key of others
  assert.notDeepEqual(secrets.key('a'), new Uint8Array(32))
})

test('the key of session cookies has the form that outposts expect', () => {
  // SHA-512 of "abc", FIPS 180-2 appendix C.1
  const hex =
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f'
  assert.equal(new TextDecoder().decode(makeSecrets('abc').sessionKey), hex)
})

test('tokens are stored as SHA-256', () => {
  assert.equal(hashToken('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0') // FIPS 180-2 appendix B.1
})
