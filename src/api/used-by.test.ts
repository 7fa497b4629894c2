import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import type { Row } from './model.ts'

const A = '/api/v3'

test('what an object is used by is told to whoever may see that: all of a kind, one of them, or none', async () => {
  const { admin, client, ctx } = await server()
  const group = await aGroup(ctx)
  const slugs = [unique('used'), unique('used')]
  const applications: Row[] = []
  for (const slug of slugs) applications.push((await admin.post(`${A}/core/applications/`, { name: slug, slug })).body as Row)
  const flow = (await admin.get(`${A}/flows/instances/?slug=default-provider-authorization-implicit-consent`)).body.results[0].pk as string
  const providers: Row[] = []
  for (const application of applications) {
    const provider = await admin.post(`${A}/providers/oauth2/`, { name: unique('used'), authorization_flow: flow, redirect_uris: [] })
    await admin.patch(`${A}/core/applications/${String(application.slug)}/`, { provider: provider.body.pk })
    await admin.post(`${A}/policies/bindings/`, { target: application.pk, group: group.group_uuid, order: 0 })
    providers.push(provider.body as Row)
  }
  const person = await aUser(ctx)
  const role = await aRole(ctx, person, ['authentik_providers_oauth2.view_oauth2provider', 'authentik_core.view_group'])
  const mine = client(await aToken(ctx, person))
  const uses = async (path: string) => ((await mine.get(`${A}${path}used_by/`)).body as Row[]).map(use => use.name)
  const ofProvider = (index: number) => uses(`/providers/oauth2/${String(providers[index]!.pk)}/`)
  assert.deepEqual([await ofProvider(0), await ofProvider(1), await uses(`/core/groups/${String(group.group_uuid)}/`)], [[], [], []])
  const assigned = await admin.post(`${A}/rbac/permissions/assigned_by_roles/${role}/assign/`, {
    permissions: ['authentik_core.view_application'],
    model: 'authentik_core.application',
    object_pk: applications[0]!.pk,
  })
  assert.equal(assigned.status, 200, assigned.text)
  assert.deepEqual([await ofProvider(0), await ofProvider(1)], [[slugs[0]], []])
  const everybody = client(await aToken(ctx, await aUser(ctx)))
  assert.equal((await everybody.get(`${A}/providers/oauth2/${String(providers[0]!.pk)}/used_by/`)).status, 404)
})
