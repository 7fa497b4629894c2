import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { DatabaseTarget } from '../../blueprints/database-target.ts'
import { applyBlueprint } from '../../blueprints/importer.ts'
import { parseBlueprint } from '../../blueprints/parse.ts'
import type { Ctx } from '../../context.ts'
import { PolicyBinding } from '../../policies/binding.ts'
import { aGroup, aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { aFlow, aForm, aStage, FlowVisitor } from '../../../test/flows.ts'
import { ownServer, server, type TestServer } from '../../../test/harness.ts'

const FLOWS = '/api/v3/flows'

async function aPolicy({ admin }: TestServer, expression = 'return True'): Promise<Row> {
  const made = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })
  assert.equal(made.status, 201, made.text)
  return made.body as Row
}

async function place(ctx: Ctx, flow: Row, order: number): Promise<string> {
  const row = await ctx.db
    .selectFrom('flow_stage_binding')
    .select('policybindingmodel_ptr_id')
    .where('target', '=', flow.flow_uuid as string)
    .where('order', '=', order)
    .executeTakeFirstOrThrow()
  return row.policybindingmodel_ptr_id
}

/** An enrolment with a form, a validation policy, and something bound to the flow and to one of its stages. */
async function aRichFlow(on: TestServer, guard = 'captcha') {
  const { ctx } = on
  const [validation, onFlow, onStage] = [await aPolicy(on), await aPolicy(on), await aPolicy(on, 'return "a: b" != 1 # "quoted"')]
  const form = await aForm(ctx, [{ field_key: 'username', type: 'username' }], { validation_policies: [validation.pk] })
  const captcha = await aStage(ctx, guard, guard === 'captcha' ? { private_key: 'the private key' } : {})
  const flow = await aFlow(ctx, [form, captcha, 'user_write'], {
    designation: 'enrollment',
    title: 'Join <us> & "them"',
    authentication: 'none',
  })
  await createObject(ctx, PolicyBinding, { target: flow.policybindingmodel_ptr_id, policy: onFlow.pk, order: 0, timeout: 12 })
  await createObject(ctx, PolicyBinding, {
    target: await place(ctx, flow, 20),
    policy: onStage.pk,
    order: 5,
    negate: true,
    failure_result: true,
  })
  return { flow, form, captcha, policies: [validation, onFlow, onStage] }
}

test('an exported flow is a blueprint in the order of its parts, without what is never shown', async () => {
  const on = await server()
  const { flow, policies } = await aRichFlow(on)
  const answer = await on.admin.get(`${FLOWS}/instances/${flow.slug}/export/`)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['content-disposition'], `attachment; filename="${flow.slug}.yaml"`)
  assert.doesNotMatch(answer.text, /the private key/)
  const { version, metadata, entries } = parse(answer.text) as {
    version: number
    metadata: Row
    entries: { model: string; identifiers: Row }[]
  }
  assert.equal(version, 1)
  assert.match(String(metadata.name), /^authentik Export - /)
  assert.deepEqual(metadata.labels, { 'blueprints.goauthentik.io/generated': 'true' })
  const policy = 'authentik_policies_expression.expressionpolicy'
  const binding = 'authentik_flows.flowstagebinding'
  assert.deepEqual(
    entries.map(entry => entry.model),
    [
      'authentik_flows.flow',
      'authentik_stages_prompt.prompt',
      ...policies.map(() => policy),
      'authentik_stages_prompt.promptstage',
      'authentik_stages_captcha.captchastage',
      'authentik_stages_user_write.userwritestage',
      binding,
      binding,
      binding,
      'authentik_policies.policybinding',
      'authentik_policies.policybinding',
    ],
  )
  assert.deepEqual(entries[0]!.identifiers, { pk: flow.flow_uuid, slug: flow.slug })
  assert.deepEqual(Object.keys(entries.at(-1)!.identifiers), ['pk', 'policy', 'target', 'order'])
})

test('an exported flow comes back as it was, here and on another server', async () => {
  const on = await server()
  const { flow } = await aRichFlow(on, 'dummy')
  const text = (await on.admin.get(`${FLOWS}/instances/${flow.slug}/export/`)).text
  const other = await ownServer({}, { anew: true })
  for (const { admin, ctx } of [on, other]) {
    const target = new DatabaseTarget(ctx, { folder: '/nowhere', system: null, protect: false })
    const result = await applyBlueprint(parseBlueprint(text), target, { name: 'import', system: null, protect: false, now: ctx.now })
    assert.equal(result.success, true, JSON.stringify(result.logs))
    const again = await admin.get(`${FLOWS}/instances/${flow.slug}/export/`)
    const entriesOf = (yaml: string) => (parse(yaml) as { entries: unknown }).entries
    assert.deepEqual(entriesOf(again.text), entriesOf(text))
  }
})

