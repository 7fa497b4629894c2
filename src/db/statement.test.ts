import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { insertion, statement } from './statement.ts'

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

test('a statement goes through the transaction that it is given, and not past its end', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const rename = statement((db, id: number, name: string) => db.updateTable('user').set({ name }).where('id', '=', id).returning('name'))
  const nameOf = async () =>
    (
      await ctx.db
        .selectFrom('user')
        .select('name')
        .where('id', '=', user.id as number)
        .executeTakeFirstOrThrow()
    ).name
  let kept = ctx.db
  const changed = ctx.database.transaction(async trx => {
    kept = trx
    assert.deepEqual(await rename.all(trx, user.id as number, 'Undone'), [{ name: 'Undone' }])
    throw new Error('changed its mind')
  })
  await assert.rejects(changed, /changed its mind/)
  assert.equal(await nameOf(), user.name)
  await assert.rejects(rename.all(kept, user.id as number, 'Too late'), /transaction/i)
  assert.equal(await nameOf(), user.name)
})

test('a transaction with a failed statement takes no other', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const insert = insertion('group', ['group_uuid', 'name', 'is_superuser', 'attributes'])
  const group = { group_uuid: ctx.uuid(), name: unique('group'), is_superuser: false, attributes: {} }
  await ctx.database.transaction(trx => insert(trx, group))
  const twice = ctx.database.transaction(async trx => {
    await assert.rejects(insert(trx, group))
    await named.first(trx, String(user.username), true)
  })
  await assert.rejects(twice, /transaction/i)
})
