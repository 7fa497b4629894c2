import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anApp, aSheet } from '../../../test/authenticators.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor, type Bound } from '../../../test/flows.ts'
import { server, type TestServer } from '../../../test/harness.ts'
import { reputationOf } from '../../policies/reputation/score.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'

const C = 'ak-stage-authenticator-validate'
const WRONG = { code: ['Invalid Token. Please ensure the time on your device is accurate and try again.'] }
const NONE = 'No (allowed) MFA authenticator configured.'

/** Somebody at the stage, who said who they are. */
async function at({ app, ctx }: TestServer, stage: Row, user: Row | string, options: { after?: Bound[]; visitor?: FlowVisitor } = {}) {
  const { slug } = await aFlow(ctx, ['identification', stage, ...(options.after ?? ['user_login'])])
  const visitor = options.visitor ?? new FlowVisitor(app)
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', { uid_field: typeof user === 'string' ? user : user.username })
  return { visitor, slug, shown, answer: (values: Row) => visitor.challenge(slug, '', { component: C, ...values }) }
}

const validation = (ctx: Ctx, values: Row = {}) => aStage(ctx, 'authenticator_validate', values)

const sessionOf = (ctx: Ctx, user: Row) =>
  ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', user.id as number)
    .executeTakeFirstOrThrow()

const eventsOf = async (ctx: Ctx, action: string, user: Row) =>
  (await ctx.db.selectFrom('event').selectAll().where('action', '=', action).execute()).filter(event => (event.user as Row).pk === user.id)

test('a code of any device lets somebody in, and the session says by what', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { device, code } = await anApp(ctx, user)
  const sheet = await aSheet(ctx, user)
  const { shown, answer } = await at(here, await validation(ctx), user)
  assert.deepEqual(shown.device_challenges, [
    { device_class: 'totp', device_uid: String(device.id), challenge: {}, last_used: null },
    { device_class: 'static', device_uid: String(sheet.device.id), challenge: {}, last_used: null },
  ])
  assert.deepEqual(shown.configuration_stages, [])
  assertDone(await answer({ code: code(ctx.now()) }), '/')
  const session = await sessionOf(ctx, user)
  assert.equal(session.auth_method, 'auth_mfa')
  assert.deepEqual((session.auth_method_args as Row).mfa_devices, [
    { pk: device.id, app: 'authentik_stages_authenticator_totp', name: 'An app', model_name: 'totpdevice' },
  ])
  const second = await at(here, await validation(ctx), user)
  assert.notEqual(second.shown.device_challenges[0].last_used, null)
  assertDone(await second.answer({ code: sheet.codes[0] }), '/')
})

test('the first method stays the method', async () => {
  const here = await server()
  const { ctx, app } = here
  const user = await aUser(ctx, { password: 'right' })
  const { code } = await anApp(ctx, user)
  const { slug } = await aFlow(ctx, ['identification', 'password', 'authenticator_validate', 'user_login'])
  const visitor = new FlowVisitor(app)
  await visitor.signInWith(slug, '', user.username as string, 'right')
  assertDone(await visitor.challenge(slug, '', { component: C, code: code(ctx.now()) }), '/')
  const { auth_method: method, auth_method_args: args } = await sessionOf(ctx, user)
  assert.deepEqual([method, ((args as Row).mfa_devices as Row[]).length], ['password', 1])
})