test('who may see a flow may not therefore take it away', async () => {
  const { client, ctx } = await server()
  const flow = await aFlow(ctx, ['dummy'])
  const as = async (...permissions: string[]) => {
    const user = await aUser(ctx)
    await aRole(ctx, user, permissions)
    return client(await aToken(ctx, user))
  }
  const viewer = await as('authentik_flows.view_flow')
  assert.equal((await viewer.get(`${FLOWS}/instances/${flow.slug}/export/`)).status, 403)
  assert.equal((await viewer.get(`${FLOWS}/instances/${flow.slug}/diagram/`)).status, 200)
  assert.equal((await (await as('authentik_flows.export_flow')).get(`${FLOWS}/instances/${flow.slug}/export/`)).status, 200)
  assert.equal((await (await as()).get(`${FLOWS}/instances/${flow.slug}/diagram/`)).status, 404)
})

test('a diagram shows what is bound to the flow, its stages by order, and where policies lead', async () => {
  const on = await server()
  const { flow, form, captcha, policies } = await aRichFlow(on)
  await createObject(on.ctx, PolicyBinding, {
    target: await place(on.ctx, flow, 20),
    group: (await aGroup(on.ctx, { name: unique('Team') })).group_uuid,
    order: 6,
  })
  const { body } = await on.admin.get(`${FLOWS}/instances/${flow.slug}/diagram/`)
  const lines = (body.diagram as string).split('\n')
  assert.equal(lines[0], 'graph TD')
  assert.equal(lines[1], 'flow_start("Flow<br/>Join #lt;us#gt; & #quot;them#quot;")')
  for (const line of [
    `flow_policy_0{{"Expression Policy, order 0<br/>${String(policies[1]!.name)}"}}`,
    'flow_policy_0 -- "no" --> denied',
    'flow_policy_0 -- "one says yes" --> stage_0',
    `stage_0[["Prompt Stage, order 0<br/>${String(form.name)}"]]`,
    `stage_1[["Captcha Stage, order 10<br/>${String(captcha.name)}"]]`,
    'stage_0 --> stage_1',
    `stage_2_policy_0{{"Expression Policy (negated), order 5<br/>${String(policies[2]!.name)}"}}`,
    'stage_1 --> stage_2_policy_0',
    'stage_2_policy_1 -- "one says yes" --> stage_2',
    'stage_2_policy_1 -- "no" --> flow_end',
    'stage_2 --> flow_end',
  ])
    assert.ok(lines.includes(line), `${line}\n\n${lines.join('\n')}`)
})

test('the inspector follows a flow step by step, and shows no secret', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [
    { field_key: 'word', type: 'text' },
    { field_key: 'password', type: 'password' },
  ])
  const flow = await aFlow(ctx, [form, 'dummy', 'dummy'], { designation: 'stage_configuration', authentication: 'require_authenticated' })
  const user = await aUser(ctx, { password: 'right' })
  await aRole(ctx, user, ['authentik_flows.inspect_flow'])
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'right')
  const path = `${FLOWS}/inspector/${flow.slug}/`
  const nothing = await visitor.get(path)
  assert.deepEqual([nothing.status, nothing.text], [400, ''])

  await visitor.challenge(flow.slug)
  const begun = await visitor.get(path)
  assert.equal(begun.status, 200, begun.text)
  assert.deepEqual([begun.body.plans, begun.body.is_completed], [[], false])
  assert.equal(begun.body.current_plan.current_stage.stage, form.stage_uuid)
  assert.match(begun.body.current_plan.session_id, /^[0-9a-f]{64}$/)

  await visitor.challenge(flow.slug, '', { word: 'seen', password: 'a very secret one' })
  const second = await visitor.get(path)
  assert.equal(second.body.plans.length, 1)
  assert.equal(second.body.current_plan.plan_context.prompt_data.word, 'seen')
  assert.equal(second.body.current_plan.next_planned_stage.order, 20)

  await visitor.challenge(flow.slug, '', {})
  await visitor.challenge(flow.slug, '', {})
  const done = await visitor.get(path)
  assert.deepEqual([done.body.is_completed, done.body.plans.length], [true, 3])
  assert.deepEqual(done.body.current_plan, done.body.plans[2])
  assert.doesNotMatch(begun.text + second.text + done.text, /very secret/)
  const session = await ctx.db
    .selectFrom('session')
    .select('data')
    .where('user', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.doesNotMatch(JSON.stringify(session.data), /very secret/, 'nor does the session keep it once the flow is over')

  await visitor.challenge(flow.slug)
  assert.equal((await visitor.get(path)).body.plans.length, 0, 'a new run begins with nothing behind it')
})

test('the inspector is for those who may inspect, and the sessions of others keep no steps', async () => {
  const { app, admin, ctx } = await server()
  const flow = await aFlow(ctx, ['dummy', 'dummy'], { designation: 'stage_configuration', authentication: 'require_authenticated' })
  const user = await aUser(ctx, { password: 'right' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'right')
  await visitor.challenge(flow.slug)
  await visitor.challenge(flow.slug, '', {})
  assert.equal((await visitor.get(`${FLOWS}/inspector/${flow.slug}/`)).status, 404)
  const { data } = await ctx.db
    .selectFrom('session')
    .select('data')
    .where('user', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.equal('authentik/flows/history' in (data as Row), false)
  assert.equal((await admin.get(`${FLOWS}/inspector/${flow.slug}/`)).status, 400, 'a token has no browser')
  assert.equal((await admin.get(`${FLOWS}/inspector/no-such-flow/`)).status, 404)
})
