import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createObject } from '../api/objects.ts'
import type { Row } from '../api/model.ts'
import { systemContext } from '../context.ts'
import { aFlow, aStage, FlowVisitor } from '../../test/flows.ts'
import { aGroup, aRole, aToken, aUser, adminsGroup, unique } from '../../test/builders.ts'
import { explanationIn } from '../../test/codes.ts'
import { server } from '../../test/harness.ts'
import { Visitor } from '../../test/visitor.ts'
import { cleanExpired } from '../tasks/jobs/purge.ts'
import { PolicyBinding } from '../policies/binding.ts'
import { explanationId, readId } from './id.ts'

const A = '/api/v3/signet/explain/'

async function anApplication(values: Row = {}): Promise<Row & { pk: string; slug: string }> {
  const { admin } = await server()
  const made = await admin.post('/api/v3/core/applications/', {
    name: unique('App'),
    slug: unique('app'),
    meta_launch_url: 'https://app.example.test/',
    ...values,
  })
  assert.equal(made.status, 201, made.text)
  return made.body
}

async function aPolicy(expression: string): Promise<Row & { pk: string; name: string }> {
  const { admin } = await server()
  const made = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })
  assert.equal(made.status, 201, made.text)
  return made.body
}

async function bind(target: unknown, values: Row): Promise<Row> {
  const { ctx } = await server()
  return createObject(ctx, PolicyBinding, { target, order: 0, ...values })
}

/** A child group of a parent, and somebody in the child. */
async function family() {
  const { ctx } = await server()
  const parent = await aGroup(ctx, { name: unique('Engineering') })
  const child = await aGroup(ctx, { name: unique('Backend'), parents: [parent.group_uuid] })
  const user = await aUser(ctx, { groups: [child.group_uuid] })
  return { parent, child, user }
}

test('a person who is refused an application sees an id, under which an administrator reads why', async () => {
  const { app, admin, ctx } = await server()
  const application = await anApplication({ policy_engine_mode: 'all' })
  const staff = await aGroup(ctx, { name: unique('Staff') })
  const policy = await aPolicy('ak_message("Come back tomorrow.")\nreturn False')
  await bind(application.pk, { group: staff.group_uuid, order: 0 })
  await bind(application.pk, { policy: policy.pk, order: 10, timeout: 7 })
  await bind(application.pk, { policy: (await aPolicy('return True')).pk, order: 20, enabled: false })
  const user = await aUser(ctx, { password: 'right' })
  const visitor = new Visitor(app)
  await visitor.signIn(user.username as string, 'right')
  const page = await visitor.get(`/application/launch/${application.slug}/`)
  assert.equal(page.status, 200)
  assert.match(page.text, /Come back tomorrow\./)
  const id = explanationIn(page.text)

  const read = await admin.get(`${A}${id.toLowerCase().replace('-', '')}/`)
  assert.equal(read.status, 200, read.text)
  const { bindings, sentences, ...rest } = read.body
  assert.partialDeepStrictEqual(rest, {
    id,
    kind: 'application',
    surface: 'launch',
    reason: 'policies',
    passing: false,
    application: application.pk,
    flow: null,
    target_name: application.name,
    user: user.id,
    username: user.username,
    mode: 'all',
    membership: false,
    messages: ['Come back tomorrow.'],
    count: 1,
  })
  assert.match(rest.input.digest, /^[\w-]{43}$/)
  assert.deepEqual(rest.input.summary.user, { pk: user.id, username: user.username })
  assert.deepEqual(
    bindings.map((one: Row) => [one.kind, one.name, one.order, one.enabled, one.result, one.passing]),
    [
      ['group', staff.name, 0, true, 'denied', false],
      ['policy', policy.name, 10, true, 'denied', false],
      ['policy', bindings[2].name, 20, false, 'disabled', false],
    ],
  )
  assert.equal(bindings[1].timeout, 7)
  assert.equal(bindings[1].policy_kind, 'authentik_policies_expression.expressionpolicy')
  assert.deepEqual(sentences, [
    `${String(user.username)} may not open the application "${String(application.name)}".`,
    `Order 0, group "${String(staff.name)}": ${String(user.username)} is not a member of it.`,
    `Order 10, policy "${policy.name}": says no ("Come back tomorrow.").`,
    `Order 20, policy "${bindings[2].name}": not asked, the binding is switched off.`,
    'All of them must say yes, and not all do (mode all).',
  ])

  assert.match((await visitor.get(`/application/launch/${application.slug}/`)).text, new RegExp(id))
  assert.equal((await admin.get(`${A}${id}/`)).body.count, 2, 'the same refusal again counts on the one that is there')
  const listed = await admin.get(`${A}?user=${String(user.id)}&application=${application.slug}`)
  assert.deepEqual(
    listed.body.results.map((one: Row) => one.id),
    [id],
  )
  const later = new Date(ctx.now().getTime() + 60_000).toISOString()
  assert.equal((await admin.get(`${A}?user=${String(user.id)}&created__gte=${encodeURIComponent(later)}`)).body.pagination.count, 0)
})