test('a wrong code is refused and written down; one that was used is worth nothing, nor is another person’s', async () => {
  const here = await server()
  const { ctx } = here
  const [user, other] = [await aUser(ctx), await aUser(ctx)]
  const stage = await validation(ctx, { totp_otp_throttling_factor: 0, static_otp_throttling_factor: 0 })
  const mine = await anApp(ctx, user)
  const theirs = await anApp(ctx, other)
  const sheet = await aSheet(ctx, user)
  const paper = await aSheet(ctx, other)
  const now = ctx.now()
  for (const code of ['000000', 'x', theirs.code(now), paper.codes[0]!]) {
    const { answer } = await at(here, stage, user)
    const shown = await answer({ code })
    assert.equal(shown.component, C)
    assert.deepEqual(errorsOf(shown), WRONG)
  }
  const [failed] = await eventsOf(ctx, 'login_failed', user)
  assert.partialDeepStrictEqual(failed!.context, { username: user.username, stage: { pk: String(stage.stage_uuid).replaceAll('-', '') } })
  assert.equal(await reputationOf(ctx, { identifier: user.username as string }), -5)
  for (const code of [mine.code(now), sheet.codes[0]!]) {
    assertDone(await (await at(here, stage, user)).answer({ code }), '/')
    assert.deepEqual(errorsOf(await (await at(here, stage, user)).answer({ code })), WRONG)
  }
  // The other's are as good as before.
  assertDone(await (await at(here, stage, other)).answer({ code: theirs.code(now) }), '/')
  assertDone(await (await at(here, stage, other)).answer({ code: paper.codes[0]! }), '/')
})

test('codes may be typed with spaces, and those on paper in capitals', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { code } = await anApp(ctx, user)
  const { codes } = await aSheet(ctx, user)
  const stage = await validation(ctx)
  assertDone(await (await at(here, stage, user)).answer({ code: code(ctx.now()).replace(/(...)/, '$1 ') }), '/')
  assertDone(await (await at(here, stage, user)).answer({ code: codes[0]!.toUpperCase().replace(/(....)/, '$1-') }), '/')
})

test('after wrong codes a device refuses for 1, 2, 4 … times the factor, also what is right', async () => {
  const here = await server()
  const { ctx, clock } = here
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user)
  assert.equal((await validation(ctx)).static_otp_throttling_factor, 1)
  const stage = await validation(ctx, { static_otp_throttling_factor: 600 })
  const { answer } = await at(here, stage, user)
  await answer({ code: 'wrong' })
  assert.deepEqual(errorsOf(await answer({ code: codes[0] })), WRONG)
  clock.advance(601_000)
  await answer({ code: 'wrong' })
  clock.advance(601_000)
  assert.deepEqual(errorsOf(await answer({ code: codes[0] })), WRONG)
  clock.advance(600_000)
  assertDone(await answer({ code: codes[0] }), '/')
  // What was right begins anew.
  const again = await at(here, stage, user)
  await again.answer({ code: 'wrong' })
  clock.advance(601_000)
  assertDone(await again.answer({ code: codes[1] }), '/')
})

test('a code for one device leaves the others alone', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user, 4)
  const app = await anApp(ctx, user)
  const slow = await validation(ctx, { static_otp_throttling_factor: 600, totp_otp_throttling_factor: 600 })
  // The app is asked before the paper, and is not held to what was not meant for it.
  assertDone(await (await at(here, slow, user)).answer({ code: codes[0] }), '/')
  assertDone(await (await at(here, slow, user)).answer({ code: app.code(ctx.now()) }), '/')
  assertDone(await (await at(here, slow, user)).answer({ code: codes[1] }), '/')
})

test('without a device people are passed over, refused, or set one up', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  assertDone((await at(here, await validation(ctx), user)).shown, '/')
  const refused = (await at(here, await validation(ctx, { not_configured_action: 'deny' }), user)).shown
  assert.deepEqual([refused.component, refused.error_message], ['ak-stage-access-denied', NONE])
  const totp = await aStage(ctx, 'authenticator_totp', { friendly_name: 'App' })
  const one = await at(here, await validation(ctx, { not_configured_action: 'configure', configuration_stages: [totp.stage_uuid] }), user)
  assert.equal(one.shown.component, 'ak-stage-authenticator-totp')
  // Nobody gets past the set-up without doing it.
  assert.equal((await one.answer({ code: '123456' })).component, 'ak-stage-authenticator-totp')
})

