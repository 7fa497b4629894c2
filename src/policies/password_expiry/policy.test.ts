import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import { ask } from '../../../test/policies.ts'
import type { Row } from '../../api/model.ts'
import { startSession } from '../../core/session/session.ts'

const DAY = 86_400_000

async function aged(days: number): Promise<Row> {
  const { ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  await ctx.db
    .updateTable('user')
    .set({ password_change_date: new Date(ctx.now().getTime() - days * DAY - 1000) })
    .where('id', '=', user.id as number)
    .execute()
  return user
}

const stored = async (user: Row) =>
  (await server()).ctx.db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()

test('young passwords pass', async () => {
  assert.equal((await ask('password_expiry', { days: 10 }, { user: await aged(9) })).passing, true)
})

test('an old one is only refused, or taken away with what it opened', async () => {
  const { ctx } = await server()
  const user = await aged(12)
  await startSession(ctx, { user: user.id as number })
  const refused = await ask('password_expiry', { days: 10, deny_only: true }, { user })
  assert.deepEqual([refused.passing, refused.messages], [false, ['Password has expired.']])
  assert.equal((await stored(user)).password, user.password)
  const taken = await ask('password_expiry', { days: 10 }, { user })
  assert.deepEqual([taken.passing, taken.messages], [false, ['Password expired 2 days ago. Please update your password.']])
  const after = await stored(user)
  assert.match(after.password, /^!/)
  const sessions = await ctx.db
    .selectFrom('session')
    .select('uuid')
    .where('user', '=', user.id as number)
    .execute()
  assert.deepEqual(sessions, [])
  assert.equal((await ask('password_expiry', { days: 10 }, { user })).passing, false)
  assert.equal((await stored(user)).password, after.password)
})

test('nobody has no password that could expire', async () => {
  const { passing, messages } = await ask('password_expiry', { days: 10 })
  assert.deepEqual([passing, messages], [false, ['There is nobody whose password could have expired.']])
})
