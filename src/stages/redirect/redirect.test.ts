import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, FlowVisitor } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'

test('a static redirect leads away, and the plan stays', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, [
    await aStage(ctx, 'redirect', { mode: 'static', target_static: 'https://elsewhere.example/x' }),
    'dummy',
  ])
  const visitor = new FlowVisitor(app)
  for (let visit = 0; visit < 2; visit++) {
    assert.deepEqual(await visitor.challenge(slug), {
      component: 'xak-flow-redirect',
      to: 'https://elsewhere.example/x',
      final_redirect: false,
    })
  }
})

test('a redirect to code goes nowhere', async () => {
  const { app, ctx } = await server()
  for (const target_static of ['javascript:alert(1)', 'java\tscript:alert(1)', 'DATA:text/html,x', 'vbscript:x']) {
    const { slug } = await aFlow(ctx, [await aStage(ctx, 'redirect', { mode: 'static', target_static })])
    assert.equal((await new FlowVisitor(app).challenge(slug)).component, 'ak-stage-access-denied', target_static)
  }
})

test('another flow goes on with what was gathered, and knows where it was reached from', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx)
  const target = await aFlow(ctx, ['password'], { authentication: 'require_redirect' })
  for (const keep_context of [true, false]) {
    const { slug } = await aFlow(ctx, [
      'identification',
      await aStage(ctx, 'redirect', { mode: 'flow', target_flow: target.flow_uuid, keep_context, target_static: '' }),
    ])
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug, 'next=%2Fx')
    const answer = await visitor.challenge(slug, 'next=%2Fx', { uid_field: user.username })
    assert.deepEqual(answer, { component: 'xak-flow-redirect', to: `/if/flow/${target.slug}/?next=%2Fx`, final_redirect: false })
    const there = await visitor.challenge(target.slug, 'next=%2Fx')
    assert.deepEqual(
      [there.component, there.pending_user],
      keep_context ? ['ak-stage-password', user.username] : ['ak-stage-access-denied', ''],
    )
  }
  assert.equal((await new FlowVisitor(app).challenge(target.slug)).component, 'ak-stage-access-denied')
})

test('a flow that is gone, or does not apply, is no target', async () => {
  const { app, ctx } = await server()
  const target = await aFlow(ctx, ['dummy'], { authentication: 'require_superuser' })
  const { slug } = await aFlow(ctx, [await aStage(ctx, 'redirect', { mode: 'flow', target_flow: target.flow_uuid, target_static: '' })])
  assert.equal((await new FlowVisitor(app).challenge(slug)).error_message, 'Flow does not apply to current user.')
  await ctx.db
    .deleteFrom('flow')
    .where('flow_uuid', '=', target.flow_uuid as string)
    .execute()
  const challenge = await new FlowVisitor(app).challenge(slug)
  assert.equal(challenge.error_message, "No target found for Redirect stage. The stage's target_flow may have been deleted.")
})

test('a redirect has the target that its mode needs', async () => {
  const { admin } = await server()
  const A = '/api/v3/stages/redirect/'
  assert.deepEqual((await admin.post(A, { name: unique('r'), mode: 'static' })).body, {
    non_field_errors: ['Target URL should be present when mode is Static.'],
  })
  assert.deepEqual((await admin.post(A, { name: unique('r'), mode: 'flow' })).body, {
    non_field_errors: ['Target Flow should be present when mode is Flow.'],
  })
  assert.equal((await admin.post(A, { name: unique('r'), mode: 'static', target_static: '/x' })).status, 201)
})

test('a deny stage says what it is told to say', async () => {
  const { app, ctx } = await server()
  for (const [deny_message, text] of [
    ['Closed.', 'Closed.'],
    ['', 'Unknown error'],
  ] as const) {
    const { slug } = await aFlow(ctx, [await aStage(ctx, 'deny', { deny_message })])
    assert.equal((await new FlowVisitor(app).challenge(slug)).error_message, text)
  }
})