test('where a set-up is chosen, the chosen stage comes next and the flow goes on after it', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const totp = await aStage(ctx, 'authenticator_totp', { friendly_name: 'An app' })
  const paper = await aStage(ctx, 'authenticator_static')
  const stage = await validation(ctx, {
    not_configured_action: 'configure',
    configuration_stages: [totp.stage_uuid, paper.stage_uuid],
  })
  const { shown, answer, visitor, slug } = await at(here, stage, user)
  assert.deepEqual(shown.device_challenges, [])
  assert.deepEqual(
    shown.configuration_stages.toSorted((a: Row, b: Row) => ((a.verbose_name as string) < (b.verbose_name as string) ? -1 : 1)),
    [
      {
        pk: paper.stage_uuid,
        name: paper.name,
        verbose_name: 'Static Authenticator',
        meta_model_name: 'authentik_stages_authenticator_static.authenticatorstaticstage',
      },
      {
        pk: totp.stage_uuid,
        name: 'An app',
        verbose_name: 'TOTP Authenticator',
        meta_model_name: 'authentik_stages_authenticator_totp.authenticatortotpstage',
      },
    ],
  )
  for (const selected_stage of ['x', ctx.uuid(), stage.stage_uuid]) {
    assert.deepEqual(errorsOf(await answer({ selected_stage })), { selected_stage: ['Selected stage is invalid'] })
  }
  const setup = await answer({ selected_stage: paper.stage_uuid })
  assert.equal(setup.component, 'ak-stage-authenticator-static')
  // The stage stands in no flow; it is there after the page is opened again, all the same.
  assert.deepEqual((await visitor.challenge(slug)).codes, setup.codes)
  assertDone(await visitor.challenge(slug, '', { component: 'ak-stage-authenticator-static' }), '/')
  const again = await at(here, stage, user)
  assert.deepEqual(
    again.shown.device_challenges.map((one: Row) => one.device_class),
    ['static'],
  )
  // Who has a device cannot set up another in its place (abuse: another way than the one that is asked for).
  assert.deepEqual(errorsOf(await again.answer({ selected_stage: totp.stage_uuid })), { selected_stage: ['Selected stage is invalid'] })
})

test('a stage that wants a set-up but names none that is left lets nobody through, and says so to administrators', async () => {
  const here = await server()
  const { ctx, admin } = here
  const user = await aUser(ctx)
  const totp = await aStage(ctx, 'authenticator_totp')
  const stage = await validation(ctx, { not_configured_action: 'configure', configuration_stages: [totp.stage_uuid] })
  assert.equal((await admin.delete(`/api/v3/stages/all/${String(totp.stage_uuid)}/`)).status, 204)
  const { shown } = await at(here, stage, user)
  assert.deepEqual([shown.component, shown.error_message], ['ak-stage-access-denied', NONE])
  const key = String(stage.stage_uuid).replaceAll('-', '')
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'configuration_error').execute()
  assert.ok(events.some(({ context }) => ((context as Row).stage as Row | undefined)?.pk === key))
})

test('names that are no account’s are treated as accounts without a device', async () => {
  const here = await server()
  const { ctx } = here
  const totp = await aStage(ctx, 'authenticator_totp')
  for (const values of [
    { not_configured_action: 'deny' },
    { not_configured_action: 'configure', configuration_stages: [totp.stage_uuid] },
  ]) {
    const { shown } = await at(here, await validation(ctx, values), unique('nobody'))
    assert.deepEqual([shown.component, shown.error_message], ['ak-stage-access-denied', NONE])
  }
})