test('a flow that is not for somebody says under which id it is explained, in the challenge and on the page', async () => {
  const { app, admin, ctx } = await server()
  const flow = await aFlow(ctx, ['dummy'], { authentication: 'require_superuser' })
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge(flow.slug)
  assert.equal(shown.error_message, 'Flow does not apply to current user.')
  const id = shown.response_errors.explanation[0].string
  const { body } = await admin.get(`${A}${id}/`)
  assert.partialDeepStrictEqual(body, {
    kind: 'flow',
    surface: 'flow',
    reason: 'authentication',
    requirement: 'require_superuser',
    user: null,
  })
  assert.deepEqual(body.sentences, [`A visitor may not run the flow "${flow.slug}".`, 'It is only for superusers.'])
  assert.match((await visitor.get(`/if/flow/${flow.slug}/`)).text, new RegExp(id))

  const closed = await aFlow(ctx, ['dummy'])
  const policy = await aPolicy('return not ak_message("Closed on Sundays.")')
  await bind(closed.policybindingmodel_ptr_id, { policy: policy.pk, negate: true })
  const refused = await visitor.challenge(closed.slug)
  assert.equal(refused.error_message, 'Closed on Sundays.')
  const second = await admin.get(`${A}${refused.response_errors.explanation[0].string}/`)
  assert.deepEqual(second.body.sentences, [
    `A visitor may not run the flow "${closed.slug}".`,
    `Order 0, policy "${policy.name}": says yes ("Closed on Sundays."); negated, that counts as no.`,
  ])
  assert.equal((await admin.get(`${A}?flow=${closed.slug}`)).body.pagination.count, 1)
})

test('a stage that ends a flow is explained with what let it stand there', async () => {
  const { app, admin, ctx } = await server()
  const stage = await aStage(ctx, 'deny', { deny_message: 'Not from here.' })
  const flow = await aFlow(ctx, [stage])
  const binding = await ctx.db
    .selectFrom('flow_stage_binding')
    .select(['fsb_uuid', 'policybindingmodel_ptr_id'])
    .where('target', '=', flow.flow_uuid as string)
    .executeTakeFirstOrThrow()
  const policy = await aPolicy('return True')
  await bind(binding.policybindingmodel_ptr_id, { policy: policy.pk })
  const shown = await new FlowVisitor(app).challenge(flow.slug)
  assert.equal(shown.error_message, 'Not from here.')
  const { body } = await admin.get(`${A}${shown.response_errors.explanation[0].string}/`)
  assert.deepEqual(body.stage, { name: stage.name, kind: 'authentik_stages_deny.denystage', binding: binding.fsb_uuid, order: 0 })
  assert.deepEqual(body.sentences, [
    `The flow "${flow.slug}" ended for A visitor at the stage "${String(stage.name)}".`,
    'It said: "Not from here.".',
    'The stage was due because of what is bound to it:',
    `Order 0, policy "${policy.name}": says yes.`,
  ])
})

test('secrets that policies saw are in no explanation, and yet count for its digest', async () => {
  const { admin, ctx } = await server()
  const { explainRefusal, storeExplanations } = await import('./record.ts')
  const target = { application: null, flow: null, name: unique('place') }
  const of = async (password: string) => {
    const request = { user: null, context: { prompt_data: { username: 'x', password } }, object: null, debug: false }
    const decision = {
      passing: false,
      messages: [],
      mode: 'any' as const,
      target: null,
      target_kind: null,
      findings: [],
      membership: null,
      empty: false,
      duration: 0,
      request,
    }
    const id = explainRefusal(ctx, { kind: 'flow', surface: password, target, user: null, reason: 'policies', messages: [], decision })
    await storeExplanations(ctx)
    return (await admin.get(`${A}${id}/`)).body
  }
  const [one, two, again] = [await of('first secret'), await of('second secret'), await of('first secret')]
  assert.doesNotMatch(JSON.stringify([one.input, two.input]), /secret/)
  assert.equal(one.input.summary.context.prompt_data.username, 'x')
  assert.notEqual(one.input.digest, two.input.digest)
  assert.equal(one.input.digest, again.input.digest)
})

