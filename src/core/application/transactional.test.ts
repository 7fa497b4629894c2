import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aToken, aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'

const PATH = '/api/v3/core/transactional/applications/'

async function aRequest(name: string) {
  const { ctx } = await server()
  const flow = await ctx.db
    .selectFrom('flow')
    .select('flow_uuid')
    .where('slug', '=', 'default-provider-authorization-implicit-consent')
    .executeTakeFirstOrThrow()
  const group = await aGroup(ctx)
  return {
    app: { name, slug: name },
    provider_model: 'authentik_providers_oauth2.oauth2provider',
    provider: { name, authorization_flow: flow.flow_uuid, redirect_uris: [] },
    policy_bindings: [{ group: group.group_uuid, order: 0 }],
  }
}

/** Which of the parts exist. */
async function made(name: string): Promise<string[]> {
  const { db } = (await server()).ctx
  const provider = await db.selectFrom('provider').select('id').where('name', '=', name).executeTakeFirst()
  const application = await db.selectFrom('application').select(['pbm_uuid', 'provider']).where('slug', '=', name).executeTakeFirst()
  const bound =
    application && (await db.selectFrom('policy_binding').select('group').where('target', '=', application.pbm_uuid).executeTakeFirst())
  if (application) assert.equal(application.provider, provider?.id)
  return [provider && 'provider', application && 'application', bound && 'binding'].filter(part => part !== undefined)
}

test('an application comes with its provider and its bindings in one call', async () => {
  const { admin } = await server()
  const name = unique('whole')
  const answer = await admin.put(PATH, await aRequest(name))
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual(answer.body, { applied: true, logs: [] })
  assert.deepEqual(await made(name), ['provider', 'application', 'binding'])
})

test('what is wrong is told under its part, and nothing of the rest is made', async () => {
  const { admin } = await server()
  const name = unique('broken')
  const whole = await aRequest(name)
  const cases = [
    [{ provider: { ...whole.provider, name: '' } }, { provider: { name: ['This field may not be blank.'] } }],
    [{ app: { name, slug: 'token' } }, { app: { slug: ["The slug 'token' is reserved and cannot be used for applications."] } }],
    [
      { policy_bindings: [...whole.policy_bindings, { order: 1 }] },
      { policy_bindings: [{}, { non_field_errors: ["One of 'group', 'policy', 'user' must be set."] }] },
    ],
    [{ provider_model: 'authentik_core.user' }, { provider_model: ['"authentik_core.user" is not a valid choice.'] }],
    [{ provider_model: undefined }, { provider_model: ['This field is required.'] }],
  ]
  for (const [wrong, errors] of cases) {
    const answer = await admin.put(PATH, { ...whole, ...wrong })
    assert.deepEqual([answer.status, answer.body], [400, errors])
    assert.deepEqual(await made(name), [])
  }
})

test('69 whoever may make one part but not the other makes none', async () => {
  const { admin, client, ctx } = await server()
  const user = await aUser(ctx)
  const role = await admin.post('/api/v3/rbac/roles/', { name: unique('role') })
  await ctx.db
    .insertInto('user_role')
    .values({ user: user.id as number, role: role.body.pk })
    .execute()
  await admin.post(`/api/v3/rbac/permissions/assigned_by_roles/${role.body.pk}/assign/`, {
    permissions: ['authentik_providers_oauth2.add_oauth2provider', 'authentik_flows.view_flow'],
  })
  const name = unique('refused')
  assert.equal((await client(await aToken(ctx, user)).put(PATH, await aRequest(name))).status, 403)
  assert.deepEqual(await made(name), [])
})
