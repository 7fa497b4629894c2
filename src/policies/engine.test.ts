import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { evaluatePolicies, forgetPolicies } from './engine.ts'
import { expressionKind } from './expression/policy.ts'
import type { Policy } from './policy.ts'

async function aTarget(values: Row = {}): Promise<string> {
  const { admin } = await server()
  const made = await admin.post('/api/v3/core/applications/', { name: unique('app'), slug: unique('app'), ...values })
  assert.equal(made.status, 201, made.text)
  return made.body.pk as string
}

async function aPolicy(expression: string, values: Row = {}): Promise<string> {
  const { admin } = await server()
  const made = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression, ...values })
  assert.equal(made.status, 201, made.text)
  return made.body.pk as string
}

async function bind(target: string, values: Row): Promise<void> {
  const { admin } = await server()
  const made = await admin.post('/api/v3/policies/bindings/', { target, order: 0, ...values })
  assert.equal(made.status, 201, made.text)
}

/** A context in which all stored policies behave like this. */
const behaving = (ctx: Ctx, evaluate: Policy['evaluate']): Ctx => {
  forgetPolicies(ctx)
  return { ...ctx, registry: { ...ctx.registry, policyKinds: [{ ...expressionKind, prepare: () => ({ evaluate }) }] } }
}

const eventsAbout = async (ctx: Ctx, action: string, policy: string) =>
  (await ctx.db.selectFrom('event').selectAll().where('action', '=', action).execute()).filter(
    event => ((event.context as Row).policy as Row).pk === policy.replaceAll('-', ''),
  )

test('bindings are asked by order, and each sees what the ones before it left in the context', async () => {
  const { ctx } = await server()
  const target = await aTarget({ policy_engine_mode: 'all' })
  await bind(target, { policy: await aPolicy('ak_message("second")\nreturn context.get("seen") == ["first"]'), order: 20 })
  await bind(target, { policy: await aPolicy('ak_message("first")\ncontext["seen"] = ["first"]\nreturn True'), order: 10 })
  await bind(target, { policy: await aPolicy('ak_message("never")\nreturn False'), order: 5, enabled: false })
  const decision = await evaluatePolicies(ctx, { target, user: null })
  assert.deepEqual([decision.passing, decision.messages], [true, ['first', 'second']])
  assert.deepEqual(
    decision.findings.map(({ order, result, passing }) => [order, result, passing]),
    [
      [5, 'disabled', false],
      [10, 'passed', true],
      [20, 'passed', true],
    ],
  )
})

test('any needs one of them, all needs every one; groups and people count as one together', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx)
  const mine = (await aGroup(ctx, { users: [user.id] })).group_uuid
  const other = (await aGroup(ctx)).group_uuid
  const cases: [bindings: (() => Promise<Row>)[], any: boolean, all: boolean][] = [
    [[], true, true],
    [[async () => ({ group: mine }), async () => ({ group: other })], true, false],
    [[async () => ({ group: other, negate: true })], true, true],
    [[async () => ({ group: mine, negate: true })], false, false],
    [[async () => ({ user: user.id }), async () => ({ policy: await aPolicy('return False') })], true, false],
    [[async () => ({ group: other }), async () => ({ policy: await aPolicy('return True') })], true, false],
    [[async () => ({ group: other }), async () => ({ policy: await aPolicy('return True'), negate: true })], false, false],
    [[async () => ({ group: other, enabled: false })], true, true],
  ]
  for (const [index, [bindings, any, all]] of cases.entries()) {
    const target = await aTarget()
    for (const [order, binding] of bindings.entries()) await bind(target, { ...(await binding()), order })
    assert.equal((await evaluatePolicies(ctx, { target, user, mode: 'any' })).passing, any, `any of case ${index}`)
    assert.equal((await evaluatePolicies(ctx, { target, user, mode: 'all' })).passing, all, `all of case ${index}`)
  }
})

test('a visitor matches no group and no person, not even where the binding is negated', async () => {
  const { ctx } = await server()
  const target = await aTarget()
  await bind(target, { group: (await aGroup(ctx)).group_uuid, negate: true })
  assert.equal((await evaluatePolicies(ctx, { target, user: null })).passing, false)
})

