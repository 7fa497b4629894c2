import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretMatcher, secretsEqual } from './constant-time.ts'

test('secrets of any length and kind are equal only to themselves', () => {
  assert.ok(secretsEqual('geheim', 'geheim'))
  assert.ok(secretsEqual('', ''))
  assert.ok(secretsEqual('schlüssel', Buffer.from('schlüssel')))
  for (const other of ['', 'geheim ', 'Geheim', 'geheimnis', 'gehei']) assert.ok(!secretsEqual('geheim', other), other)
})

test('a secret that much is compared with knows itself each time, and nothing else', () => {
  const isIt = secretMatcher('geheim')
  for (const presented of ['geheim', 'geheim ', 'geheim', '']) assert.equal(isIt(presented), presented === 'geheim')
})
