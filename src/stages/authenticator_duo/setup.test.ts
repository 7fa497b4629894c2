import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../api/model.ts'
import { aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { DUO_ADMIN, DUO_AUTH, duoServer } from '../../../test/duo.ts'
import { aFlow, aStage, assertDone, errorsOf } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { afterPassword } from '../../../test/sent-codes.ts'

const { app, ctx, admin, client } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
const duo = await duoServer(ctx.now)
after(duo.close)

const aDuoStage = (values: Row = {}) => aStage(ctx, 'authenticator_duo', { ...DUO_AUTH, api_hostname: duo.origin, ...values })

/** Somebody in front of the set-up. */
const inFront = (slug: string, user: Row) => afterPassword(app, slug, user)

const aPerson = () => aUser(ctx, { password: 'right' })
const setup = (stage: Row) => aFlow(ctx, ['identification', 'password', stage, 'user_login'])

const devicesOf = (user: Row) =>
  ctx.db
    .selectFrom('authenticator_duo')
    .innerJoin('authenticator', 'authenticator.id', 'authenticator_duo.id')
    .selectAll()
    .where('authenticator.user', '=', user.id as number)
    .execute()

test('a phone is activated with what the challenge shows, and only then a device', async () => {
  const stage = await aDuoStage()
  const { slug } = await setup(stage)
  const user = await aPerson()
  const { visitor, shown } = await inFront(slug, user)
  assert.equal(shown.component, 'ak-stage-authenticator-duo')
  assert.deepEqual([shown.pending_user, shown.stage_uuid], [user.username, stage.stage_uuid])
  const enrolled = duo.users.at(-1)!
  assert.equal(enrolled.username, user.username)
  assert.equal(shown.activation_code, duo.enrollments.get(enrolled.user_id)!.code)
  assert.match(String(shown.activation_barcode), /^https:\/\/duo\.example\/frame\/qr/)
  const again = await visitor.challenge(slug)
  assert.deepEqual([again.activation_code, duo.users.at(-1)], [shown.activation_code, enrolled], 'shown again, nothing new is made')

  const status = `/api/v3/stages/authenticator/duo/${String(stage.stage_uuid)}/enrollment_status/`
  assert.deepEqual((await visitor.request('POST', status)).body, { duo_response: 'waiting' })
  for (const body of [{}, { code: 'x' }, { duo: 1 }, { component: 'ak-stage-prompt' }, [], 'text'])
    assert.equal((await visitor.post(slug, body)).body.component, 'ak-stage-authenticator-duo', JSON.stringify(body))
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', {})), { non_field_errors: ['Invalid enrollment status: waiting.'] })
  assert.deepEqual(await devicesOf(user), [])

  duo.enrollments.get(enrolled.user_id)!.status = 'success'
  assert.deepEqual((await visitor.request('POST', status)).body, { duo_response: 'success' })
  const stranger = await client().post(status)
  assert.deepEqual([stranger.status, stranger.body], [400, { non_field_errors: ['No enrollment is under way in this browser.'] }])
  assertDone(await visitor.challenge(slug, '', {}), '/')
  assert.partialDeepStrictEqual(await devicesOf(user), [
    { name: 'Duo Authenticator', duo_user_id: enrolled.user_id, stage: stage.stage_uuid, confirmed: true },
  ])
})

test('an activation that has run out ends the set-up', async () => {
  const { slug } = await setup(await aDuoStage())
  const user = await aPerson()
  const { visitor } = await inFront(slug, user)
  duo.enrollments.get(duo.users.at(-1)!.user_id)!.status = 'invalid'
  const denied = await visitor.challenge(slug, '', {})
  assert.deepEqual([denied.component, denied.error_message], ['ak-stage-access-denied', 'Invalid enrollment status: invalid.'])
  assert.deepEqual(await devicesOf(user), [])
})

test('what Duo refuses is told to administrators, without the keys', async () => {
  for (const [values, told] of [
    [{ client_secret: 'a wrong secret' }, 'Invalid signature in request credentials'],
    [{ client_id: 'unknown' }, 'Invalid integration key in request credentials'],
    [{ api_hostname: '169.254.169.254' }, 'not reachable from here'],
    [{ api_hostname: 'http://duo.example' }, 'is no API hostname of Duo'],
  ] as const) {
    const { slug } = await setup(await aDuoStage(values))
    const { shown } = await inFront(slug, await aPerson())
    assert.equal(shown.component, 'ak-stage-access-denied', told)
    const events = await ctx.db.selectFrom('event').selectAll().where('action', '=', 'configuration_error').execute()
    const text = JSON.stringify(events)
    assert.ok(text.includes(told), told)
    assert.ok(!text.includes('secret'))
  }
})

test('administrators bind accounts at Duo to people by hand', async () => {
  const stage = await aDuoStage()
  const user = await aPerson()
  const url = `/api/v3/stages/authenticator/duo/${String(stage.stage_uuid)}/import_device_manual/`
  const id = unique('DU')
  assert.deepEqual((await admin.post(url, { duo_user_id: id, username: 'nobody at all' })).body, { username: ['user does not exist'] })
  assert.equal((await admin.post(url, { duo_user_id: id, username: user.username })).status, 204)
  assert.partialDeepStrictEqual(await devicesOf(user), [{ name: 'Imported Duo Authenticator', duo_user_id: id, confirmed: true }])
  assert.equal(
    (await admin.post(url, { duo_user_id: id, username: (await aPerson()).username })).status,
    400,
    'an account at Duo is one person',
  )
  const viewer = await aUser(ctx)
  await aRole(ctx, viewer, ['authentik_stages_authenticator_duo.view_authenticatorduostage'])
  const refused = await client(await aToken(ctx, viewer)).post(url, { duo_user_id: unique('DU'), username: viewer.username })
  assert.equal(refused.status, 403)
})

test("administrators import Duo's users, page by page", async () => {
  const stage = await aDuoStage(DUO_ADMIN)
  const people = await Promise.all([aPerson(), aPerson(), aPerson()])
  for (const { username } of people) duo.users.push({ user_id: unique('DU'), username: username as string })
  duo.users.push({ user_id: unique('DU'), username: 'somebody else' })
  const url = `/api/v3/stages/authenticator/duo/${String(stage.stage_uuid)}/import_devices_automatic/`
  const first = await admin.post(url)
  assert.equal(first.status, 200)
  assert.equal(first.body.error, '')
  assert.ok(first.body.count >= 3)
  for (const person of people) assert.equal((await devicesOf(person)).length, 1)
  assert.deepEqual((await admin.post(url)).body, { count: 0, error: '' })
  const without = await aDuoStage()
  assert.equal((await admin.post(`/api/v3/stages/authenticator/duo/${String(without.stage_uuid)}/import_devices_automatic/`)).status, 400)
  const wrong = await aDuoStage({ ...DUO_ADMIN, admin_secret_key: 'wrong' })
  assert.deepEqual((await admin.post(`/api/v3/stages/authenticator/duo/${String(wrong.stage_uuid)}/import_devices_automatic/`)).body, {
    count: 0,
    error: 'Received 401 Invalid signature in request credentials',
  })
})

test('the keys of Duo are shown to nobody (abuse 70)', async () => {
  const body = { name: unique('duo'), api_hostname: 'api-1.duosecurity.com', ...DUO_AUTH, ...DUO_ADMIN }
  const created = await admin.post('/api/v3/stages/authenticator/duo/', body)
  assert.equal(created.status, 201)
  const rows = await ctx.db.selectFrom('stage_authenticator_duo').selectAll().where('stage_uuid', '=', created.body.pk).execute()
  const events = await ctx.db.selectFrom('event').selectAll().execute()
  for (const text of [created.text, JSON.stringify(rows), JSON.stringify(events)])
    for (const secret of [DUO_AUTH.client_secret, DUO_ADMIN.admin_secret_key]) assert.ok(!text.includes(secret))
})
