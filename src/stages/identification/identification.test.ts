import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'
import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'

const A = '/api/v3/stages/identification/'

const withStage = (ctx: Ctx, values: Row = {}, flow: Row = {}) =>
  aStage(ctx, 'identification', values).then(stage => aFlow(ctx, [stage, 'password', 'user_login'], flow))

/** A flow whose first page asks for name and password. */
async function oneScreen(ctx: Ctx, values: Row = {}, flow: Row = {}): Promise<{ slug: string; password: Row }> {
  const password = await aStage(ctx, 'password')
  const stage = await aStage(ctx, 'identification', { password_stage: password.stage_uuid, ...values })
  return { slug: (await aFlow(ctx, [stage, 'user_login'], flow)).slug, password }
}

test('accounts are found by the fields of the stage, whatever the case', async () => {
  const { app, ctx } = await server()
  const name = unique('Anna')
  await aUser(ctx, { username: name, email: `${name}@Example.test`, attributes: { upn: `${name}@corp` } })
  const cases: [string[], boolean, string, boolean][] = [
    [['username'], true, name.toUpperCase(), true],
    [['username'], false, name.toUpperCase(), false],
    [['username'], false, name, true],
    [['email'], true, `${name}@example.TEST`.toLowerCase(), true],
    [['email'], true, name, false],
    [['upn'], true, `${name}@CORP`, true],
    [['username', 'email'], true, `${name}@example.test`, true],
    [['username'], true, `${name}%`, false],
    [['username'], true, name.replace('A', '_'), false],
  ]
  for (const [user_fields, case_insensitive_matching, typed, found] of cases) {
    const { slug } = await withStage(ctx, { user_fields, case_insensitive_matching, pretend_user_exists: false })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const answer = await visitor.challenge(slug, '', { uid_field: typed })
    if (found) assert.deepEqual([answer.component, answer.pending_user], ['ak-stage-password', name], `${user_fields.join()} ${typed}`)
    else assert.deepEqual(errorsOf(answer), { non_field_errors: ['Failed to authenticate.'] }, `${user_fields.join()} ${typed}`)
  }
})

test('of names that differ in case, the one that was typed is meant', async () => {
  const { app, ctx } = await server()
  const name = unique('Karl')
  await aUser(ctx, { username: name.toLowerCase() })
  await aUser(ctx, { username: name })
  const { slug } = await withStage(ctx, { user_fields: ['username'] })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.equal((await visitor.challenge(slug, '', { uid_field: name })).pending_user, name)
})

test('unknown names go on as known ones do, with the same bodies (abuse 42)', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await withStage(ctx, { show_matched_user: false })
  const answers = []
  for (const typed of [String(user.email), 'nobody@example.test']) {
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const asked = await visitor.challenge(slug, '', { uid_field: typed })
    assert.equal(asked.pending_user, typed)
    const refused = await visitor.challenge(slug, '', { password: 'wrong' })
    const { pending_user: _, pending_user_avatar: picture, ...rest } = refused
    answers.push({ ...rest, picture: String(picture).slice(0, 30) })
  }
  assert.deepEqual(answers[0], answers[1])
})

test('name and password on one screen: one error for whatever is wrong, in the same work (R-409, abuse 42)', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const idle = await aUser(ctx, { password: 'right', is_active: false })
  const { slug } = await oneScreen(ctx)
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge(slug)
  assert.deepEqual([shown.password_fields, shown.allow_show_password], [true, false])
  let checks = 0
  const { verify } = ctx.passwords
  const counted = { ...ctx.passwords, verify: async (...given: Parameters<typeof verify>) => (checks++, verify(...given)) }
  Object.assign(ctx.passwords as { verify: typeof verify }, { verify: counted.verify })
  try {
    for (const [uid_field, password] of [
      [user.username, 'wrong'],
      ['nobody', 'right'],
      [idle.username, 'right'],
      [user.username, undefined],
    ]) {
      checks = 0
      const answer = await visitor.challenge(slug, '', { uid_field, password })
      assert.deepEqual(answer.response_errors, { non_field_errors: [{ string: 'Failed to authenticate.', code: 'invalid' }] })
      assert.equal(checks, 1)
    }
  } finally {
    Object.assign(ctx.passwords as { verify: typeof verify }, { verify })
  }
  assertDone(await visitor.challenge(slug, '', { uid_field: user.username, password: 'right' }), '/')
})

