import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../test/builders.ts'
import { aFlow, aStage, FlowVisitor } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import type { Ctx } from '../context.ts'
import { User } from '../core/people.ts'
import { isReturnPath, isSafeTarget } from './addresses.ts'
import { flowDefinition } from './definition.ts'
import { execute } from './executor.ts'
import { asObject, decode, encode, MODEL, UnkeepableError } from './objects.ts'
import { inMemoryStage, Plan } from './plan.ts'
import { planFlow } from './planner.ts'
import { defineMemoryStage, finish, redirect } from './stage.ts'
import { runWithoutInterface, startPlan } from './start.ts'
import { createFlowToken } from './token.ts'
import type { Visit } from './visit.ts'

test('a context comes back from the session as it went in', async () => {
  const { ctx } = await server()
  const context = {
    text: 'x',
    none: null,
    yes: true,
    list: [1, [2.5]],
    nested: { a: { b: [] } },
    date: new Date(0),
    bytes: new Uint8Array([1, 2]),
    big: 12n,
    far: Infinity,
    tricky: { $model: 'authentik_core.user', pk: 1 },
    trickier: { $entries: [['a', 1]], $date: '1970' },
    deep: [{ $unsaved: 'x' }],
  }
  assert.deepEqual(await decode(ctx, JSON.parse(JSON.stringify(encode(ctx, context)))), context)
})

test('accounts are kept by key and read afresh; what the plan noted of them stays; passwords never get in', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { name: 'Before', password: 'secret' })
  const kept = JSON.stringify(
    encode(ctx, { pending_user: { ...asObject(User, user), backend: 'b' }, other: { ...asObject(User, user), id: null } }),
  )
  assert.ok(!kept.includes('argon2'))
  await ctx.db
    .updateTable('user')
    .set({ name: 'After' })
    .where('id', '=', user.id as number)
    .execute()
  const { pending_user: live, other } = (await decode(ctx, JSON.parse(kept))) as Record<string, Record<string | symbol, unknown>>
  assert.deepEqual([live!.name, live!.backend, live![MODEL]], ['After', 'b', 'authentik_core.user'])
  assert.deepEqual([other!.name, other!.id, other![MODEL]], ['Before', null, 'authentik_core.user'])
  await ctx.db
    .deleteFrom('user')
    .where('id', '=', user.id as number)
    .execute()
  assert.equal(((await decode(ctx, JSON.parse(kept))) as Record<string, unknown>).pending_user, null)
})

test('what cannot be kept is said to be so', async () => {
  const { ctx } = await server()
  const loop: Record<string, unknown> = {}
  loop.self = loop
  for (const value of [() => 1, Symbol('x'), new URL('http://x'), loop]) assert.throws(() => encode(ctx, { value }), UnkeepableError)
})

const at = (path: string) => ({ config: { web: { path } } }) as unknown as Parameters<typeof isReturnPath>[0]

test('only paths of this server are paths of this server', () => {
  for (const good of ['/', '/if/user/', '/a?b=c#d', '/a//b', '/%2F%2Fx', '/ä']) assert.ok(isReturnPath(at('/'), good), good)
  for (const bad of ['', 'x', '//x', '/\\x', '/\t/x', '\\x', 'http://x', '/a\nb', 'javascript:x', '/\u0000', '/a\\b', '/a b'])
    assert.ok(!isReturnPath(at('/'), bad), bad)
  for (const good of ['https://x', 'com.example.app:/cb', '/x', 'http:x']) assert.ok(isSafeTarget(good), good)
  for (const bad of ['javascript:x', ' javascript:x', 'java\nscript:x', 'data:x', 'BLOB:x', 'file:///x', 'vbscript:x'])
    assert.ok(!isSafeTarget(bad), bad)
  // Where sources begin, a click of one's own has to lead.
  for (const bad of ['/source/oauth/login/x/', '/%73ource/oauth/login/x/', '/a/../source/x', '/./source/x', '/a/..//source/x', '/%zz'])
    assert.ok(!isReturnPath(at('/'), bad), bad)
  assert.ok(isReturnPath(at('/'), '/sources/') && isReturnPath(at('/id/'), '/source/') && !isReturnPath(at('/id/'), '/id/source/oauth/'))
})

/** A program in which a provider has a last stage of its own. */
const withProvider = (ctx: Ctx): Ctx => ({
  ...ctx,
  registry: {
    ...ctx.registry,
    memoryStages: [
      ...ctx.registry.memoryStages,
      defineMemoryStage({
        kind: 'answer',
        challenge: ({ stage }) => redirect(`https://client.example/?code=${String(stage.code)}`, { last: true }),
      }),
      defineMemoryStage({
        kind: 'form_post',
        challenge: () => finish({ component: 'ak-stage-autosubmit', url: 'https://client.example/', attrs: { code: '1' } }),
      }),
    ],
  },
})

const nobody = (): Visit => ({ session: null, cookies: new Map() })

test('a provider’s last stage answers at once when nobody needs to be asked', async () => {
  const ctx = withProvider((await server()).ctx)
  const definition = (await flowDefinition(ctx, (await aFlow(ctx, [], { designation: 'authorization' })).slug))!
  const plan = async () => {
    const planned = await planFlow(ctx, definition, {}, { allowEmpty: true })
    assert.ok(planned.ok)
    return planned.plan
  }
  const direct = await plan()
  direct.appendStage(inMemoryStage('answer', { code: 5 }))
  const answer = await runWithoutInterface(ctx, nobody(), direct, { kinds: ['answer'] })
  assert.deepEqual(answer?.challenge, { component: 'xak-flow-redirect', to: 'https://client.example/?code=5', final_redirect: true })

  const form = await plan()
  form.appendStage(inMemoryStage('form_post'))
  assert.partialDeepStrictEqual((await runWithoutInterface(ctx, nobody(), form, { kinds: ['form_post'] }))?.challenge, {
    component: 'ak-stage-autosubmit',
    attrs: { code: '1' },
  })
  assert.equal((await planFlow(ctx, definition)).ok, false)
})

