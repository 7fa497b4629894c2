import assert from 'node:assert/strict'
import { test } from 'node:test'
import { component, contractOperations, operationAt, operationFor, violations } from './schema.ts'

test('every schema of the contract compiles', () => {
  assert.ok(contractOperations().length > 900)
  for (const { responses, request } of contractOperations()) {
    if (request) violations(request.schema, {})
    for (const { schema } of responses.values()) if (schema) violations(schema, {})
  }
})

test('operations are found by pattern and by URL, literal segments first', () => {
  assert.equal(operationAt('GET', '/core/groups/:pk/')?.id, 'core_groups_retrieve')
  assert.equal(operationFor('GET', '/api/v3/core/users/me/?x=1')?.id, 'core_users_me_retrieve')
  assert.equal(operationFor('GET', '/api/v3/core/users/7/')?.id, 'core_users_retrieve')
})

test('what does not fit is named', () => {
  assert.deepEqual(
    violations(component('Pagination'), { next: 0 }).filter(line => line.includes("'count'")),
    ["/ must have required property 'count'"],
  )
  assert.ok(violations(component('ChallengeTypes'), { component: 'no-such-stage' }).length > 0)
  assert.ok(violations(component('ChallengeTypes'), { component: 'ak-stage-password' }).some(line => line.includes('pending_user')))
})
