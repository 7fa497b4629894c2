import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import type { Ctx } from '../../src/context.ts'
import { createApp } from '../../src/app.ts'
import { aParty, aSignedInBrowser, oauthServer } from '../../src/providers/oauth2/fixture.ts'
import { anApp, aSheet } from '../authenticators.ts'
import { aRole, aToken, aUser } from '../builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor } from '../flows.ts'
import { server, type TestServer } from '../harness.ts'
import { signedIn } from '../signed-in.ts'

/** Attacks on second factors that succeeded elsewhere, each numbered as in the list of abuse cases. */

const A = '/api/v3/authenticators'
const C = 'ak-stage-authenticator-validate'
const ME = '/api/v3/core/users/me/'
const WRONG = { code: ['Invalid Token. Please ensure the time on your device is accurate and try again.'] }

const validation = (ctx: Ctx, values: Row = {}) => aStage(ctx, 'authenticator_validate', values)

/** Somebody at a stage that asks for a second factor, from an address. */
async function at({ app, ctx }: Pick<TestServer, 'app' | 'ctx'>, stage: Row, user: Row, from?: string) {
  const { slug } = await aFlow(ctx, ['identification', stage, 'user_login'])
  const visitor = new FlowVisitor(app, from ? { 'x-forwarded-for': from } : {})
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', { uid_field: user.username })
  return { slug, visitor, shown, answer: (values: Row) => visitor.challenge(slug, '', { component: C, ...values }) }
}

test('27 the session’s key changes with a second factor; what hangs on the session stays, and clients know it by the same name', async () => {
  const { ctx, app } = await oauthServer()
  const party = await aParty()
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user)
  const { browser, session } = await aSignedInBrowser(user)
  const tokens = await party.tokens(browser, { scope: 'openid offline_access' })
  const before = browser.cookies.get('authentik_session')!
  const { slug } = await aFlow(ctx, ['authenticator_validate', 'dummy'], {
    designation: 'stage_configuration',
    authentication: 'require_authenticated',
  })
  await browser.challenge(slug, '')
  assert.equal(browser.cookies.get('authentik_session'), before)
  assert.equal((await browser.challenge(slug, '', { component: C, code: codes[0] })).component, 'ak-stage-dummy')
  const after = browser.cookies.get('authentik_session')
  assert.notEqual(after, before)
  assert.equal((await browser.get(ME)).body.user.username, user.username)
  const thief = new FlowVisitor(app)
  thief.cookies.set('authentik_session', before)
  assert.equal((await thief.get(ME)).status, 403)
  const kept = await ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', user.id as number)
    .execute()
  assert.deepEqual(
    kept.map(one => [one.uuid, one.auth_time]),
    [[session.uuid, session.auth_time]],
  )
  assert.equal((await party.userinfo(tokens.access_token)).status, 200)
  const refreshed = await party.refresh(tokens.refresh_token)
  assert.equal(refreshed.status, 200)
  assert.equal(decodeJwt(refreshed.body.id_token as string).sid, decodeJwt(tokens.id_token).sid)
  assert.equal(decodeJwt((await party.tokens(browser)).id_token).sid, decodeJwt(tokens.id_token).sid)
  // Twice over, too.
  await browser.challenge(slug, '', { component: 'ak-stage-dummy' })
  await browser.challenge(slug, '')
  await browser.challenge(slug, '', { component: C, code: codes[1] })
  assert.equal(decodeJwt((await party.tokens(browser)).id_token).sid, decodeJwt(tokens.id_token).sid)
})

test('27 a visitor’s session has another key after the second factor, before the sign-in', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user)
  const { slug } = await aFlow(ctx, ['identification', 'authenticator_validate', 'dummy', 'user_login'])
  const visitor = new FlowVisitor(here.app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  const thief = new FlowVisitor(here.app)
  for (const [name, value] of visitor.cookies) thief.cookies.set(name, value)
  await visitor.challenge(slug, '', { component: C, code: codes[0] })
  assert.equal((await thief.challenge(slug)).component, 'ak-stage-identification')
  assertDone(await visitor.challenge(slug, '', { component: 'ak-stage-dummy' }), '/')
})

test('34 only the method that a stage asks for satisfies it, however fresh another is', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { code } = await anApp(ctx, user)
  const { codes } = await aSheet(ctx, user)
  const papers = await validation(ctx, { device_classes: ['static'], last_auth_threshold: 'hours=1' })
  const apps = await validation(ctx, { device_classes: ['totp'], last_auth_threshold: 'hours=1', totp_otp_throttling_factor: 0 })
  const { slug } = await aFlow(ctx, ['identification', papers, apps, 'user_login'])
  const visitor = new FlowVisitor(here.app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  const second = await visitor.challenge(slug, '', { component: C, code: codes[0] })
  assert.deepEqual(
    second.device_challenges.map((one: Row) => one.device_class),
    ['totp'],
  )
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { component: C, code: codes[1] })), WRONG)
  assertDone(await visitor.challenge(slug, '', { component: C, code: code(ctx.now()) }), '/')
})