test('what cannot be stored is told in the log, whole', async () => {
  const { ctx, logged } = await server()
  const { explainRefusal, storeExplanations } = await import('./record.ts')
  const gone = { id: 2_000_000_000, username: 'long gone' }
  const id = explainRefusal(ctx, {
    kind: 'flow',
    surface: 'flow',
    target: { application: null, flow: null, name: unique('lost') },
    user: gone,
    reason: 'policies',
    messages: ['no'],
  })
  await storeExplanations(ctx)
  const line = logged.find(entry => (entry.explanation as Row | undefined)?.id === id)!
  assert.equal(line.msg, 'an explanation could not be stored')
  assert.partialDeepStrictEqual(line.explanation, { reason: 'policies', messages: ['no'] })
})

test('explanations go when their time is over', async () => {
  const { app, admin, ctx, clock } = await server()
  const flow = await aFlow(ctx, ['dummy'], { authentication: 'require_superuser' })
  const shown = await new FlowVisitor(app).challenge(flow.slug)
  const id = shown.response_errors.explanation[0].string
  assert.equal((await admin.get(`${A}${id}/`)).status, 200)
  clock.advance(31 * 86_400_000)
  await cleanExpired.run(systemContext(ctx), {}, { log: () => {}, signal: new AbortController().signal })
  const gone = await ctx.db.selectFrom('explanation').select('id').where('id', '=', id).executeTakeFirst()
  clock.reset()
  assert.equal(gone, undefined)
})

test('would somebody get an application, and why: groups by way of which they are in it', async () => {
  const { admin } = await server()
  const { parent, child, user } = await family()
  const application = await anApplication()
  await bind(application.pk, { group: parent.group_uuid })
  const { status, body, text } = await admin.post(A, { user: user.id, application: application.slug })
  assert.equal(status, 200, text)
  assert.deepEqual([body.passing, body.reason, body.bindings[0].path], [true, 'policies', [child.name, parent.name]])
  assert.deepEqual(body.sentences, [
    `${String(user.username)} may open the application "${String(application.name)}".`,
    `Order 0, group "${String(parent.name)}": ${String(user.username)} is a member of it by way of "${String(child.name)}" → "${String(parent.name)}".`,
  ])
})

test('would somebody get an application: nothing bound, an account that is switched off, a superuser', async () => {
  const { admin, ctx } = await server()
  const application = await anApplication()
  const ask = async (user: Row, target: string = application.slug) => (await admin.post(A, { user: user.id, application: target })).body
  const open = await ask(await aUser(ctx))
  assert.deepEqual(
    [open.passing, open.reason, open.sentences[1]],
    [true, 'nothing_bound', 'Nothing is bound to it, so it is open to everybody.'],
  )
  const asleep = await aUser(ctx, { is_active: false })
  const off = await ask(asleep)
  assert.deepEqual([off.passing, off.reason], [false, 'inactive'])
  assert.equal(off.sentences[1], `The account of ${String(asleep.username)} is switched off, so it may open nothing.`)
  const closed = await anApplication()
  await bind(closed.pk, { group: (await aGroup(ctx)).group_uuid })
  const chief = await aUser(ctx, { groups: [await adminsGroup(ctx)] })
  const bypassed = await ask(chief, closed.pk)
  assert.deepEqual([bypassed.passing, bypassed.reason, bypassed.superuser_path], [true, 'superuser', ['authentik Admins']])
  assert.match(bypassed.sentences[1], /The bindings say no, but .* is a superuser through "authentik Admins"/)
  assert.deepEqual([(await ask(await aUser(ctx), closed.pk)).passing], [false])
})

test('would somebody run a flow, and which of its stages', async () => {
  const { admin, ctx } = await server()
  const group = await aGroup(ctx)
  const user = await aUser(ctx, { groups: [group.group_uuid] })
  const flow = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const [first] = await ctx.db
    .selectFrom('flow_stage_binding')
    .selectAll()
    .where('target', '=', flow.flow_uuid as string)
    .orderBy('order')
    .execute()
  await bind(first!.policybindingmodel_ptr_id, { group: group.group_uuid, negate: true })
  const { body } = await admin.post(A, { user: user.id, flow: flow.slug })
  assert.deepEqual([body.passing, body.reason], [true, 'nothing_bound'])
  assert.deepEqual(
    body.stages.map((stage: Row) => [stage.order, stage.runs]),
    [
      [0, false],
      [10, true],
      [20, true],
    ],
  )
  assert.match(body.stages[0].sentences[1], /is a member of it; negated, that counts as no\./)

  const forAdmins = await aFlow(ctx, ['dummy'], { authentication: 'require_authenticated', designation: 'stage_configuration' })
  const asks = async (signed_in: boolean) => (await admin.post(A, { user: user.id, flow: forAdmins.slug, signed_in })).body
  assert.deepEqual([(await asks(true)).passing, (await asks(false)).reason], [true, 'authentication'])
})

