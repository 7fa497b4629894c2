import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remember } from './remember.ts'

test('a function that remembers is asked once a text, and again for what it forgot or does not keep', () => {
  const asked: string[] = []
  const length = remember(2, text => {
    asked.push(text)
    return text === '' ? undefined : text.length
  })
  const long = 'x'.repeat(301)
  for (const text of ['a', 'a', '', '', 'bb', 'a', long, long]) assert.equal(length(text), text === '' ? undefined : text.length)
  assert.deepEqual(asked, ['a', '', 'bb', 'a', long, long])
})

test('everybody who brings the same text gets the same value, as long as it is kept', () => {
  const set = remember(64, text => new Set(text.split(' ')), { longest: Infinity })
  const long = 'x'.repeat(1_000)
  assert.equal(set(long), set(long))
  const first = set('a b')
  assert.equal(set('a b'), first)
  for (let index = 0; index < 64; index++) set(String(index))
  assert.notEqual(set('a b'), first)
})
