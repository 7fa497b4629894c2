import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server } from '../../test/harness.ts'
import { cached } from './cache.ts'

test('A cache holds what its capacity allows, by weight, and forgets the oldest first', async () => {
  const { ctx } = await server()
  const asked: string[] = []
  const lengths = cached(
    ['brand'],
    async (_, key) => {
      asked.push(key)
      return key.length
    },
    { capacity: 10, weight: length => length },
  )
  for (const key of ['four', 'three', 'one']) await lengths(ctx, key)
  assert.deepEqual(lengths.keys(ctx), ['three', 'one'])
  await lengths(ctx, 'three')
  assert.deepEqual(asked, ['four', 'three', 'one'])
  await lengths(ctx, 'two')
  assert.deepEqual(lengths.keys(ctx), ['one', 'two'])
})

test('A cache hands out what is heavier than all it may hold, and keeps nothing of it', async () => {
  const { ctx } = await server()
  const lengths = cached(['brand'], async (_, key) => key.length, { capacity: 10, weight: length => length })
  assert.equal(await lengths(ctx, 'as heavy as lead'), 16)
  assert.deepEqual(lengths.keys(ctx), [])
  await lengths(ctx, 'light')
  assert.deepEqual(lengths.keys(ctx), ['light'])
})

test('What two callers load at once weighs once', async () => {
  const { ctx } = await server()
  const lengths = cached(['brand'], async (_, key) => key.length, { capacity: 10, weight: length => length })
  await Promise.all([lengths(ctx, 'eight ch'), lengths(ctx, 'eight ch')])
  await lengths(ctx, 'ab')
  assert.deepEqual(lengths.keys(ctx), ['eight ch', 'ab'])
})