test('only devices of the stage’s classes count', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { code } = await anApp(ctx, user)
  const { codes } = await aSheet(ctx, user)
  const { shown, answer } = await at(here, await validation(ctx, { device_classes: ['static'] }), user)
  assert.deepEqual(
    shown.device_challenges.map((one: Row) => one.device_class),
    ['static'],
  )
  assert.deepEqual(errorsOf(await answer({ code: code(ctx.now()) })), WRONG)
  for (const [field, value] of [
    ['webauthn', {}],
    ['duo', 1],
  ] as const) {
    assert.deepEqual(errorsOf(await answer({ [field]: value })), { [field]: ['No compatible device class allowed'] })
  }
  assert.deepEqual(errorsOf(await answer({})), { non_field_errors: ['Empty response'] })
  assert.deepEqual(errorsOf(await answer({ code: '' })), { code: ['This field may not be blank.'] })
  const other = await at(here, await validation(ctx, { device_classes: ['totp'], not_configured_action: 'deny' }), user)
  assert.deepEqual(errorsOf(await other.answer({ code: codes[0] })), WRONG)
})

test('a device may be chosen among those that are offered; the choice alone proves nothing', async () => {
  const here = await server()
  const { ctx } = here
  const [user, other] = [await aUser(ctx), await aUser(ctx)]
  const { device } = await anApp(ctx, user)
  const { device: foreign } = await anApp(ctx, other)
  const { answer } = await at(here, await validation(ctx), user)
  const choose = (device_class: string, device_uid: unknown) => answer({ selected_challenge: { device_class, device_uid } })
  const chosen = await choose('totp', String(device.id))
  assert.equal(chosen.component, C)
  assert.deepEqual(errorsOf(chosen), { non_field_errors: ['Empty response'] })
  for (const [deviceClass, uid] of [
    ['totp', String(foreign.id)],
    ['static', String(device.id)],
    ['email', '1'],
    ['totp', undefined],
  ] as const)
    assert.deepEqual(errorsOf(await choose(deviceClass, uid)), { selected_challenge: ['invalid challenge selected'] })
  assert.ok('selected_challenge' in errorsOf(await answer({ selected_challenge: 'totp' })))
})

test('a device that is not confirmed, or deleted, is none', async () => {
  const here = await server()
  const { ctx, admin } = here
  const user = await aUser(ctx)
  const { device, code } = await anApp(ctx, user)
  const stage = await validation(ctx, { not_configured_action: 'deny' })
  const open = await at(here, stage, user)
  assert.equal(open.shown.component, C)
  assert.equal((await admin.delete(`/api/v3/authenticators/admin/totp/${String(device.id)}/`)).status, 204)
  assert.equal((await open.answer({ code: code(ctx.now()) })).error_message, NONE)
  assert.equal((await at(here, stage, user)).shown.error_message, NONE)
  await ctx.db
    .updateTable('authenticator')
    .set({ deleted: null, confirmed: false })
    .where('id', '=', device.id as number)
    .execute()
  assert.equal((await at(here, stage, user)).shown.error_message, NONE)
})

test('without anybody there is nothing to ask, but for a passkey where people sign in', async () => {
  const { app, ctx } = await server()
  const passwords = await aFlow(ctx, [await validation(ctx, { device_classes: ['totp', 'static'] }), 'dummy'])
  assert.equal((await new FlowVisitor(app).challenge(passwords.slug)).component, 'ak-stage-dummy')
  const elsewhere = await aFlow(ctx, ['authenticator_validate', 'dummy'], { designation: 'stage_configuration', authentication: 'none' })
  assert.equal((await new FlowVisitor(app).challenge(elsewhere.slug)).component, 'ak-stage-dummy')
  const keys = await aFlow(ctx, ['authenticator_validate', 'dummy'])
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge(keys.slug)
  assert.partialDeepStrictEqual(shown, {
    component: C,
    device_challenges: [{ device_class: 'webauthn', device_uid: '-1', last_used: null }],
  })
  assert.deepEqual(shown.device_challenges[0].challenge.allowCredentials, [])
  assert.deepEqual(errorsOf(await visitor.challenge(keys.slug, '', { component: C, code: '123456' })), {
    code: ['No compatible device class allowed'],
  })
})

