import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from '../../../test/codes.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { server, type TestServer } from '../../../test/harness.ts'
import { findObjects } from '../../api/store.ts'
import type { Row } from '../../api/model.ts'
import { sql } from 'kysely'
import { stepOf, totpKind, TOTPDevice } from './device.ts'

const C = 'ak-stage-authenticator-totp'
const STEP = 30_000

/** Somebody setting up an app, in a flow that ends there. */
async function settingUp({ app, ctx }: TestServer, values: Row = {}, user?: Row) {
  const owner = user ?? (await aUser(ctx))
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'authenticator_totp', values), 'dummy'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  const shown = await visitor.challenge(slug, '', { uid_field: owner.username })
  const url = new URL(shown.config_url)
  return { visitor, slug, shown, url, key: url.searchParams.get('secret')!, owner }
}

const devicesOf = (here: TestServer, user: Row) =>
  findObjects(here.ctx, TOTPDevice, { where: [sql<boolean>`authenticator."user" = ${user.id}`] })

test('the address for apps says whose code it is and how it is made', async () => {
  const here = await server()
  const username = unique('o brien&co')
  const { shown, url, key } = await settingUp(
    here,
    { digits: '8' },
    await aUser(here.ctx, { username, email: `${unique('x')}@example.test` }),
  )
  assert.equal(shown.component, C)
  assert.equal(shown.pending_user, username)
  assert.equal(
    shown.config_url,
    `otpauth://totp/Signet:${encodeURIComponent(username)}?secret=${key}&algorithm=SHA1&digits=8&period=30&issuer=Signet`,
  )
  assert.equal(url.protocol, 'otpauth:')
  assert.match(key, /^[A-Z2-7]{32}$/)
})

test('the right code makes a device; the page shows the same secret until then', async () => {
  const here = await server()
  const { visitor, slug, shown, key, owner } = await settingUp(here)
  assert.equal((await visitor.challenge(slug)).config_url, shown.config_url)
  const wrong = await visitor.challenge(slug, '', { component: C, code: '000000' })
  assert.deepEqual(errorsOf(wrong), { code: ['Code does not match'] })
  assert.equal(wrong.config_url, shown.config_url)
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { component: C })), { code: ['This field is required.'] })
  assert.deepEqual(await devicesOf(here, owner), [])
  assert.equal((await visitor.challenge(slug, '', { component: C, code: codeOf(key, here.ctx.now()) })).component, 'ak-stage-dummy')
  const [device, ...more] = await devicesOf(here, owner)
  assert.deepEqual([device!.name, device!.confirmed, device!.key, more.length], ['TOTP Authenticator', true, key, 0])
  const stored = await here.ctx.db
    .selectFrom('totp_device')
    .select('key')
    .where('id', '=', device!.id as number)
    .executeTakeFirstOrThrow()
  assert.ok(!stored.key.includes(key), 'the secret is sealed')
  const session = await here.ctx.db.selectFrom('session').select('data').execute()
  assert.ok(!JSON.stringify(session).includes(key), 'the secret stands in no session')
})

test('a code of eight digits, where the stage says so', async () => {
  const here = await server()
  const { visitor, slug, key } = await settingUp(here, { digits: '8' })
  const now = here.ctx.now()
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { component: C, code: codeOf(key, now) })), { code: ['Code does not match'] })
  assert.equal((await visitor.challenge(slug, '', { component: C, code: codeOf(key, now, 8) })).component, 'ak-stage-dummy')
})

test('a second app is a second device', async () => {
  const here = await server()
  const user = await aUser(here.ctx)
  for (let app = 0; app < 2; app++) {
    const { visitor, slug, key } = await settingUp(here, {}, user)
    await visitor.challenge(slug, '', { component: C, code: codeOf(key, here.ctx.now()) })
  }
  const devices = await devicesOf(here, user)
  assert.equal(devices.length, 2)
  assert.notEqual(devices[0]!.key, devices[1]!.key)
})

test('the code of the set-up does not sign in too', async () => {
  const here = await server()
  const { visitor, slug, key, owner } = await settingUp(here)
  const code = codeOf(key, here.ctx.now())
  await visitor.challenge(slug, '', { component: C, code })
  const [device] = await devicesOf(here, owner)
  assert.equal(await totpKind.verifyCode!(here.ctx, device!, code), false)
})

