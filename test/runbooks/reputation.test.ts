import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { aUser, unique } from '../builders.ts'
import { aFlow, aStage, assertDone, FlowVisitor } from '../flows.ts'
import { ownServer, type TestServer } from '../harness.ts'

/** Protection against guessing by reputation, and the ways in which it goes wrong. */

const A = '/api/v3'

async function bindReputation({ admin }: TestServer, target: unknown, more: Row = {}) {
  const policy = await admin.post(`${A}/policies/reputation/`, {
    name: unique('reputation'),
    check_ip: true,
    check_username: true,
    threshold: -5,
  })
  const bound = await admin.post(`${A}/policies/bindings/`, { target, policy: policy.body.pk, order: 0, ...more })
  assert.equal(bound.status, 201, bound.text)
  return {
    binding: bound.body as { pk: string },
    policy: policy.body as { pk: string },
    warning: bound.headers['x-signet-warning'] as string | undefined,
  }
}

/** Whether a warning stands in the log, too. */
const logged = ({ logged }: TestServer, text: string) => logged.some(line => line.msg === text && line.level === 40)

test('R-417 reputation bound to the flows of a sign-in locks everybody out, which is said at once; without it all is well', async () => {
  const own = await ownServer()
  const { app, ctx, admin } = own
  const flows = [await aFlow(ctx, ['identification', 'password', 'user_login']), await aFlow(ctx, ['identification', 'user_login'])]
  const bound = await Promise.all(flows.map(flow => bindReputation(own, flow.flow_uuid)))
  for (const { warning } of bound) {
    assert.match(warning ?? '', /^Everybody without a bad reputation is locked out here\. .* or negate it\.$/)
    assert.ok(logged(own, warning!))
  }
  for (const { slug } of flows) {
    const shown = await new FlowVisitor(app).challenge(slug)
    assert.deepEqual([shown.component, shown.error_message], ['ak-stage-access-denied', 'Flow does not apply to current user.'])
  }
  for (const { binding } of bound) assert.equal((await admin.delete(`${A}/policies/bindings/${binding.pk}/`)).status, 204)
  for (const { slug } of flows) assert.equal((await new FlowVisitor(app).challenge(slug)).component, 'ak-stage-identification')
  assert.equal((await admin.get(`${A}/policies/reputation/${bound[0]!.policy.pk}/`)).body.bound_to, 0)
})

test('R-417 negated, a flow is open to everybody but the bad', async () => {
  const own = await ownServer()
  const flow = await aFlow(own.ctx, ['identification', 'password', 'user_login'])
  const { warning } = await bindReputation(own, flow.flow_uuid, { negate: true })
  assert.equal(warning, undefined)
  assert.equal((await new FlowVisitor(own.app).challenge(flow.slug)).component, 'ak-stage-identification')
})

test('R-417 bound to the stage of the password, either way round, somebody gets past it, which is said at once', async () => {
  const own = await ownServer()
  const { ctx, admin } = own
  const flow = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const stages = (await admin.get(`${A}/flows/bindings/?target=${String(flow.flow_uuid)}&ordering=order`)).body.results as Row[]
  const [identification, password, login] = stages.map(binding => binding.pk)
  assert.match(
    (await bindReputation(own, password)).warning ?? '',
    /^Everybody without a bad reputation gets past this stage without a password\./,
  )
  assert.match(
    (await bindReputation(own, password, { negate: true, order: 1 })).warning ?? '',
    /^Whoever has a bad reputation gets past this stage/,
  )
  assert.match((await bindReputation(own, identification)).warning ?? '', /without saying who they are/)
  assert.equal((await bindReputation(own, login)).warning, undefined)
  assert.equal((await bindReputation(own, password, { enabled: false, order: 2 })).warning, undefined)
  const { policy } = await bindReputation(own, flow.flow_uuid, { negate: true })
  const changed = await admin.patch(`${A}/policies/reputation/${policy.pk}/`, { threshold: 0 })
  assert.match(String(changed.headers['x-signet-warning']), /locked out here/)
})

test('R-418 bound to a stage that denies, it stops who guessed and where, and nobody else', async () => {
  const own = await ownServer()
  const { app, ctx, admin, clock } = own
  const deny = await aStage(ctx, 'deny', { deny_message: 'Too many wrong passwords.' })
  const password = await aStage(ctx, 'password', { failed_attempts_before_cancel: 100 })
  const flow = await aFlow(ctx, [
    'identification',
    { stage: deny, binding: { evaluate_on_plan: false, re_evaluate_policies: true } },
    password,
    'user_login',
  ])
  const bindings = (await admin.get(`${A}/flows/bindings/?target=${String(flow.flow_uuid)}&ordering=order`)).body.results as Row[]
  assert.equal((await bindReputation(own, bindings[1]!.pk)).warning, undefined)
  const [victim, other] = [await aUser(ctx, { password: 'right' }), await aUser(ctx, { password: 'right' })]
  const identify = async (user: Row, address: string) => {
    const visitor = new FlowVisitor(app, { 'x-forwarded-for': address })
    await visitor.challenge(flow.slug)
    return { visitor, shown: await visitor.challenge(flow.slug, '', { uid_field: user.username }) }
  }
  const signIn = async (user: Row, address: string) =>
    (await identify(user, address)).visitor.challenge(flow.slug, '', { password: 'right' })

  const { visitor: guesser } = await identify(victim, '192.0.2.66')
  for (let i = 0; i < 5; i++) await guesser.challenge(flow.slug, '', { password: 'wrong' })
  for (const [user, address] of [
    [victim, '192.0.2.66'],
    [victim, '192.0.2.67'],
    [other, '192.0.2.66'],
  ] as const) {
    const { shown } = await identify(user, address)
    assert.deepEqual([shown.component, shown.error_message], ['ak-stage-access-denied', 'Too many wrong passwords.'], address)
  }
  assertDone(await signIn(other, '192.0.2.67'), '/')
  clock.advance(86_401_000)
  assertDone(await signIn(victim, '192.0.2.66'), '/')
})
