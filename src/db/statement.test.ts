import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { statement } from './statement.ts'

const named = statement((db, username: string, active: boolean) =>
  db
    .selectFrom('user')
    .select(['id', 'username'])
    .where('username', '=', username)
    .where('is_active', '=', active)
    .where('type', '!=', 'external'),
)

test('a statement is compiled once and run with any values, inside and outside of transactions', async () => {
  const { ctx } = await server()
  const [one, two] = [await aUser(ctx), await aUser(ctx, { is_active: false })]
  assert.deepEqual(await named.first(ctx.db, String(one.username), true), { id: one.id, username: one.username })
  assert.deepEqual(await named.all(ctx.db, String(two.username), true), [])
  assert.deepEqual(await named.all(ctx.db, String(two.username), false), [{ id: two.id, username: two.username }])
  await ctx.database.transaction(async trx => {
    await trx
      .updateTable('user')
      .set({ is_active: true })
      .where('id', '=', two.id as number)
      .execute()
    assert.equal((await named.first(trx, String(two.username), true))?.id, two.id)
  })
  assert.equal(await named.first(ctx.db, "x' or '1' = '1", true), undefined)
})

test('a value that is not passed on as it is is found out', async () => {
  const { ctx } = await server()
  const wrong = statement((db, name: string) => db.selectFrom('user').select('id').where('username', '=', `%${name}%`))
  await assert.rejects(wrong.first(ctx.db, 'anna'), /was not passed on/)
})
