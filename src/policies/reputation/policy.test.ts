import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, FlowVisitor } from '../../../test/flows.ts'
import { ownServer, server } from '../../../test/harness.ts'
import { ask, visitorAt } from '../../../test/policies.ts'
import { changeReputation, reputationOf } from './score.ts'

const A = '/api/v3/policies/reputation/scores/'

test('scores add up by address and name, within limits', async () => {
  const { ctx } = await server()
  const [name, other] = [unique('name'), unique('name')]
  const [here, there] = [visitorAt(ctx, '203.0.113.31'), visitorAt(ctx, '203.0.113.32')]
  await Promise.all(Array.from({ length: 7 }, () => changeReputation(here, name, -1)))
  await changeReputation(there, name, -2)
  await changeReputation(here, other, 9)
  assert.equal(await reputationOf(ctx, { ip: '203.0.113.31' }), 0)
  assert.equal(await reputationOf(ctx, { identifier: name }), -7)
  assert.equal(await reputationOf(ctx, { identifier: name, ip: '203.0.113.32' }), -7)
  assert.equal(await reputationOf(ctx, { identifier: other }), 5)
  assert.equal(await reputationOf(ctx, {}), 0)
})

test('the policy passes for bad actors', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const from = '203.0.113.41'
  const says = async (values: object) => (await ask('reputation', { ...values }, { user, from })).passing
  assert.equal(await says({}), false)
  assert.equal(await says({ threshold: 0 }), true)
  const elsewhere = visitorAt(ctx, '203.0.113.42')
  for (let i = 0; i < 5; i++) await changeReputation(elsewhere, user.username as string, -1)
  assert.equal(await says({}), true)
  assert.equal(await says({ check_username: false }), false)
  assert.equal((await ask('reputation', {}, { from: '203.0.113.42' })).passing, true)
  assert.equal((await ask('reputation', { check_ip: false }, { from: '203.0.113.42' })).passing, false)
})

test('signing in well and badly is remembered for a while', async () => {
  const own = await ownServer({ SIGNET_REPUTATION__EXPIRY: '600' })
  const { app, ctx, clock, admin } = own
  const user = await aUser(ctx, { password: 'right' })
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'password', { failed_attempts_before_cancel: 100 }), 'user_login'])
  const score = async () => reputationOf(ctx, { identifier: user.username as string })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  await visitor.challenge(slug, '', { password: 'wrong' })
  assert.equal(await score(), -1)
  await visitor.challenge(slug, '', { password: 'wrong' })
  assert.equal(await score(), -2)
  const { results } = (await admin.get(`${A}?identifier=${user.username as string}`)).body
  assert.partialDeepStrictEqual(results, [{ score: -2, ip: '127.0.0.1', ip_geo_data: {}, ip_asn_data: {} }])
  await visitor.challenge(slug, '', { password: 'right' })
  assert.equal(await score(), -1)

  const nobody = unique('nobody')
  const guess = new FlowVisitor(app)
  await guess.challenge(slug)
  await guess.challenge(slug, '', { uid_field: nobody })
  await guess.challenge(slug, '', { password: 'wrong' })
  assert.equal(await reputationOf(ctx, { identifier: nobody }), -2)
  const strict = await aFlow(ctx, [await aStage(ctx, 'identification', { user_fields: ['username'], pretend_user_exists: false })])
  const other = new FlowVisitor(app)
  await other.challenge(strict.slug)
  await other.challenge(strict.slug, '', { uid_field: nobody })
  assert.equal(await reputationOf(ctx, { identifier: nobody }), -3)

  clock.advance(601_000)
  assert.equal(await score(), 0)
  await changeReputation(visitorAt(ctx, '127.0.0.1'), user.username as string, -1)
  assert.equal(await score(), -1)
})

test('limits are those of the settings', async () => {
  const own = await ownServer()
  await own.admin.patch('/api/v3/admin/settings/', { reputation_lower_limit: -2 })
  const name = unique('name')
  for (let i = 0; i < 4; i++) await changeReputation(visitorAt(own.ctx, '192.0.2.3'), name, -1)
  assert.equal(await reputationOf(own.ctx, { identifier: name }), -2)
})

test('scores are seen and deleted by those who may, and never written', async () => {
  const { admin, ctx, client } = await server()
  const name = unique('name')
  await changeReputation(visitorAt(ctx, '2001:db8::1'), name, -1)
  const { results } = (await admin.get(`${A}?identifier_in=${name},other`)).body
  assert.equal(results.length, 1)
  const url = `${A}${String(results[0].pk)}/`
  assert.equal((await admin.get(url)).body.identifier, name)
  for (const method of ['PUT', 'PATCH']) assert.equal((await admin.request(method, url, { body: {} })).status, 405)
  assert.equal((await admin.post(A, {})).status, 405)
  const user = await aUser(ctx)
  const other = client(await aToken(ctx, user))
  assert.equal((await other.get(A)).status, 403)
  await aRole(ctx, user, ['authentik_policies_reputation.view_reputation'])
  assert.equal((await other.get(url)).status, 200)
  assert.equal((await other.delete(url)).status, 403)
  assert.equal((await admin.delete(url)).status, 204)
})