test('failed sign-ins are written down, for known and unknown names', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right' })
  const unknown = unique('nobody')
  const { slug } = await oneScreen(ctx)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  for (const uid_field of [user.username, unknown]) await visitor.challenge(slug, '', { uid_field, password: 'wrong' })
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'login_failed').execute()
  const names = events.map(event => (event.context as Row).username)
  assert.ok(names.includes(user.username) && names.includes(unknown))
  assert.ok(!JSON.stringify(events).includes('"wrong"'))
})

test('the form links to other flows with the query of the page', async () => {
  const { app, ctx } = await server()
  const other = await aFlow(ctx, ['dummy'], { designation: 'recovery' })
  const { slug } = await withStage(ctx, {
    recovery_flow: other.flow_uuid,
    enrollment_flow: other.flow_uuid,
    passwordless_flow: other.flow_uuid,
  })
  const challenge = await new FlowVisitor(app).challenge(slug, 'next=%2Fif%2Fuser%2F')
  const expected = `/if/flow/${other.slug}/?next=%2Fif%2Fuser%2F`
  assert.deepEqual([challenge.recovery_url, challenge.enroll_url, challenge.passwordless_url], [expected, expected, expected])
})

test('outside of sign-in the button says something else', async () => {
  const { app, ctx } = await server()
  const { slug } = await withStage(ctx, {}, { designation: 'recovery' })
  assert.equal((await new FlowVisitor(app).challenge(slug)).primary_action, 'Continue')
})

test('a PATCH of the password stage alone is enough; fields without which nobody could sign in are refused (R-408)', async () => {
  const { admin } = await server()
  const password = await admin.post('/api/v3/stages/password/', {
    name: unique('password'),
    backends: ['authentik.core.auth.InbuiltBackend'],
  })
  const name = unique('identification')
  const created = await admin.post(A, { name, user_fields: ['username', 'email'] })
  assert.equal(created.status, 201)
  assert.partialDeepStrictEqual(created.body, {
    component: 'ak-stage-identification-form',
    meta_model_name: 'authentik_stages_identification.identificationstage',
    sources: [],
    captcha_stage: null,
    flow_set: [],
  })
  const url = `${A}${created.body.pk}/`
  const patched = await admin.patch(url, { password_stage: password.body.pk })
  assert.deepEqual([patched.status, patched.body.password_stage, patched.body.user_fields], [200, password.body.pk, ['username', 'email']])
  const put = await admin.put(url, { name, user_fields: ['username'], password_stage: password.body.pk })
  assert.equal(put.status, 200)
  const text = 'When no user fields are selected, at least one source must be selected'
  for (const refused of [await admin.patch(url, { user_fields: [] }), await admin.post(A, { name: unique('x') })]) {
    assert.deepEqual([refused.status, refused.body], [400, { non_field_errors: [text] }])
  }
  const unknown = await admin.patch(url, { webauthn_stage: password.body.pk })
  assert.deepEqual(unknown.body, { webauthn_stage: [`Invalid pk "${String(password.body.pk)}" - object does not exist.`] })
})

test('names of stages are unique across kinds', async () => {
  const { admin } = await server()
  const name = unique('stage')
  assert.equal((await admin.post('/api/v3/stages/dummy/', { name })).status, 201)
  assert.deepEqual((await admin.post('/api/v3/stages/deny/', { name })).body, { name: ['stage with this name already exists.'] })
})
