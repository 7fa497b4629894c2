import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import type { Row } from '../../api/model.ts'
import { aGroup, aToken, aUser, unique } from '../../../test/builders.ts'
import { aPolicy } from '../../../test/policies.ts'
import { aParty, aSignedInBrowser, oauthServer, type Party } from '../../providers/oauth2/fixture.ts'

const aClient = (): Promise<Party> => aParty({ scopes: ['openid', 'entitlements'] })

async function anEntitlement(party: Party, name: string, more: Row = {}): Promise<Row> {
  const made = await party.server.admin.post('/api/v3/core/application_entitlements/', { app: party.application.pk, name, ...more })
  assert.equal(made.status, 201, made.text)
  return made.body as Row
}

async function bind(entitlement: Row, who: Row): Promise<void> {
  const { admin } = await oauthServer()
  const made = await admin.post('/api/v3/policies/bindings/', { target: entitlement.pbm_uuid, order: 0, ...who })
  assert.equal(made.status, 201, made.text)
}

async function join(user: Row, group: Row): Promise<void> {
  const { admin } = await oauthServer()
  assert.equal((await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/add_user/`, { pk: user.id })).status, 204)
}

const rolesIn = async (party: Party, user: Row): Promise<unknown> => {
  const { browser } = await aSignedInBrowser(user)
  const { entitlements, roles } = decodeJwt((await party.tokens(browser, { scope: 'openid entitlements' })).id_token)
  assert.deepEqual(entitlements, roles)
  return entitlements
}

test('the names of what somebody may do in an application are in its tokens: by person, group, group above, and by not being somebody', async () => {
  const party = await aClient()
  const { ctx } = party.server
  const [user, other] = [await aUser(ctx), await aUser(ctx)]
  const parent = await aGroup(ctx)
  const child = await aGroup(ctx)
  await ctx.db
    .insertInto('group_parent')
    .values({ parent: parent.group_uuid as string, child: child.group_uuid as string })
    .execute()
  await join(user, child)
  await bind(await anEntitlement(party, 'by person'), { user: user.id })
  await bind(await anEntitlement(party, 'by group'), { group: child.group_uuid })
  await bind(await anEntitlement(party, 'by group above'), { group: parent.group_uuid })
  await bind(await anEntitlement(party, 'all but one'), { user: other.id, negate: true })
  await bind(await anEntitlement(party, 'switched off'), { user: user.id, enabled: false })
  await anEntitlement(party, 'nobody’s')
  assert.deepEqual(await rolesIn(party, user), ['all but one', 'by group', 'by group above', 'by person'])
  assert.deepEqual(await rolesIn(party, other), [])
  assert.deepEqual(await rolesIn(await aClient(), user), [])
})

test('attributes of entitlements are merged for expressions', async () => {
  const party = await aClient()
  const { ctx, admin } = party.server
  const user = await aUser(ctx)
  await bind(await anEntitlement(party, 'a', { attributes: { quota: 1, tags: ['x'], in: { depth: 1 } } }), { user: user.id })
  await bind(await anEntitlement(party, 'b', { attributes: { quota: 2, tags: ['y'], in: { width: 2 } } }), { user: user.id })
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', {
    name: unique('attributes'),
    scope_name: 'attributes',
    expression:
      'return {"found": request.user.app_entitlements_attributes(provider.application), "none": request.user.app_entitlements_attributes(None)}',
  })
  assert.equal(mapping.status, 201, mapping.text)
  await party.change({ property_mappings: [mapping.body.pk] })
  const { browser } = await aSignedInBrowser(user)
  const claims = decodeJwt((await party.tokens(browser, { scope: 'openid attributes' })).id_token)
  assert.deepEqual(claims.found, { quota: 2, tags: ['x', 'y'], in: { depth: 1, width: 2 } })
  assert.deepEqual(claims.none, {})
})

test('an entitlement looks as clients know it, its name stands once in an application, and it goes with the application', async () => {
  const party = await aClient()
  const { admin, ctx } = party.server
  const made = await anEntitlement(party, 'editor')
  assert.deepEqual(made, { pbm_uuid: made.pbm_uuid, name: 'editor', app: party.application.pk, attributes: {} })
  const again = await admin.post('/api/v3/core/application_entitlements/', { app: party.application.pk, name: 'editor' })
  assert.equal(again.status, 400)
  assert.deepEqual(again.body, { non_field_errors: ['The fields app, name must make a unique set.'] })
  const listed = await admin.get(`/api/v3/core/application_entitlements/?app=${String(party.application.pk)}`)
  assert.deepEqual(listed.body.results, [made])
  assert.equal((await admin.delete(`/api/v3/core/applications/${party.slug}/`)).status, 204)
  assert.equal((await admin.get(`/api/v3/core/application_entitlements/${String(made.pbm_uuid)}/`)).status, 404)
  const target = await ctx.db
    .selectFrom('policy_target')
    .select('pbm_uuid')
    .where('pbm_uuid', '=', made.pbm_uuid as string)
    .executeTakeFirst()
  assert.equal(target, undefined)
})

test('69 whoever may add entitlements adds them to no application that they may not change', async () => {
  const party = await aClient()
  const { admin, client, ctx } = party.server
  const user = await aUser(ctx)
  const role = await admin.post('/api/v3/rbac/roles/', { name: unique('role') })
  await ctx.db
    .insertInto('user_role')
    .values({ user: user.id as number, role: role.body.pk })
    .execute()
  const grant = (permissions: string[]) => admin.post(`/api/v3/rbac/permissions/assigned_by_roles/${role.body.pk}/assign/`, { permissions })
  assert.equal((await grant(['authentik_core.add_applicationentitlement', 'authentik_core.view_application'])).status, 200)
  const own = client(await aToken(ctx, user))
  const body = { app: party.application.pk, name: 'sneaked in' }
  assert.equal((await own.post('/api/v3/core/application_entitlements/', body)).status, 403)
  assert.equal((await grant(['authentik_core.change_application'])).status, 200)
  assert.equal((await own.post('/api/v3/core/application_entitlements/', body)).status, 201)
})

test('an entitlement is bound to people and groups: a policy, which nobody would ask, is refused', async () => {
  const party = await aClient()
  const { admin, ctx } = party.server
  const { pbm_uuid: target } = await anEntitlement(party, 'asked of nobody')
  const policy = (await aPolicy('expression', { expression: 'return True' })).pk
  const group = (await aGroup(ctx)).group_uuid
  const bindings = '/api/v3/policies/bindings/'
  const refused = await admin.post(bindings, { target, policy, order: 0 })
  assert.deepEqual([refused.status, refused.body], [400, { non_field_errors: ["One of 'group', 'user' must be set."] }])
  const both = await admin.post(bindings, { target, group, user: 1, order: 0 })
  assert.deepEqual(both.body, { non_field_errors: ["Only one of 'group', 'user' can be set."] })
  const bound = await admin.post(bindings, { target, group, order: 0 })
  const changed = await admin.patch(`${bindings}${String(bound.body.pk)}/`, { group: null, policy })
  assert.deepEqual(changed.body, { non_field_errors: ["One of 'group', 'user' must be set."] })
  const elsewhere = await admin.post(bindings, { target: party.application.pk, policy, order: 0 })
  const moved = await admin.patch(`${bindings}${String(elsewhere.body.pk)}/`, { target })
  assert.equal(moved.status, 400)
})