test('35 no empty, foreign or half answer passes a second factor or sets one up', async () => {
  const here = await server()
  const { ctx, app } = here
  const user = await aUser(ctx)
  await anApp(ctx, user)
  const bodies: unknown[] = [
    undefined, {}, [], 'x', { component: C }, { component: 'ak-stage-dummy' }, { component: C, code: null }, { component: C, code: '' },
    { component: C, code: [] }, { component: C, code: {} }, { component: C, duo: 1 }, { component: C, webauthn: {} }, { code: false },
    { component: C, selected_challenge: {} }, { component: C, selected_stage: ctx.uuid() }, { component: C, remember_me: true },
    { component: C, stage: ctx.uuid(), uid_field: user.username },
  ] // prettier-ignore
  const { slug, visitor } = await at(here, await validation(ctx), user)
  for (const body of bodies) {
    const answer = await visitor.post(slug, body)
    assert.notEqual(answer.status, 302, JSON.stringify(body))
    assert.equal((await visitor.challenge(slug)).component, C, JSON.stringify(body))
  }
  const other = await aUser(ctx)
  const setup = await aFlow(ctx, ['identification', 'authenticator_totp', 'user_login'])
  const setter = new FlowVisitor(app)
  await setter.challenge(setup.slug)
  await setter.challenge(setup.slug, '', { uid_field: other.username })
  for (const body of bodies) {
    assert.notEqual((await setter.post(setup.slug, body)).status, 302, JSON.stringify(body))
    assert.equal((await setter.challenge(setup.slug)).component, 'ak-stage-authenticator-totp')
  }
})

test('38 another way than the one that is asked for leads nowhere unless this very execution offers it', async () => {
  const here = await server()
  const { ctx } = here
  const [user, other] = [await aUser(ctx), await aUser(ctx)]
  const [mine, theirs] = [await anApp(ctx, user), await aSheet(ctx, other)]
  const totp = await aStage(ctx, 'authenticator_totp')
  const elsewhere = await aStage(ctx, 'authenticator_static')
  const stage = await validation(ctx, { not_configured_action: 'configure', configuration_stages: [totp.stage_uuid, elsewhere.stage_uuid] })
  const { answer } = await at(here, stage, user)
  for (const chosen of [
    { selected_stage: totp.stage_uuid },
    { selected_stage: stage.stage_uuid },
    { selected_challenge: { device_class: 'static', device_uid: String(theirs.device.id) } },
    { selected_challenge: { device_class: 'static', device_uid: String(mine.device.id) } },
  ]) {
    const shown = await answer(chosen)
    assert.equal(shown.component, C)
    assert.match(String(Object.values(errorsOf(shown))[0]), /invalid/i)
  }
  // Somebody without a device may choose among the stages of this stage alone.
  const foreign = await aStage(ctx, 'dummy')
  const fresh = await at(here, stage, await aUser(ctx))
  assert.deepEqual(errorsOf(await fresh.answer({ selected_stage: foreign.stage_uuid })), { selected_stage: ['Selected stage is invalid'] })
})

test('46 an account’s codes cannot be guessed faster from many addresses, browsers or processes', async () => {
  const here = await server()
  const { ctx, deps, clock } = here
  const user = await aUser(ctx)
  const { codes } = await aSheet(ctx, user)
  const stage = await validation(ctx, { static_otp_throttling_factor: 0 })
  // Two processes on one database: nothing is counted in memory.
  const second = await createApp(deps)
  for (let attempt = 0; attempt < 10; attempt++) {
    const { answer } = await at({ ctx, app: attempt % 2 ? second : here.app }, stage, user, `192.0.2.${attempt + 1}`)
    assert.deepEqual(errorsOf(await answer({ code: `wrong${attempt}` })), WRONG)
  }
  const { answer } = await at(here, stage, user, '192.0.2.99')
  assert.deepEqual(errorsOf(await answer({ code: codes[0] })), WRONG)
  clock.advance(15 * 60_000)
  assertDone(await (await at(here, stage, user, '192.0.2.99')).answer({ code: codes[0] }), '/')
  await second.close()
})

test('46 attempts at many accounts from one address are counted together; what is right counts for nothing', async () => {
  const here = await server()
  const { ctx } = here
  const stage = await validation(ctx, { static_otp_throttling_factor: 0 })
  const people = await Promise.all(Array.from({ length: 11 }, () => aUser(ctx)))
  const sheets = await Promise.all(people.map(user => aSheet(ctx, user)))
  const from = '2001:db8:0:1::'
  assertDone(await (await at(here, stage, people[10]!, `${from}1`)).answer({ code: sheets[10]!.codes[0] }), '/')
  for (let attempt = 0; attempt < 100; attempt++) {
    const { answer } = await at(here, stage, people[attempt % 10]!, `${from}${attempt.toString(16)}`)
    assert.deepEqual(errorsOf(await answer({ code: `wrong${attempt}` })), WRONG)
  }
  const victim = await at(here, stage, people[10]!, `${from}ffff`)
  assert.deepEqual(errorsOf(await victim.answer({ code: sheets[10]!.codes[1] })), WRONG)
  assertDone(await (await at(here, stage, people[10]!, '2001:db8:0:2::1')).answer({ code: sheets[10]!.codes[1] }), '/')
})

