import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../api/model.ts'
import { aUser } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import { accountNamed, accountOf } from './account.ts'

test('a change of an account is seen by whoever asks for it next', async () => {
  const { ctx } = await server()
  const { id, username } = await aUser(ctx)
  assert.equal((await accountOf(ctx, id as number))?.is_active, true)
  assert.equal((await accountNamed(ctx, username as string))?.id, id)
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('id', '=', id as number)
    .execute()
  assert.equal((await accountOf(ctx, id as number))?.is_active, false)
  assert.equal((await accountNamed(ctx, username as string))?.is_active, false)
  await ctx.db
    .deleteFrom('user')
    .where('id', '=', id as number)
    .execute()
  assert.equal(await accountOf(ctx, id as number), undefined)
  assert.equal(await accountNamed(ctx, username as string), undefined)
})

test('what somebody writes into an account that they were given is theirs alone', async () => {
  const { ctx } = await server()
  const { id } = await aUser(ctx, { attributes: { nested: { list: [1] } } })
  const mine = (await accountOf(ctx, id as number))!
  const attributes = mine.attributes as { nested: { list: number[] } }
  attributes.nested.list.push(2)
  mine.name = 'changed'
  const theirs = (await accountOf(ctx, id as number))! as Row & { attributes: unknown }
  assert.notEqual(theirs.name, 'changed')
  assert.deepEqual(theirs.attributes, { nested: { list: [1] } })
})
