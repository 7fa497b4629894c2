import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aRole, aToken, aUser, unique } from '../../test/builders.ts'
import { aFlow, aStage, FlowVisitor } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import { assertAnswer, assertFits } from '../../test/contract/schema.ts'

const FLOWS = '/api/v3/flows/instances/'
const BINDINGS = '/api/v3/flows/bindings/'

test('a flow is made with its defaults and found by its slug', async () => {
  const { admin } = await server()
  const slug = unique('flow')
  const created = await admin.post(FLOWS, { name: 'A flow', slug, title: 'Title', designation: 'stage_configuration' })
  assertAnswer('POST', FLOWS, created)
  assert.partialDeepStrictEqual(created.body, {
    slug,
    policy_engine_mode: 'any',
    compatibility_mode: false,
    layout: 'stacked',
    denied_action: 'message_continue',
    authentication: 'none',
    stages: [],
    policies: [],
    background: '',
    background_themed_urls: null,
    export_url: `${FLOWS}${slug}/export/`,
  })
  assert.notEqual(created.body.pk, created.body.policybindingmodel_ptr_id)
  const shown = await admin.get(`${FLOWS}${slug}/`)
  assertAnswer('GET', `${FLOWS}${slug}/`, shown)
  assert.equal((await admin.get(`${FLOWS}?slug=${slug}`)).body.results[0].pk, created.body.pk)
  assert.equal((await admin.get(`${FLOWS}${String(created.body.pk)}/`)).status, 404)
  assert.deepEqual((await admin.post(FLOWS, { name: 'x', slug, title: 'x', designation: 'recovery' })).body, {
    slug: ['Flow with this slug already exists.'],
  })
  assert.deepEqual((await admin.post(FLOWS, { slug: 'a b' })).body, {
    name: ['This field is required.'],
    title: ['This field is required.'],
    designation: ['This field is required.'],
    slug: ['Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'],
  })
  assert.deepEqual((await admin.post(FLOWS, { name: 'x', slug: unique('x'), title: 'x', designation: 'dinner' })).body, {
    designation: ['"dinner" is not a valid choice.'],
  })
  const themed = await admin.patch(`${FLOWS}${slug}/`, { background: 'sea-%(theme)s.jpg', policy_engine_mode: 'all' })
  assert.deepEqual(themed.body.background_themed_urls, {
    light: '/files/media/public/sea-light.jpg',
    dark: '/files/media/public/sea-dark.jpg',
  })
  assert.equal(themed.body.policy_engine_mode, 'all')
  assert.equal((await admin.delete(`${FLOWS}${slug}/`)).status, 204)
})

test('policies are bound to a flow by its other key', async () => {
  const { app, ctx, admin } = await server()
  const flow = await aFlow(ctx, ['dummy'], { designation: 'stage_configuration' })
  const user = await aUser(ctx, { password: 'x' })
  const { body } = await admin.get(`${FLOWS}${flow.slug}/`)
  assert.equal(
    (await admin.post('/api/v3/policies/bindings/', { target: body.policybindingmodel_ptr_id, user: user.id, order: 0 })).status,
    201,
  )
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(flow.slug)).component, 'ak-stage-access-denied')
  await visitor.signIn(user.username as string, 'x')
  assert.equal((await visitor.challenge(flow.slug)).component, 'ak-stage-dummy')
})

test('a stage is bound at a place, once', async () => {
  const { ctx, admin } = await server()
  const [flow, stage] = [await aFlow(ctx, []), await aStage(ctx, 'dummy')]
  const body = { target: flow.flow_uuid, stage: stage.stage_uuid, order: 10 }
  const created = await admin.post(BINDINGS, body)
  assertAnswer('POST', BINDINGS, created)
  assert.partialDeepStrictEqual(created.body, {
    evaluate_on_plan: false,
    re_evaluate_policies: true,
    invalid_response_action: 'retry',
    policy_engine_mode: 'any',
    stage_obj: { name: stage.name, component: 'ak-stage-dummy-form', meta_model_name: 'authentik_stages_dummy.dummystage' },
  })
  assert.equal(created.body.stage_obj.flow_set[0].slug, flow.slug)
  assert.deepEqual((await admin.post(BINDINGS, body)).body, {
    non_field_errors: ['The fields target, stage, order must make a unique set.'],
  })
  const url = `${BINDINGS}${String(created.body.pk)}/`
  assert.deepEqual((await admin.patch(url, { re_evaluate_policies: false })).body, {
    evaluate_on_plan: ['Either evaluation on plan or evaluation on run must be enabled'],
  })
  assert.equal((await admin.patch(url, { order: 10, invalid_response_action: 'restart' })).status, 200)
  assert.deepEqual((await admin.get(`${FLOWS}${flow.slug}/`)).body.stages, [stage.stage_uuid])
  const found = await admin.get(
    `${BINDINGS}?target=${String(flow.flow_uuid)}&order=10&pbm_uuid=${String(created.body.policybindingmodel_ptr_id)}`,
  )
  assert.deepEqual(
    found.body.results.map((binding: { pk: string }) => binding.pk),
    [created.body.pk],
  )
  assert.equal((await admin.get(`${BINDINGS}?target=${flow.slug}`)).status, 400)
  const usedBy = await admin.get(`/api/v3/stages/all/${String(stage.stage_uuid)}/used_by/`)
  assert.deepEqual(
    usedBy.body.map((use: { model_name: string; pk: string }) => [use.model_name, use.pk]),
    [['flowstagebinding', created.body.pk]],
  )
  assert.equal((await admin.delete(url)).status, 204)
})

