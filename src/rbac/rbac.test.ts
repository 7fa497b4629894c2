import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { permissionCatalogue } from './catalogue.ts'

const A = '/api/v3/rbac'

test('every model has its four permissions, and numbers that never change', async () => {
  const { ctx } = await server()
  const all = permissionCatalogue(ctx)
  assert.equal(new Set(all.map(entry => entry.id)).size, all.length)
  assert.equal(new Set(all.map(entry => entry.full)).size, all.length)
  for (const model of ctx.registry.models) {
    for (const verb of ['view', 'add', 'change', 'delete'])
      assert.ok(
        all.some(entry => entry.full === `${model.app}.${verb}_${model.modelName}`),
        `${verb} ${model.label}`,
      )
  }
  for (const full of [
    'authentik_core.reset_user_password',
    'authentik_core.impersonate',
    'authentik_core.enable_group_superuser',
    'authentik_rbac.view_system_info',
    'authentik_crypto.view_certificatekeypair_key',
  ]) {
    assert.ok(
      all.some(entry => entry.full === full),
      full,
    )
  }
  assert.equal(all.find(entry => entry.full === 'authentik_core.view_user')!.id, 2_026_601_277)
})

test('permissions are found by name, app, model and role', async () => {
  const { admin, ctx } = await server()
  const role = await aRole(ctx, await aUser(ctx), ['authentik_core.view_user', 'authentik_core.view_group'])
  const codenames = async (query: string) =>
    (await admin.get(`${A}/permissions/?${query}`)).body.results.map((entry: { codename: string }) => entry.codename)
  assert.deepEqual(await codenames(`role=${role}`), ['view_group', 'view_user'])
  assert.deepEqual(await codenames('content_type__app_label=authentik_core&content_type__model=group&search=view'), ['view_group'])
  assert.deepEqual(await codenames('codename=impersonate'), ['impersonate'])
})

test('only permissions of a known name and kind are granted, on objects that exist', async () => {
  const { admin, ctx } = await server()
  const role = (await admin.post(`${A}/roles/`, { name: unique('role') })).body.pk as string
  const assign = (body: unknown) => admin.post(`${A}/permissions/assigned_by_roles/${role}/assign/`, body)
  const user = await aUser(ctx)
  for (const body of [
    { permissions: ['authentik_core.fly'] },
    { permissions: ['view_user'] },
    { permissions: ['authentik_core.view_group'], model: 'authentik_core.user', object_pk: String(user.id) },
    { permissions: ['authentik_core.view_user'], model: 'authentik_core.nothing', object_pk: '1' },
    { permissions: ['authentik_core.view_user'], model: 'authentik_core.user', object_pk: '99999999' },
    { permissions: ['authentik_core.view_user'], object_pk: String(user.id) },
  ]) {
    assert.equal((await assign(body)).status, 400, JSON.stringify(body))
  }
  assert.equal((await assign({ permissions: ['view_user'], model: 'authentik_core.user', object_pk: String(user.id) })).status, 200)
  assert.deepEqual(
    await ctx.db.selectFrom('role_object_permission').select(['permission', 'object_pk']).where('role', '=', role).execute(),
    [{ permission: 'authentik_core.view_user', object_pk: String(user.id) }],
  )
  assert.equal(
    (
      await admin.patch(`${A}/permissions/assigned_by_roles/${role}/unassign/`, {
        permissions: ['view_user'],
        model: 'authentik_core.user',
        object_pk: String(user.id),
      })
    ).status,
    204,
  )
  assert.deepEqual(await ctx.db.selectFrom('role_object_permission').selectAll().where('role', '=', role).execute(), [])
})

test('roles of a person or a group are found, inherited ones when asked', async () => {
  const { admin, ctx } = await server()
  const top = await aGroup(ctx)
  const below = await aGroup(ctx, { parents: [top.group_uuid] })
  const user = await aUser(ctx, { groups: [below.group_uuid] })
  const own = await aRole(ctx, user, [])
  const inherited = (await admin.post(`${A}/roles/`, { name: unique('inherited') })).body.pk as string
  await admin.patch(`/api/v3/core/groups/${String(top.group_uuid)}/`, { roles: [inherited] })
  const roles = async (query: string) =>
    (await admin.get(`${A}/roles/?${query}`)).body.results.map((role: { pk: string }) => role.pk).sort()
  assert.deepEqual(await roles(`users=${String(user.id)}`), [own])
  assert.deepEqual(await roles(`users=${String(user.id)}&inherited=true`), [own, inherited].sort())
  assert.deepEqual(await roles(`groups=${String(below.group_uuid)}`), [])
  assert.deepEqual(await roles(`groups=${String(below.group_uuid)}&inherited=true`), [inherited])
  assert.equal((await admin.post(`${A}/roles/${inherited}/add_user/`, { pk: user.id })).status, 204)
  assert.equal((await admin.post(`${A}/roles/${inherited}/add_user/`, { pk: user.id })).status, 204)
  assert.deepEqual(await roles(`users=${String(user.id)}`), [own, inherited].sort())
  assert.equal((await admin.post(`${A}/roles/${inherited}/remove_user/`, { pk: user.id })).status, 204)
  assert.equal((await admin.post(`${A}/roles/${inherited}/add_user/`, { pk: 99_999_999 })).status, 404)
})
