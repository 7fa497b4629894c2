import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shared } from './shared.ts'

test('Everybody who brings the same text gets the same value', () => {
  const set = shared(text => new Set(text.split(' ')))
  assert.equal(set('a b'), set('a b'))
  assert.notEqual(set('a b'), set('a c'))
})

test('No more is kept than many have in common', () => {
  const set = shared(text => new Set([text]))
  const first = set('first')
  for (let index = 0; index < 64; index++) set(String(index))
  assert.notEqual(set('first'), first)
})