test('stages of every kind are listed, shown and deleted together, and changed on their own paths', async () => {
  const { admin } = await server()
  const made: Record<string, object> = {
    identification: { user_fields: ['username'] },
    password: { backends: [] },
    user_login: {},
    user_logout: {},
    user_write: {},
    consent: {},
    deny: {},
    dummy: {},
    redirect: { mode: 'static', target_static: '/' },
    'prompt/stages': { fields: [] },
  }
  for (const [path, values] of Object.entries(made)) {
    const A = `/api/v3/stages/${path}/`
    const name = unique(path.replace('/', '-'))
    const created = await admin.post(A, { name, ...values })
    assertAnswer('POST', A, created)
    const url = `${A}${String(created.body.pk)}/`
    const patched = await admin.patch(url, { name: `${name}-2` })
    assertAnswer('PATCH', url, patched)
    assertAnswer('GET', A, await admin.get(A))
    const all = `/api/v3/stages/all/${String(created.body.pk)}/`
    const base = await admin.get(all)
    assertAnswer('GET', all, base)
    assert.deepEqual([base.body.meta_model_name, base.body.component], [created.body.meta_model_name, created.body.component])
    assert.equal((await admin.patch(all, { name: 'x' })).status, 405)
    assert.equal((await admin.delete(all)).status, 204)
    assert.equal((await admin.get(url)).status, 404)
  }
  const types = await admin.get('/api/v3/stages/all/types/')
  assert.equal(types.status, 200)
  assert.ok(
    types.body.some(
      (kind: { model_name: string; component: string }) =>
        kind.model_name === 'passwordstage' && kind.component === 'ak-stage-password-form',
    ),
  )
})

test('bad durations are refused in their own words', async () => {
  const { admin } = await server()
  const refused = await admin.post('/api/v3/stages/user_login/', { name: unique('login'), session_duration: 'hours=1,minutes=2' })
  assert.deepEqual(refused.body, { session_duration: ["hours=1,minutes=2 is not in the correct format of 'hours=3;minutes=1'."] })
})

test('a flow is begun for its caller, or says on a page why not', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  await aRole(ctx, user, ['authentik_flows.view_flow'])
  const flow = await aFlow(ctx, ['password'], { designation: 'stage_configuration' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'x')
  const answer = await visitor.get(`${FLOWS}${flow.slug}/execute/`)
  assertAnswer('GET', `${FLOWS}${flow.slug}/execute/`, answer)
  assert.deepEqual(answer.body, { link: `https://id.example.test/if/flow/${flow.slug}/` })
  assert.deepEqual(
    [(await visitor.challenge(flow.slug)).pending_user, (await visitor.challenge(flow.slug)).component],
    [user.username, 'ak-stage-password'],
  )
  const closed = await aFlow(ctx, ['dummy'], { authentication: 'require_superuser' })
  const refused = await visitor.get(`${FLOWS}${closed.slug}/execute/`)
  assert.equal(refused.status, 400)
  assert.match(String(refused.headers['content-type']), /^text\/html/)
  assert.match(refused.text, /Flow not applicable to current user\/request: Flow does not apply to current user\./)
})

test('what is remembered of flows is counted and forgotten by those who may', async () => {
  const { app, ctx, admin, client } = await server()
  const flow = await aFlow(ctx, ['dummy'])
  await new FlowVisitor(app).challenge(flow.slug)
  const count = await admin.get(`${FLOWS}cache_info/`)
  assert.ok(count.body.count >= 1)
  assert.equal((await admin.get(`${FLOWS}${flow.slug}/`)).body.cache_count, 1)
  assert.equal((await admin.post(`${FLOWS}cache_clear/`)).status, 204)
  assert.deepEqual((await admin.get(`${FLOWS}cache_info/`)).body, { count: 0 })
  const nobody = client(await aToken(ctx, await aUser(ctx)))
  assert.deepEqual([(await nobody.get(`${FLOWS}cache_info/`)).status, (await nobody.post(`${FLOWS}cache_clear/`)).status], [403, 403])
})

test('the default flows fit the contract', async () => {
  const { admin } = await server()
  for (const path of [FLOWS, BINDINGS, '/api/v3/stages/all/', '/api/v3/stages/prompt/prompts/', '/api/v3/stages/prompt/stages/'])
    assertAnswer('GET', path, await admin.get(path))
  assertFits('Flow', (await admin.get(`${FLOWS}default-authentication-flow/`)).body)
})