test('46 many guesses at once are no more than one after the other', async () => {
  const here = await server()
  const { ctx } = here
  const user = await aUser(ctx)
  const { device, codes } = await aSheet(ctx, user)
  const stage = await validation(ctx, { static_otp_throttling_factor: 600 })
  const visitors = await Promise.all(Array.from({ length: 20 }, () => at(here, stage, user, '192.0.2.200')))
  const answers = await Promise.all(visitors.map(({ answer }, index) => answer({ code: `wrong${index}` })))
  for (const answer of answers) assert.deepEqual(errorsOf(answer), WRONG)
  const { failures } = await ctx.db
    .selectFrom('authenticator')
    .select('failures')
    .where('id', '=', device.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(failures, 1, 'one of them had a turn')
  assert.deepEqual(errorsOf(await visitors[0]!.answer({ code: codes[0] })), WRONG)
})

test('47 taking a factor away needs a sign-in of a short while ago', async () => {
  const { app, ctx, clock } = await server()
  const user = await aUser(ctx)
  const [{ device }] = [await anApp(ctx, user), await aSheet(ctx, user)]
  const mine = await signedIn(app, ctx, user)
  const item = `${A}/totp/${String(device.id)}/`
  clock.advance(15 * 60_000 + 1)
  const refused = await mine.delete(item)
  assert.equal(refused.status, 403)
  assert.match(refused.body.detail, /sign in again/i)
  assert.equal((await mine.get(item)).status, 200)
  const fresh = await signedIn(app, ctx, user)
  assert.equal((await fresh.delete(item)).status, 204)
  clock.advance(15 * 60_000 + 1)
  const restore = `/api/v3/signet/authenticators/totp/${String(device.id)}/restore/`
  assert.equal((await fresh.post(restore)).status, 403)
  assert.equal((await (await signedIn(app, ctx, user)).post(restore)).status, 200)
})

test('47 the last factor is not taken away by mistake', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx)
  const [{ device }, sheet] = [await anApp(ctx, user), await aSheet(ctx, user)]
  const mine = await signedIn(app, ctx, user)
  const item = `${A}/totp/${String(device.id)}/`
  assert.equal((await mine.delete(`${A}/static/${String(sheet.device.id)}/`)).status, 204)
  const refused = await mine.delete(item)
  assert.equal(refused.status, 400)
  assert.match(refused.body.non_field_errors[0], /confirm=last/)
  assert.equal((await mine.delete(`${item}?confirm=yes`)).status, 400)
  assert.equal((await mine.delete(`${item}?confirm=last`)).status, 204)
})

test('47 a stolen token takes no factor away, unless it is that of an administrator', async () => {
  const { ctx, client, admin } = await server()
  const user = await aUser(ctx)
  const [{ device }] = [await anApp(ctx, user), await aSheet(ctx, user)]
  const api = client(await aToken(ctx, user))
  const item = `${A}/totp/${String(device.id)}/`
  assert.equal((await api.delete(`${item}?confirm=last`)).status, 403)
  assert.equal((await api.get(item)).status, 200)
  assert.equal((await admin.delete(`${A}/admin/totp/${String(device.id)}/`)).status, 204)
  assert.equal((await api.post(`/api/v3/signet/authenticators/totp/${String(device.id)}/restore/`)).status, 403)
})

test('47 administrators, too, need a recent sign-in for what is their own', async () => {
  const { app, ctx, clock } = await server()
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_stages_authenticator_totp.delete_totpdevice'])
  const { device } = await anApp(ctx, user)
  const other = await aUser(ctx)
  const { device: foreign } = await anApp(ctx, other)
  const browser = await signedIn(app, ctx, user)
  clock.advance(16 * 60_000)
  assert.equal((await browser.delete(`${A}/admin/totp/${String(device.id)}/`)).status, 403)
  assert.equal((await browser.delete(`${A}/admin/totp/${String(foreign.id)}/`)).status, 204)
})

test('47 whoever looks through another’s eyes takes no factor of theirs away', async () => {
  const { app, ctx } = await server()
  const [user, helper] = [await aUser(ctx), await aUser(ctx)]
  const { device } = await anApp(ctx, user)
  const browser = await signedIn(app, ctx, user)
  await ctx.db
    .updateTable('session')
    .set({ impersonator: helper.id as number })
    .where('session_hash', '=', browser.session.session_hash)
    .execute()
  assert.equal((await browser.delete(`${A}/totp/${String(device.id)}/?confirm=last`)).status, 403)
})