test('36 a policy that hangs is given up after its time, and the failure result counts, which negate does not turn round', async () => {
  const { ctx } = await server()
  for (const [failure_result, negate] of [
    [false, false],
    [false, true],
    [true, true],
  ]) {
    const target = await aTarget()
    const policy = await aPolicy('return True')
    await bind(target, { policy, timeout: 1, failure_result, negate })
    const hanging = behaving(ctx, () => new Promise(() => {}))
    const decision = await evaluatePolicies(hanging, { target, user: null })
    assert.deepEqual([decision.passing, decision.findings[0]!.result], [failure_result, 'timeout'])
    assert.deepEqual(decision.messages, ['The policy took longer than 1 s.'])
    assert.equal((await eventsAbout(ctx, 'policy_exception', policy)).length, 1)
  }
  forgetPolicies(ctx)
})

test('36 a policy of any kind that throws counts as its failure result, and leaves an event', async () => {
  const { ctx } = await server()
  const target = await aTarget()
  const policy = await aPolicy('return True')
  await bind(target, { policy, failure_result: false, negate: true })
  const broken = behaving(ctx, async () => {
    throw new Error('out of order')
  })
  const decision = await evaluatePolicies(broken, { target, user: null })
  assert.deepEqual(
    [decision.passing, decision.messages, decision.findings[0]!.result],
    [false, ['The policy could not be evaluated.'], 'failed'],
  )
  const [event] = await eventsAbout(ctx, 'policy_exception', policy)
  assert.equal(event!.app, 'authentik.policies.expression')
  forgetPolicies(ctx)
})

test('policies of every kind leave an event of each question where their execution is logged', async () => {
  const { ctx } = await server()
  const target = await aTarget()
  const policy = await aPolicy('return True', { execution_logging: true })
  await bind(target, { policy })
  const user = await aUser(ctx)
  const quiet = behaving(ctx, async () => ({ passing: false, messages: ['no'] }))
  await evaluatePolicies(quiet, { target, user, context: { prompt_data: { password: 'secret' } } })
  const [event] = await eventsAbout(ctx, 'policy_execution', policy)
  const { result, request } = event!.context as { result: Row; request: Row }
  assert.deepEqual(result, { passing: false, messages: ['no'] })
  assert.doesNotMatch(JSON.stringify(request), /"secret"/)
  forgetPolicies(ctx)
})

test('a dry question leaves nothing behind, and yet meets what it wrote itself', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { attributes: {} })
  const target = await aTarget({ policy_engine_mode: 'all' })
  const policy = await aPolicy(
    `request.user.attributes["touched"] = True
request.user.save()
from authentik.core.models import User
ak_create_event("touched")
ak_send_email("a@b.c", "s", body="x")
return User.objects.get(pk=request.user.pk).attributes["touched"]`,
    { execution_logging: true },
  )
  await bind(target, { policy })
  const count = async () =>
    Promise.all(
      (['event', 'task'] as const).map(async table =>
        Number(
          (
            await ctx.db
              .selectFrom(table)
              .select(eb => eb.fn.countAll().as('n'))
              .executeTakeFirstOrThrow()
          ).n,
        ),
      ),
    )
  const before = await count()
  const decision = await evaluatePolicies(ctx, { target, user, dry: true })
  assert.deepEqual([decision.passing, decision.messages], [true, []])
  assert.deepEqual(await count(), before)
  const row = await ctx.db
    .selectFrom('user')
    .select('attributes')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.deepEqual(row.attributes, {})
})

test('a dry question sends no requests, and says so', async () => {
  const { ctx } = await server()
  const target = await aTarget()
  await bind(target, { policy: await aPolicy('return requests.get("http://198.51.100.1/").status_code == 200') })
  const decision = await evaluatePolicies(ctx, { target, user: null, dry: true })
  assert.deepEqual([decision.passing, decision.findings[0]!.result], [false, 'failed'])
  assert.match(decision.messages.join(), /no requests are sent in a dry run/)
})

test('a dry question to a policy that writes and hangs lets the writers of the database go on', async () => {
  const { ctx } = await server()
  const target = await aTarget()
  await bind(target, { policy: await aPolicy('return True'), timeout: 60 })
  const stuck = behaving(ctx, async ctx => {
    await ctx.db.deleteFrom('installation').where('name', '=', 'nothing').execute()
    return new Promise(() => {})
  })
  const decision = await evaluatePolicies(stuck, { target, user: null, dry: true })
  assert.equal(decision.findings[0]!.result, 'timeout')
  await aUser(ctx)
  forgetPolicies(ctx)
})