test('a provider’s last stage waits for those before it', async () => {
  const ctx = withProvider((await server()).ctx)
  const { slug } = await aFlow(ctx, ['dummy'], { designation: 'authorization' })
  const definition = (await flowDefinition(ctx, slug))!
  const planned = await planFlow(ctx, definition)
  assert.ok(planned.ok)
  planned.plan.appendStage(inMemoryStage('answer', { code: 6 }))
  const visit = nobody()
  assert.equal(await runWithoutInterface(ctx, visit, planned.plan, { kinds: ['answer'] }), undefined)
  assert.equal(visit.session, null)
  const query = new URLSearchParams({ x: 'y' })
  assert.equal(await startPlan(ctx, visit, planned.plan, { query }), `/if/flow/${slug}/?x=y`)
  const shown = await execute(ctx, definition, { method: 'GET', query }, visit)
  assert.equal(shown.kind === 'challenge' && shown.challenge.component, 'ak-stage-dummy')
  assert.deepEqual(await execute(ctx, definition, { method: 'POST', body: {}, query }, visit), { kind: 'step' })
  const done = await execute(ctx, definition, { method: 'GET', query }, visit)
  assert.deepEqual(done, {
    kind: 'challenge',
    challenge: { component: 'xak-flow-redirect', to: 'https://client.example/?code=6', final_redirect: true },
  })
})

test('a plan may send the browser elsewhere after its current stage', async () => {
  const { ctx } = await server()
  const { slug } = await aFlow(ctx, ['dummy', 'deny'])
  const definition = (await flowDefinition(ctx, slug))!
  const planned = await planFlow(ctx, definition)
  assert.ok(planned.ok)
  planned.plan.redirect('/elsewhere')
  const visit = nobody()
  await startPlan(ctx, visit, planned.plan)
  const query = new URLSearchParams()
  await execute(ctx, definition, { method: 'POST', body: {}, query }, visit)
  const answer = await execute(ctx, definition, { method: 'GET', query }, visit)
  assert.equal(answer.kind === 'challenge' && answer.challenge.to, '/elsewhere')
})

test('a link brings a plan into another browser, about the account it was made for, and is spent by the first answer (abuse 37)', async () => {
  const { app, ctx } = await server()
  const [owner, other] = [await aUser(ctx), await aUser(ctx)]
  const stage = await aStage(ctx, 'identification')
  const { slug } = await aFlow(ctx, [stage, 'password', 'dummy'], { designation: 'recovery', authentication: 'none' })
  const definition = (await flowDefinition(ctx, slug))!
  const planned = await planFlow(ctx, definition, { pending_user: asObject(User, owner) })
  assert.ok(planned.ok)
  const key = await createFlowToken(ctx, planned.plan, { user: owner, expires: new Date(ctx.now().getTime() + 60_000) })
  const query = `flow_token=${key}`
  const [scanner, person, thief] = [new FlowVisitor(app), new FlowVisitor(app), new FlowVisitor(app)]
  await thief.challenge(slug)
  for (const visitor of [scanner, scanner, person, thief])
    assert.equal((await visitor.challenge(slug, query)).component, 'ak-stage-identification')
  const asked = await person.challenge(slug, query, { uid_field: other.username })
  assert.deepEqual([asked.component, asked.pending_user], ['ak-stage-password', owner.username])
  const refused = await thief.challenge(slug, query, { uid_field: owner.username })
  assert.deepEqual([refused.component, refused.error_message], ['ak-stage-access-denied', 'This link was used already.'])
})

test('a link is good for nothing after its end, or in another flow', async () => {
  const { app, ctx, clock } = await server()
  const owner = await aUser(ctx)
  const [mine, other] = [await aFlow(ctx, ['password']), await aFlow(ctx, ['password'])]
  const plan = async () => {
    const planned = await planFlow(ctx, (await flowDefinition(ctx, mine.slug))!, { pending_user: asObject(User, owner) })
    assert.ok(planned.ok)
    return planned.plan
  }
  const key = await createFlowToken(ctx, await plan(), { user: owner, expires: new Date(ctx.now().getTime() + 60_000) })
  assert.equal((await new FlowVisitor(app).challenge(other.slug, `flow_token=${key}`)).component, 'ak-stage-access-denied')
  assert.equal((await new FlowVisitor(app).challenge(mine.slug, `flow_token=${key}`)).component, 'ak-stage-password')
  clock.advance(60_000)
  try {
    assert.equal((await new FlowVisitor(app).challenge(mine.slug, `flow_token=${key}`)).component, 'ak-stage-access-denied')
  } finally {
    clock.reset()
  }
})

test('stages go in where they are put', () => {
  const names = (plan: Plan) => plan.stages.map(stage => (stage.kind === 'memory' ? stage.name : ''))
  const plan = new Plan({}, [inMemoryStage('a'), inMemoryStage('d')])
  plan.insertStage(inMemoryStage('b'))
  plan.insertStage(inMemoryStage('c'), 2)
  plan.appendStage(inMemoryStage('e'))
  assert.deepEqual(names(plan), ['a', 'b', 'c', 'd', 'e'])
})
