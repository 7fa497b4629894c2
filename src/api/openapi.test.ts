import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { server } from '../../test/harness.ts'
import { registry } from '../registry.ts'
import { openApiDocument } from './openapi.ts'

const A = '/api/v3/schema/'

test('the description of the API is YAML, and JSON for those who ask', async () => {
  const { client } = await server()
  const plain = await client().get(A)
  assert.equal(plain.status, 200)
  assert.match(String(plain.headers['content-type']), /^application\/vnd\.oai\.openapi/)
  const asked = await client().get(`${A}?format=json`)
  const accepted = await client().get(A, { accept: 'application/json' })
  assert.deepEqual(asked.body, accepted.body)
  assert.deepEqual(parse(plain.text, { maxAliasCount: -1 }), asked.body)
})

test('every operation has a name of its own, and every schema that is mentioned is there', () => {
  const document = openApiDocument(registry) as unknown as {
    paths: Record<string, Record<string, { operationId: string }>>
    components: { schemas: Record<string, unknown> }
  }
  const ids = Object.values(document.paths).flatMap(methods => Object.values(methods).map(operation => operation.operationId))
  assert.equal(new Set(ids).size, ids.length)
  for (const id of [
    'core_groups_list',
    'core_users_partial_update',
    'core_users_used_by_list',
    'rbac_permissions_assigned_by_roles_assign',
  ])
    assert.ok(ids.includes(id), id)
  for (const name of ['Group', 'GroupRequest', 'PatchedGroupRequest', 'PaginatedGroupList'])
    assert.ok(document.components.schemas[name], name)
  for (const [, name = ''] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(document.components.schemas[name], name)
})

test('passwords, keys and their like can be sent but are in no answer', () => {
  const { components } = openApiDocument(registry) as unknown as {
    components: { schemas: Record<string, { properties?: Record<string, unknown> }> }
  }
  assert.ok(components.schemas.CertificateKeyPairRequest!.properties!.key_data)
  assert.equal(components.schemas.CertificateKeyPair!.properties!.key_data, undefined)
  assert.equal(components.schemas.User!.properties!.password, undefined)
  assert.equal(components.schemas.Token!.properties!.key_sealed, undefined)
})