test('without anybody, or for a name that is no account’s, there is nothing to set up', async () => {
  const { app, ctx } = await server()
  const alone = await aFlow(ctx, ['authenticator_totp'], { authentication: 'none' })
  assert.equal((await new FlowVisitor(app).challenge(alone.slug)).component, 'ak-stage-access-denied')
  const { slug } = await aFlow(ctx, ['identification', 'authenticator_totp'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.equal((await visitor.challenge(slug, '', { uid_field: unique('nobody') })).component, 'ak-stage-access-denied')
})

test('a step is taken within one of the right one, never twice and never backwards', async () => {
  const { ctx } = await server()
  const key = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
  const now = ctx.now()
  const clock = { key, digits: 6, drift: 0, last_step: -1 }
  const step = Math.floor(now.getTime() / STEP)
  for (const [offset, drift] of [
    [-1, -1],
    [0, 0],
    [1, 1],
  ] as const) {
    const match = stepOf(clock, codeOf(key, new Date(now.getTime() + offset * STEP)), now)
    assert.deepEqual(match, { step: step + offset, drift })
  }
  for (const offset of [-2, 2]) assert.equal(stepOf(clock, codeOf(key, new Date(now.getTime() + offset * STEP)), now), undefined)
  const wide = codeOf(key, now).replaceAll(/\d/g, digit => String.fromCodePoint(0xff10 + Number(digit)))
  assert.deepEqual(stepOf(clock, wide, now), { step, drift: 0 })
  assert.equal(stepOf({ ...clock, last_step: step }, codeOf(key, now), now), undefined)
  assert.equal(stepOf({ ...clock, last_step: step }, codeOf(key, new Date(now.getTime() - STEP)), now), undefined)
  for (const code of ['', '12345', '1234567', 'abcdef', '12345a', '1e5', '١٢٣٤٥٦']) assert.equal(stepOf(clock, code, now), undefined)
})

test('the drift of an app’s clock is learnt, up to ten minutes', async () => {
  const here = await server()
  const { ctx, clock } = here
  const { visitor, slug, key, owner } = await settingUp(here)
  // From the beginning of a step on, so that none ends between a code and its being looked at.
  clock.advance(STEP - (ctx.now().getTime() % STEP))
  await visitor.challenge(slug, '', { component: C, code: codeOf(key, ctx.now()) })
  const verify = async (ahead: number) => {
    clock.advance(10 * STEP)
    const [device] = await devicesOf(here, owner)
    return totpKind.verifyCode!(ctx, device!, codeOf(key, new Date(ctx.now().getTime() + ahead * STEP)))
  }
  assert.equal(await verify(2), false)
  for (let ahead = 1; ahead <= 20; ahead++) assert.equal(await verify(ahead), true, `${ahead} steps ahead`)
  assert.equal(await verify(21), false)
  assert.equal(await verify(20), true)
  const [device] = await devicesOf(here, owner)
  assert.equal(device!.drift, 20)
})

test('of many who send one code at once, one gets through', async () => {
  const here = await server()
  const { ctx } = here
  const { visitor, slug, key, owner } = await settingUp(here)
  await visitor.challenge(slug, '', { component: C, code: codeOf(key, new Date(ctx.now().getTime() - STEP)) })
  const [device] = await devicesOf(here, owner)
  const code = codeOf(key, ctx.now())
  const answers = await Promise.all(Array.from({ length: 50 }, () => totpKind.verifyCode!(ctx, device!, code)))
  assert.equal(answers.filter(Boolean).length, 1)
})

test('the same set-up answered twice at once makes one device', async () => {
  const here = await server()
  const { visitor, slug, key, owner } = await settingUp(here)
  const code = codeOf(key, here.ctx.now())
  const cookies = new Map(visitor.cookies)
  const tabs = Array.from({ length: 5 }, () => {
    const tab = new FlowVisitor(here.app)
    for (const [name, value] of cookies) tab.cookies.set(name, value)
    return tab
  })
  await Promise.all(tabs.map(tab => tab.challenge(slug, '', { component: C, code })))
  assert.equal((await devicesOf(here, owner)).length, 1)
  assertDone(await tabs[0]!.challenge(slug, '', { component: 'ak-stage-dummy' }), '/')
})
