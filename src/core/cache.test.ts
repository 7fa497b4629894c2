import assert from 'node:assert/strict'
import { test } from 'node:test'
import { server } from '../../test/harness.ts'
import type { Ctx } from '../context.ts'
import { cached } from './cache.ts'

/**
 * With a feed that hears of each change, and never suspects that it may have missed one: on a busy machine PostgreSQL answers late now and
 * then, and everything is forgotten.
 */
async function trusting(): Promise<Ctx> {
  const { ctx } = await server()
  const { feed } = ctx.database
  return { ...ctx, database: { ...ctx.database, feed: { onChange: (...given) => feed.onChange(...given), check: () => {} } } }
}

test('A cache holds what its capacity allows, by weight, and forgets the oldest first', async () => {
  const ctx = await trusting()
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
  const ctx = await trusting()
  const lengths = cached(['brand'], async (_, key) => key.length, { capacity: 10, weight: length => length })
  assert.equal(await lengths(ctx, 'as heavy as lead'), 16)
  assert.deepEqual(lengths.keys(ctx), [])
  await lengths(ctx, 'light')
  assert.deepEqual(lengths.keys(ctx), ['light'])
})

test('What two callers load at once weighs once', async () => {
  const ctx = await trusting()
  const lengths = cached(['brand'], async (_, key) => key.length, { capacity: 10, weight: length => length })
  await Promise.all([lengths(ctx, 'eight ch'), lengths(ctx, 'eight ch')])
  await lengths(ctx, 'ab')
  assert.deepEqual(lengths.keys(ctx), ['eight ch', 'ab'])
})

test('A cache that knows what a change concerns forgets nothing else', async () => {
  const ctx = await trusting()
  const { aGroup, aUser, unique } = await import('../../test/builders.ts')
  const [one, other] = [await aUser(ctx, { username: unique('one') }), await aUser(ctx, { username: unique('other') })]
  let loads = 0
  const names = cached(
    ['user', 'group'],
    async (ctx, key) => {
      loads += 1
      return (await ctx.db.selectFrom('user').select('name').where('id', '=', Number(key)).executeTakeFirst())?.name
    },
    { concerns: (_, __, keys, key) => keys.has(key) },
  )
  const both = async () => [await names(ctx, String(one.id)), await names(ctx, String(other.id))]
  await both()
  const rename = (id: unknown, name: string) =>
    ctx.db
      .updateTable('user')
      .set({ name })
      .where('id', '=', id as number)
      .execute()
  await rename(one.id, 'Renamed')
  assert.equal((await both())[0], 'Renamed')
  assert.equal(loads, 3)
  await ctx.db
    .updateTable('user')
    .set({ name: 'Both' })
    .where('username', 'in', [String(one.username), String(other.username)])
    .execute()
  assert.deepEqual(await both(), ['Both', 'Both'])
  assert.equal(loads, 5, 'which rows it was is not known')
  await aGroup(ctx, {})
  await both()
  assert.equal(loads, 7, 'a table of which nobody tells single rows')
})
