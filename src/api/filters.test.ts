import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { aToken, aUser } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { choicesOf, MAX_KEY } from './filters.ts'
import type { Model } from './model.ts'

const NOT_A_CHOICE = ['Select a valid choice. That choice is not one of the available choices.']

/** A key that no object has. */
const nobodys = (target: Model): string => ((target.keySchema as { type?: string }).type === 'integer' ? String(MAX_KEY) : randomUUID())

test('a filter by an object that is not there is refused, whatever the list', async () => {
  const { admin, deps } = await server()
  const asked: string[] = []
  for (const { path, model, operations } of deps.registry.resources) {
    if (!operations.list) continue
    for (const [name, spec] of Object.entries(model.filters)) {
      const target = spec.apply ? undefined : choicesOf(model, name)
      if (!target) continue
      const line = `${path}/?${name}=`
      for (const value of [nobodys(target), 'nonsense']) {
        const { status, body } = await admin.get(`/api/v3${line}${value}`)
        assert.deepEqual([status, body], [400, { [name]: NOT_A_CHOICE }], line + value)
      }
      assert.equal((await admin.get(`/api/v3${line}`)).status, 200, `${line}: nothing is asked for`)
      asked.push(line)
    }
  }
  for (const known of ['/policies/bindings/?policy=', '/providers/oauth2/?property_mappings=', '/core/application_entitlements/?app='])
    assert.ok(asked.includes(known), known)
  assert.ok(!asked.includes('/core/tokens/?user__username='), 'a name is no choice')
})

test('a filter by an object that is there answers what refers to it, which may be nothing', async () => {
  const { admin } = await server()
  const providers = async (query: string) => admin.get(`/api/v3/providers/oauth2/?${query}`)
  const flow = (await admin.get('/api/v3/flows/instances/?slug=default-invalidation-flow')).body.results[0].pk
  assert.equal((await providers(`authorization_flow=${flow}`)).body.pagination.count, 0)
  const [mapping] = (await admin.get('/api/v3/propertymappings/provider/scope/?scope_name=openid')).body.results
  assert.equal((await providers(`property_mappings=${mapping.pk}`)).status, 200)
  const mixed = await providers(`property_mappings=${mapping.pk}&property_mappings=${randomUUID()}`)
  assert.deepEqual(mixed.body, { property_mappings: NOT_A_CHOICE })
})

test('whoever may see nothing of a list is told that, and not what there is', async () => {
  const { ctx, client } = await server()
  const token = await aToken(ctx, await aUser(ctx))
  assert.equal((await client(token).get(`/api/v3/providers/oauth2/?authorization_flow=${randomUUID()}`)).status, 403)
})
