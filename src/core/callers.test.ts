import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, adminsGroup } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'

const { admin, client, ctx } = await server()

/** Someone with a token, and whether they may do what only superusers may. */
async function someone() {
  const user = await aUser(ctx)
  const own = client(await aToken(ctx, user))
  const self = async () => (await own.get('/api/v3/core/users/me/')).body.user as { is_superuser: boolean; system_permissions: string[] }
  return { user, own, superuser: async () => (await self()).is_superuser, permissions: async () => (await self()).system_permissions }
}

test('a request sees membership that changed before it, in both directions', async () => {
  const { user, superuser } = await someone()
  const group = await adminsGroup(ctx)
  assert.equal(await superuser(), false)
  await admin.post(`/api/v3/core/groups/${group}/add_user/`, { pk: user.id })
  assert.equal(await superuser(), true)
  await admin.post(`/api/v3/core/groups/${group}/remove_user/`, { pk: user.id })
  assert.equal(await superuser(), false)
})

test('a request sees what a group became, or was put below, before it', async () => {
  const { user, superuser } = await someone()
  const group = (await aGroup(ctx, { users: [user.id] })).group_uuid as string
  assert.equal(await superuser(), false)
  await admin.patch(`/api/v3/core/groups/${group}/`, { parents: [await adminsGroup(ctx)] })
  assert.equal(await superuser(), true)
  await admin.patch(`/api/v3/core/groups/${group}/`, { parents: [] })
  assert.equal(await superuser(), false)
  await admin.patch(`/api/v3/core/groups/${group}/`, { is_superuser: true })
  assert.equal(await superuser(), true)
  await admin.delete(`/api/v3/core/groups/${group}/`)
  assert.equal(await superuser(), false)
})

test('a request sees a role that was given, changed or deleted before it', async () => {
  const { user, permissions } = await someone()
  assert.deepEqual(await permissions(), [])
  const role = await aRole(ctx, user, ['authentik_core.view_group'])
  assert.deepEqual(await permissions(), ['authentik_core.view_group'])
  await ctx.db.insertInto('role_permission').values({ role, permission: 'authentik_core.view_user' }).execute()
  assert.deepEqual((await permissions()).sort(), ['authentik_core.view_group', 'authentik_core.view_user'])
  await ctx.db.deleteFrom('role').where('role_uuid', '=', role).execute()
  assert.deepEqual(await permissions(), [])
})

test('an account that was switched off, and a token that was deleted, are good for nothing at once', async () => {
  const { user, own } = await someone()
  assert.equal((await own.get('/api/v3/core/users/me/')).status, 200)
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('id', '=', user.id as number)
    .execute()
  assert.equal((await own.get('/api/v3/core/users/me/')).status, 403)
  await ctx.db
    .updateTable('user')
    .set({ is_active: true })
    .where('id', '=', user.id as number)
    .execute()
  assert.equal((await own.get('/api/v3/core/users/me/')).status, 200)
  await ctx.db
    .deleteFrom('token')
    .where('user', '=', user.id as number)
    .execute()
  assert.equal((await own.get('/api/v3/core/users/me/')).status, 403)
})
