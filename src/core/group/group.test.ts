import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'

const A = '/api/v3/core/groups/'

test('a group is created with its defaults and shown with its members (R-102)', async () => {
  const { admin } = await server()
  const name = unique('finance-users')
  const created = await admin.post(A, { name })
  assert.equal(created.status, 201)
  assert.match(created.body.pk, /^[0-9a-f-]{36}$/)
  assert.partialDeepStrictEqual(created.body, {
    name,
    is_superuser: false,
    users: [],
    users_obj: [],
    parents: [],
    children: [],
    attributes: {},
    roles: [],
  })
  const again = await admin.post(A, { name })
  assert.equal(again.status, 400)
  assert.deepEqual(again.body, { name: ['Group with this name already exists.'] })
})

test('a page of groups counts all of them (R-101)', async () => {
  const { admin } = await server()
  const { status, body } = await admin.get(`${A}?page_size=1`)
  assert.equal(status, 200)
  assert.equal(typeof body.pagination.count, 'number')
  assert.equal(body.results.length, 1)
  assert.deepEqual(body.autocomplete, {})
})

test('a wrong token is refused with 403, not 401', async () => {
  const { client } = await server()
  assert.deepEqual(await pick(client('nonsense').get(A)), [403, { detail: 'Token invalid/expired' }])
  assert.deepEqual(await pick(client().get(A)), [403, { detail: 'Authentication credentials were not provided.' }])
})

test('members are replaced by a patch, and added or removed one by one (R-105, R-106)', async () => {
  const { admin, ctx } = await server()
  const group = await aGroup(ctx)
  const [one, two] = [await aUser(ctx), await aUser(ctx)]
  const url = `${A}${String(group.group_uuid)}/`
  const patched = await admin.patch(url, { users: [one.id, two.id] })
  assert.deepEqual(
    patched.body.users_obj.map((user: { username: string }) => user.username).sort(),
    [String(one.username), String(two.username)].sort(),
  )
  assert.equal((await admin.post(`${url}remove_user/`, { pk: one.id })).status, 204)
  assert.deepEqual((await admin.get(url)).body.users, [two.id])
  assert.equal((await admin.post(`${url}add_user/`, { pk: one.id })).status, 204)
  assert.equal((await admin.post(`${url}add_user/`, { pk: one.id })).status, 204)
  assert.deepEqual((await admin.patch(url, { users: [] })).body.users, [])
  assert.equal((await admin.post(`${url}add_user/`, { pk: 99_999_999 })).status, 404)
})

test('a body that is no JSON changes nothing (R-105)', async () => {
  const { admin, ctx } = await server()
  const group = await aGroup(ctx)
  const user = await aUser(ctx)
  const url = `${A}${String(group.group_uuid)}/`
  await admin.patch(url, { users: [user.id] })
  const refused = await admin.request('PATCH', url, { payload: '{"users": [, 5]}' })
  assert.equal(refused.status, 400)
  assert.match(refused.body.detail, /^JSON parse error - /)
  assert.deepEqual((await admin.get(url)).body.users, [user.id])
})

test('a group renamed keeps its key (R-108)', async () => {
  const { admin, ctx } = await server()
  const group = await aGroup(ctx)
  const name = unique('media-users')
  const { status, body } = await admin.patch(`${A}${String(group.group_uuid)}/`, { name })
  assert.deepEqual([status, body.name, body.pk], [200, name, group.group_uuid])
})

test('a delegated manager cannot reach superuser status through a group (abuse case 71)', async () => {
  const { ctx, client } = await server()
  const manager = await aUser(ctx)
  await aRole(ctx, manager, [
    'authentik_core.view_group',
    'authentik_core.add_group',
    'authentik_core.change_group',
    'authentik_core.add_user_to_group',
    'authentik_core.view_user',
  ])
  const api = client(await aToken(ctx, manager))
  const admins = await aGroup(ctx, { is_superuser: true })
  const key = String(admins.group_uuid)
  assert.equal((await api.post(A, { name: unique('g'), is_superuser: true })).status, 400)
  assert.equal((await api.post(A, { name: unique('g'), parents: [key], users: [manager.id] })).status, 400)
  assert.equal((await api.patch(`${A}${key}/`, { users: [manager.id] })).status, 400)
  assert.equal((await api.post(`${A}${key}/add_user/`, { pk: manager.id })).status, 400)
  assert.deepEqual(
    await ctx.db
      .selectFrom('user_group')
      .selectAll()
      .where('user', '=', manager.id as number)
      .execute(),
    [],
  )
})

test('groups cannot be their own ancestors', async () => {
  const { admin, ctx } = await server()
  const top = await aGroup(ctx)
  const below = await aGroup(ctx, { parents: [top.group_uuid] })
  const { status, body } = await admin.patch(`${A}${String(top.group_uuid)}/`, { parents: [below.group_uuid] })
  assert.equal(status, 400)
  assert.ok(body.parents)
})

const pick = async (answer: Promise<{ status: number; body: unknown }>) => {
  const { status, body } = await answer
  return [status, body]
}
