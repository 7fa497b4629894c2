import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { jwtVerify, SignJWT } from 'jose'
import { readHs256, signHs256 } from './hs256.ts'

const key = new TextEncoder().encode('a key of this test that is long enough for HS256')
const now = new Date('2026-03-01T12:00:00Z')
const seconds = now.getTime() / 1000

const forged = (header: object, body: unknown) => {
  const signed = [header, body].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

test('a library reads what we sign, and we read what a library signs', async () => {
  const claims = { sid: 'ü', exp: seconds + 10 }
  const { payload, protectedHeader } = await jwtVerify(signHs256(claims, key), key, { currentDate: now })
  assert.deepEqual({ ...payload }, claims)
  assert.deepEqual(protectedHeader, { alg: 'HS256', typ: 'JWT' })
  const theirs = await new SignJWT({ sid: 'x' }).setProtectedHeader({ alg: 'HS256' }).sign(key)
  assert.deepEqual(readHs256(theirs, key, now), { sid: 'x' })
})

test('22 another algorithm, none, and a critical header are refused, even when the signature is right', () => {
  for (const header of [{ alg: 'none' }, { alg: 'HS512' }, { alg: 'RS256' }, {}, { alg: 'HS256', crit: ['exp'] }]) {
    assert.equal(readHs256(forged(header, { sid: 'x' }), key, now), undefined, JSON.stringify(header))
  }
  assert.deepEqual(readHs256(forged({ alg: 'HS256' }, { sid: 'x' }), key, now), { sid: 'x' })
})

test('an altered, truncated, extended or foreign token says nothing', () => {
  const token = signHs256({ sid: 'x' }, key)
  const [header, body, signature] = token.split('.') as [string, string, string]
  const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`
  const other = signHs256({ sid: 'y' }, key).split('.')[1]
  const bad = [
    '',
    '.',
    '..',
    header,
    `${header}.${body}`,
    `${header}.${body}.`,
    `${header}.${body}.${flipped}`,
    `${header}.${other}.${signature}`,
  ]
  for (const text of [...bad, `${token}.`, `${token}=`, `${token}A`, token.slice(0, -1), ` ${token}`]) {
    assert.equal(readHs256(text, key, now), undefined, text)
  }
  assert.equal(readHs256(token, new TextEncoder().encode('another key'), now), undefined)
})

test('a token is over at the second that it names, and does not hold before its time', () => {
  assert.equal(readHs256(signHs256({ exp: seconds }, key), key, now), undefined)
  assert.ok(readHs256(signHs256({ exp: seconds + 1 }, key), key, now))
  assert.equal(readHs256(signHs256({ nbf: seconds + 1 }, key), key, now), undefined)
  assert.ok(readHs256(signHs256({ nbf: seconds }, key), key, now))
  assert.equal(readHs256(signHs256({ exp: 'never' }, key), key, now), undefined)
})

test('claims that are no object say nothing', () => {
  for (const body of [null, [], 'text', 7]) assert.equal(readHs256(forged({ alg: 'HS256' }, body), key, now), undefined)
})
