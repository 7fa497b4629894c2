import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { permissionCatalogue } from './catalogue.ts'

const A = '/api/v3/rbac/initial_permissions'

/** Numbers of permissions, by their full names. */
async function numbers(...names: string[]): Promise<number[]> {
  const { ctx } = await server()
  return names.map(name => permissionCatalogue(ctx).find(entry => entry.full === name)!.id)
}

/** Somebody with a role, and what they call the server with. */
async function someone(...permissions: string[]) {
  const { ctx, client } = await server()
  const user = await aUser(ctx)
  const role = await aRole(ctx, user, permissions)
  return { user, role, api: client(await aToken(ctx, user)) }
}

const grantsOn = async (key: string) => {
  const { ctx } = await server()
  return ctx.db
    .selectFrom('role_object_permission')
    .select(['role', 'permission', 'model'])
    .where('object_pk', '=', key)
    .orderBy('permission')
    .execute()
}

const ADD = 'authentik_core.add_group'
const OWN = ['authentik_core.view_group', 'authentik_core.change_group', 'authentik_core.delete_group']

test('whoever makes an object gets for their role what it is to have from the beginning, on this object alone', async () => {
  const { admin } = await server()
  const { role, api } = await someone(ADD)
  const made = await admin.post(`${A}/`, {
    name: unique('initial'),
    role,
    permissions: await numbers(...OWN, 'authentik_core.view_application'),
  })
  assert.equal(made.status, 201, made.text)
  const others = await admin.post('/api/v3/core/groups/', { name: unique('theirs') })
  assert.deepEqual(await grantsOn(others.body.pk), [], 'the administrator has other roles')
  const group = await api.post('/api/v3/core/groups/', { name: unique('own') })
  assert.equal(group.status, 201, group.text)
  const key = group.body.pk as string
  const model = 'authentik_core.group'
  assert.deepEqual(
    await grantsOn(key),
    OWN.toSorted().map(permission => ({ role, permission, model })),
  )
  const name = unique('renamed')
  assert.equal((await api.patch(`/api/v3/core/groups/${key}/`, { name })).body.name, name)
  assert.equal((await api.patch(`/api/v3/core/groups/${String(others.body.pk)}/`, { name })).status, 404)
  const listed = await api.get('/api/v3/core/groups/')
  assert.deepEqual(
    listed.body.results.map((found: { pk: string }) => found.pk),
    [key],
  )
  const events = await admin.get(`/api/v3/events/events/?action=model_created&context_model_pk=${key.replaceAll('-', '')}`)
  assert.deepEqual(events.body.results[0].context.initial_permissions.toSorted(), OWN.toSorted())
  assert.equal((await api.delete(`/api/v3/core/groups/${key}/`)).status, 204)
  assert.deepEqual(await grantsOn(key), [], 'they go with the object')
})

test('everybody who has the role may do the same with the object, and those of other roles gain nothing', async () => {
  const { admin, ctx, client } = await server()
  const { role, api } = await someone(ADD)
  const mate = await aUser(ctx)
  await ctx.db
    .insertInto('user_role')
    .values({ user: mate.id as number, role })
    .execute()
  const other = await someone(ADD)
  await admin.post(`${A}/`, { name: unique('initial'), role, permissions: await numbers('authentik_core.view_group') })
  const key = (await api.post('/api/v3/core/groups/', { name: unique('shared') })).body.pk as string
  assert.equal((await client(await aToken(ctx, mate)).get(`/api/v3/core/groups/${key}/`)).status, 200)
  assert.equal((await other.api.get(`/api/v3/core/groups/${key}/`)).status, 404)
  const theirs = (await other.api.post('/api/v3/core/groups/', { name: unique('other') })).body.pk as string
  assert.deepEqual(await grantsOn(theirs), [])
})

test('an object that is not made after all leaves no grants', async () => {
  const { admin } = await server()
  const { role, api } = await someone('authentik_core.add_application')
  await admin.post(`${A}/`, { name: unique('initial'), role, permissions: await numbers('authentik_core.view_application') })
  const slug = unique('app')
  assert.equal((await admin.post('/api/v3/core/applications/', { name: slug, slug })).status, 201)
  const count = async () => (await admin.get(`/api/v3/rbac/permissions/roles/?uuid=${role}`)).body.pagination.count
  assert.equal((await api.post('/api/v3/core/applications/', { name: slug, slug })).status, 400)
  assert.equal(await count(), 0)
  assert.equal((await api.post('/api/v3/core/applications/', { name: slug, slug: unique('app') })).status, 201)
  assert.equal(await count(), 1)
})

test('they are read, changed and deleted as everything else, and go with their role', async () => {
  const { admin } = await server()
  const role = (await admin.post('/api/v3/rbac/roles/', { name: unique('role') })).body.pk as string
  const name = unique('initial')
  const [view, change] = await numbers('authentik_core.view_group', 'authentik_core.change_group')
  const { body } = await admin.post(`${A}/`, { name, role, permissions: [view, view] })
  assert.deepEqual(body.permissions, [view])
  assert.partialDeepStrictEqual(body.permissions_obj, [{ id: view, codename: 'view_group', model: 'group', app_label: 'authentik_core' }])
  assert.equal((await admin.get(`${A}/?name=${name}`)).body.pagination.count, 1)
  const one = `${A}/${String(body.pk)}/`
  assert.deepEqual((await admin.patch(one, { permissions: [change] })).body.permissions, [change])
  assert.deepEqual((await admin.patch(one, { permissions: [5] })).body, { permissions: ['Invalid pk "5" - object does not exist.'] })
  assert.equal((await admin.post(`${A}/`, { name, role, permissions: [] })).status, 400)
  assert.equal((await admin.put(one, { name })).status, 400)
  assert.equal((await admin.delete(`/api/v3/rbac/roles/${role}/`)).status, 204)
  assert.equal((await admin.get(one)).status, 404)
})

test('71 whoever may write them gives nobody, by way of the next object, what they do not hold themselves', async () => {
  const { role, api } = await someone('authentik_rbac.add_initialpermissions', 'authentik_rbac.view_role', ADD, 'authentik_core.view_group')
  const write = async (...names: string[]) => api.post(`${A}/`, { name: unique('initial'), role, permissions: await numbers(...names) })
  assert.equal((await write('authentik_core.view_group')).status, 201)
  assert.deepEqual((await write('authentik_core.view_group', 'authentik_core.enable_group_superuser')).body, {
    permissions: ['Cannot give permissions that you do not have yourself.'],
  })
  const reader = await someone('authentik_core.view_group')
  assert.equal((await reader.api.get(`${A}/`)).status, 403)
  assert.equal((await reader.api.post(`${A}/`, { name: unique('initial'), role, permissions: [] })).status, 403)
})