test('a browser that passed a short while ago is not asked again, by this stage and while the device is there', async () => {
  const here = await server()
  const { ctx, clock, admin } = here
  const user = await aUser(ctx)
  const { codes, device } = await aSheet(ctx, user, 6)
  const stage = await validation(ctx, { last_auth_threshold: 'minutes=10', not_configured_action: 'deny' })
  const first = await at(here, stage, user)
  assertDone(await first.answer({ code: codes[0] }), '/')
  const { visitor } = first
  assert.ok(visitor.cookies.has('authentik_mfa'))
  const fresh = () => {
    for (const name of ['authentik_session', 'authentik_csrf']) visitor.cookies.delete(name)
    return visitor
  }
  assertDone((await at(here, stage, user, { visitor: fresh() })).shown, '/')
  // Another person, another stage, another browser.
  const other = await aUser(ctx)
  await aSheet(ctx, other)
  assert.equal((await at(here, stage, other, { visitor: fresh() })).shown.component, C)
  const kept = visitor.cookies.get('authentik_mfa')!
  const strict = await validation(ctx, { last_auth_threshold: 'minutes=10' })
  assert.equal((await at(here, strict, user, { visitor: fresh() })).shown.component, C)
  assert.equal((await at(here, stage, user)).shown.component, C)
  // What the stage says now counts.
  const url = `/api/v3/stages/authenticator/validate/${String(stage.stage_uuid)}/`
  clock.advance(5 * 60_000)
  assert.equal((await admin.patch(url, { last_auth_threshold: 'minutes=3' })).status, 200)
  assert.equal((await at(here, stage, user, { visitor: fresh() })).shown.component, C)
  await admin.patch(url, { last_auth_threshold: 'minutes=10', device_classes: ['totp'] })
  visitor.cookies.set('authentik_mfa', kept)
  assert.equal((await at(here, stage, user, { visitor: fresh() })).shown.error_message, NONE)
  await admin.patch(url, { device_classes: ['static'] })
  assertDone((await at(here, stage, user, { visitor: fresh() })).shown, '/')
  await admin.delete(`/api/v3/authenticators/admin/static/${String(device.id)}/`)
  await aSheet(ctx, user)
  assert.equal((await at(here, stage, user, { visitor: fresh() })).shown.component, C)
})

test('the time is over when it is over', async () => {
  const here = await server()
  const { ctx, clock } = here
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user)
  const stage = await validation(ctx, { last_auth_threshold: 'minutes=10' })
  const { answer, visitor } = await at(here, stage, user)
  await answer({ code: codes[0] })
  const value = visitor.cookies.get('authentik_mfa')!
  clock.advance(10 * 60_000 + 1000)
  const late = new FlowVisitor(here.app)
  late.cookies.set('authentik_mfa', value)
  assert.equal((await at(here, stage, user, { visitor: late })).shown.component, C)
  const none = await at(here, await validation(ctx), user)
  await none.answer({ code: codes[1] })
  assert.ok(!none.visitor.cookies.has('authentik_mfa'))
})

test('saving a stage that sets up asks for stages to do it with', async () => {
  const { admin, ctx } = await server()
  const url = '/api/v3/stages/authenticator/validate/'
  const totp = await aStage(ctx, 'authenticator_totp')
  const expected = { not_configured_action: ['When "Not configured action" is set to "Configure", you must set a configuration stage.'] }
  const refused = await admin.post(url, { name: unique('v'), not_configured_action: 'configure' })
  assert.deepEqual([refused.status, refused.body], [400, expected])
  const made = await admin.post(url, { name: unique('v'), not_configured_action: 'configure', configuration_stages: [totp.stage_uuid] })
  assert.equal(made.status, 201)
  assert.deepEqual(made.body.configuration_stages, [totp.stage_uuid])
  const item = `${url}${made.body.pk}/`
  assert.deepEqual((await admin.patch(item, { not_configured_action: 'configure' })).body, expected)
  const found = await admin.get(`${url}?configuration_stages=${String(totp.stage_uuid)}&not_configured_action=configure`)
  assert.deepEqual(
    found.body.results.map((stage: Row) => stage.pk),
    [made.body.pk],
  )
})
