import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import type { Row } from '../../api/model.ts'
import { evaluateEach } from '../engine.ts'

const A = '/api/v3/policies/event_matcher/'

const event = {
  action: 'model_created',
  app: 'authentik.core',
  client_ip: '192.0.2.7',
  user: { username: 'ada' },
  context: { model: { app: 'authentik_core', model_name: 'group', pk: '1', name: 'x' } },
}

async function passes(values: Row, context: Row = { event }): Promise<boolean> {
  const { admin, ctx } = await server()
  const made = await admin.post(A, { name: unique('matcher'), ...values })
  assert.equal(made.status, 201, made.text)
  return (await evaluateEach(ctx, [made.body.pk], { user: null, context })).passing
}

test('everything that is set must match', async () => {
  const cases: [Row, boolean][] = [
    [{ action: 'model_created' }, true],
    [{ action: 'login' }, false],
    [{ action: 'model_created', client_ip: '192.0.2.7', app: 'authentik.core', model: 'authentik_core.group' }, true],
    [{ action: 'model_created', client_ip: '192.0.2.70' }, false],
    [{ model: 'authentik_core.user' }, false],
    [{ app: 'authentik.events' }, false],
    [{ query: 'user.username = "ada"', action: 'model_created' }, true],
    [{ query: 'user.username = "bob"', action: 'model_created' }, false],
  ]
  for (const [values, expected] of cases) assert.equal(await passes(values), expected, JSON.stringify(values))
  assert.equal(await passes({ action: 'login' }, {}), false)
  assert.equal(await passes({ model: 'authentik_core.user' }, { event: { action: 'login' } }), false)
})

test('one criterion at least is needed, and each of a known kind', async () => {
  const { admin } = await server()
  const none = { non_field_errors: ['At least one criteria must be set.'] }
  assert.deepEqual((await admin.post(A, { name: unique('m') })).body, none)
  assert.deepEqual((await admin.post(A, { name: unique('m'), action: null, query: null })).body, none)
  assert.deepEqual((await admin.post(A, { name: unique('m'), app: 'nonsense' })).body, { app: ['"nonsense" is not a valid choice.'] })
  const made = await admin.post(A, { name: unique('m'), action: 'login' })
  assert.deepEqual((await admin.patch(`${A}${made.body.pk}/`, { action: null })).body, none)
  const changed = await admin.patch(`${A}${made.body.pk}/`, { action: null, client_ip: '192.0.2.1' })
  assert.deepEqual([changed.body.action, changed.body.client_ip, changed.body.model], [null, '192.0.2.1', null])
  assert.equal((await admin.get(`${A}?client_ip=192.0.2.1&name=${made.body.name}`)).body.pagination.count, 1)
})

test('a query that is none is saved with a warning', async () => {
  const { admin } = await server()
  const made = await admin.post(A, { name: unique('m'), query: 'backup failed' })
  assert.equal(made.status, 201)
  assert.match(String(made.headers['x-signet-warning']), /^query: Unexpected failed\. It is looked for as plain text\.$/)
})

test('it can be tried out, and is written down where that is wanted', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const made = await admin.post(A, { name: unique('m'), action: 'login', execution_logging: true })
  const tried = await admin.post(`/api/v3/policies/all/${made.body.pk}/test/`, { user: user.id, context: { event: { action: 'login' } } })
  assert.deepEqual(tried.body, { passing: true, messages: [], log_messages: [] })
  await evaluateEach(ctx, [made.body.pk], { user, context: { event: { action: 'login' } } })
  const { results } = (await admin.get(`/api/v3/events/events/?action=policy_execution&search=${made.body.name}`)).body
  assert.equal(results.length, 1)
  assert.deepEqual(results[0].context.result, { passing: true, messages: [] })
  assert.equal(results[0].app, 'authentik.policies.event_matcher')
})
