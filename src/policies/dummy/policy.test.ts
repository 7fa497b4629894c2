import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aPolicy, ask } from '../../../test/policies.ts'
import { server } from '../../../test/harness.ts'
import { aUser } from '../../../test/builders.ts'

const none = { wait_min: 0, wait_max: 0 }

test('a dummy says what it is told to', async () => {
  assert.deepEqual(await ask('dummy', { ...none, result: true }).then(({ passing, messages }) => [passing, messages]), [true, ['dummy']])
  assert.deepEqual(await ask('dummy', none).then(({ passing, messages }) => [passing, messages]), [false, ['dummy']])
})

test('policies of every kind stand in the list of kinds and can be tried out', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const { body } = await admin.get('/api/v3/policies/all/types/')
  const components = (body as { component: string }[]).map(({ component }) => component)
  const kinds = {
    dummy: none,
    event_matcher: { action: 'login' },
    expression: { expression: 'return True' },
    geoip: { countries: ['DE'] },
    password: {},
    password_expiry: { days: 3 },
    reputation: {},
    unique_password: {},
  }
  assert.equal(components.length, Object.keys(kinds).length)
  for (const [kind, values] of Object.entries(kinds)) {
    const policy = await aPolicy(kind, values)
    assert.ok(components.includes(policy.component as string), kind)
    const tried = await admin.post(`/api/v3/policies/all/${policy.pk}/test/`, { user: user.id, context: {} })
    assert.equal(tried.status, 200, tried.text)
    assert.equal(typeof tried.body.passing, 'boolean')
    assert.equal((await admin.get(`/api/v3/policies/all/${policy.pk}/`)).body.meta_model_name, policy.meta_model_name)
  }
})