test('asking leaves nothing behind: no events, no writes, no sessions', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const application = await anApplication()
  const policy = await aPolicy(
    'from authentik.core.models import Group\nGroup.objects.create(name="made by a question")\nak_create_event("asked")\nrequest.user.name = "changed"\nrequest.user.save()\nraise ValueError("late")',
  )
  await bind(application.pk, { policy: policy.pk })
  const before = await ctx.db
    .selectFrom('event')
    .select(eb => eb.fn.countAll().as('n'))
    .executeTakeFirstOrThrow()
  const { body } = await admin.post(A, { user: user.id, application: application.slug })
  assert.deepEqual([body.passing, body.bindings[0].result, body.messages], [false, 'failed', ['late']])
  const after = await ctx.db
    .selectFrom('event')
    .select(eb => eb.fn.countAll().as('n'))
    .executeTakeFirstOrThrow()
  assert.equal(after.n, before.n)
  const made = await ctx.db.selectFrom('group').select('name').where('name', '=', 'made by a question').executeTakeFirst()
  assert.equal(made, undefined)
  const row = await ctx.db
    .selectFrom('user')
    .select('name')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(row.name, user.name)
  assert.equal((await admin.get(`${A}?user=${String(user.id)}`)).body.pagination.count, 0, 'a question is no refusal')
})

test('a question sees the context and the address that it names', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const application = await anApplication()
  await bind(application.pk, { policy: (await aPolicy('return context["word"] == "x" and str(ak_client_ip) == "192.0.2.7"')).pk })
  const ask = async (more: Row) => admin.post(A, { user: user.id, application: application.slug, ...more })
  assert.equal((await ask({ context: { word: 'x' }, client_ip: '192.0.2.7' })).body.passing, true)
  assert.equal((await ask({ context: { word: 'x' } })).body.passing, false)
  assert.deepEqual((await ask({ client_ip: 'nowhere' })).body, { client_ip: ['Enter a valid IPv4 or IPv6 address.'] })
})

test('explanations are for those who may see the target and the person', async () => {
  const { app, admin, client, ctx } = await server()
  const application = await anApplication()
  await bind(application.pk, { group: (await aGroup(ctx)).group_uuid })
  const user = await aUser(ctx, { password: 'right' })
  const visitor = new Visitor(app)
  await visitor.signIn(user.username as string, 'right')
  const id = explanationIn((await visitor.get(`/application/launch/${application.slug}/`)).text)
  const question = { user: user.id, application: application.slug }

  const as = async (permissions: string[]) => {
    const account = await aUser(ctx)
    await aRole(ctx, account, permissions)
    return client(await aToken(ctx, account))
  }
  const both = await as(['authentik_core.view_application', 'authentik_core.view_user'])
  assert.equal((await both.get(`${A}${id}/`)).status, 200)
  assert.equal((await both.get(`${A}?user=${String(user.id)}`)).body.pagination.count, 1)
  assert.equal((await both.post(A, question)).status, 200)
  for (const permission of ['authentik_core.view_application', 'authentik_core.view_user']) {
    const half = await as([permission])
    assert.equal((await half.get(`${A}${id}/`)).status, 404, permission)
    assert.equal((await half.post(A, question)).status, 400, permission)
  }
  assert.equal((await (await as([])).get(A)).status, 403)
  assert.equal((await client().get(A)).status, 403)
  assert.equal((await client().post(A, question)).status, 403)
  assert.equal((await admin.get(`${A}0000-0000/`)).status, 404)
})

test('a question that names nothing, both or what is not there is refused', async () => {
  const { admin, ctx } = await server()
  const user = (await aUser(ctx)).id
  const one = "One of 'application', 'flow' must be set."
  assert.deepEqual((await admin.post(A, { user })).body, { non_field_errors: [one] })
  assert.deepEqual((await admin.post(A, { user, application: 'a', flow: 'b' })).body, { non_field_errors: [one] })
  assert.deepEqual((await admin.post(A, { user, flow: 'no-such-flow' })).body, {
    flow: ['Invalid pk "no-such-flow" - object does not exist.'],
  })
  assert.deepEqual((await admin.post(A, { user: 987_654_321, flow: 'x' })).body, {
    user: ['Invalid pk "987654321" - object does not exist.'],
  })
  assert.equal((await admin.post(A, { flow: 'x' })).status, 400)
})

test('an id is read whichever way it was written down', () => {
  const id = explanationId(count => new Uint8Array(count).fill(24))
  assert.equal(id, 'RRRR-RRRR')
  for (const spelled of ['k7qf-2m01', 'K7QF2MO1', ' k7qf 2moi ', 'K7QF-2M0L']) assert.equal(readId(spelled), 'K7QF-2M01')
})
