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
