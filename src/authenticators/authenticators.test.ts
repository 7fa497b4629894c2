import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFits } from '../../test/contract/schema.ts'
import { anApp, aSheet } from '../../test/authenticators.ts'
import { aRole, aToken, aUser } from '../../test/builders.ts'
import { result } from '../../test/expressions.ts'
import { ownServer, server } from '../../test/harness.ts'
import { signedIn } from '../../test/signed-in.ts'
import type { Row } from '../api/model.ts'
import { emptyTrash } from '../tasks/jobs/authenticators.ts'
import { TRASH_AGE } from './removal.ts'

const A = '/api/v3/authenticators'
const S = '/api/v3/signet/authenticators'

const eventsAbout = async (ctx: Parameters<typeof anApp>[0], action: string, device: Row) =>
  (await ctx.db.selectFrom('event').selectAll().where('action', '=', action).execute()).filter(
    event => ((event.context as Row).model as Row | undefined)?.pk === String(device.id) && (event.context as Row).owner,
  )

test('people see, rename and find their own devices, and nobody else’s', async () => {
  const { app, ctx, client } = await server()
  const [user, other] = [await aUser(ctx), await aUser(ctx)]
  const { device } = await anApp(ctx, user)
  const { device: foreign } = await anApp(ctx, other)
  const mine = await signedIn(app, ctx, user)
  const list = await mine.get(`${A}/totp/`)
  assert.deepEqual(
    list.body.results.map((one: Row) => one.pk),
    [device.id],
  )
  assert.deepEqual(
    (await mine.get(`${A}/totp/?search=app&name=An app`)).body.results.map((one: Row) => one.pk),
    [device.id],
  )
  const item = `${A}/totp/${String(device.id)}/`
  const shown = await mine.get(item)
  assert.deepEqual([shown.body.name, shown.body.user.username], ['An app', user.username])
  assert.ok(!('key' in shown.body))
  const renamed = await mine.patch(item, { name: 'My phone' })
  assert.deepEqual([renamed.status, renamed.body.name], [200, 'My phone'])
  assert.equal((await mine.patch(item, { name: 'x'.repeat(65) })).status, 400)
  assert.equal((await mine.post(`${A}/totp/`, { name: 'x' })).status, 405)
  const theirs = `${A}/totp/${String(foreign.id)}/`
  for (const answer of [
    await mine.get(theirs),
    await mine.patch(theirs, { name: 'x' }),
    await mine.delete(theirs),
    await mine.get(`${theirs}used_by/`),
  ])
    assert.equal(answer.status, 404, answer.text)
  // Here there are one's own alone, also for administrators.
  const { admin } = await server()
  assert.equal((await admin.get(item)).status, 404)
  assert.equal((await client().get(`${A}/totp/`)).status, 403)
})

test('devices of all kinds stand in one list', async () => {
  const { app, ctx, admin } = await server()
  const user = await aUser(ctx)
  const { device } = await anApp(ctx, user)
  const sheet = await aSheet(ctx, user)
  const { body } = await (await signedIn(app, ctx, user)).get(`${A}/all/`)
  assert.deepEqual(
    body.map((one: Row) => [one.pk, one.type, one.meta_model_name, one.verbose_name, one.confirmed, one.last_used]),
    [
      [
        String(device.id),
        'authentik_stages_authenticator_totp.TOTPDevice',
        'authentik_stages_authenticator_totp.totpdevice',
        'TOTP Device',
        true,
        null,
      ],
      [
        String(sheet.device.id),
        'authentik_stages_authenticator_static.StaticDevice',
        'authentik_stages_authenticator_static.staticdevice',
        'Static Device',
        true,
        null,
      ],
    ],
  )
  for (const one of body) assertFits('Device', one)
  const asAdmin = await admin.get(`${A}/admin/all/?user=${String(user.id)}`)
  assert.deepEqual(asAdmin.body, body)
  assert.equal((await admin.get(`${A}/admin/all/?user=x`)).status, 400)
})

test('administrators see the kinds that they may see', async () => {
  const { ctx, client } = await server()
  const [user, helper, nobody] = [await aUser(ctx), await aUser(ctx), await aUser(ctx)]
  const { device } = await anApp(ctx, user)
  await aSheet(ctx, user)
  await aRole(ctx, helper, ['authentik_stages_authenticator_totp.view_totpdevice'])
  const api = client(await aToken(ctx, helper))
  const { body } = await api.get(`${A}/admin/all/?user=${String(user.id)}`)
  assert.deepEqual(
    body.map((one: Row) => one.pk),
    [String(device.id)],
  )
  assert.equal((await api.get(`${A}/admin/totp/${String(device.id)}/`)).status, 200)
  assert.equal((await api.delete(`${A}/admin/totp/${String(device.id)}/`)).status, 403)
  assert.equal((await api.get(`${A}/admin/static/`)).body.pagination.count, 0)
  const other = client(await aToken(ctx, nobody))
  assert.equal((await other.get(`${A}/admin/all/?user=${String(user.id)}`)).status, 403)
  assert.equal((await other.get(`${S}/deleted/?user=${String(user.id)}`)).status, 403)
  assert.equal((await other.get(`${A}/admin/totp/${String(device.id)}/`)).status, 404)
})

test('what the API makes is a draft that signs nobody in', async () => {
  const { ctx, client } = await server()
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_stages_authenticator_totp.add_totpdevice'])
  const made = await client(await aToken(ctx, user)).post(`${A}/admin/totp/`, { name: 'By hand', confirmed: true, key: 'AAAA' })
  assert.equal(made.status, 201)
  assert.equal(made.body.user.pk, user.id)
  const stored = await ctx.db.selectFrom('authenticator').selectAll().where('id', '=', made.body.pk).executeTakeFirstOrThrow()
  assert.equal(stored.confirmed, false)
})

test('a deleted device is gone for everybody, and can be brought back by its owner for thirty days', async () => {
  const { app, ctx, admin, clock } = await ownServer()
  const user = await aUser(ctx)
  const { device } = await anApp(ctx, user)
  const { device: sheet } = await aSheet(ctx, user)
  const mine = await signedIn(app, ctx, user)
  const item = `${A}/totp/${String(device.id)}/`
  assert.equal((await mine.delete(item)).status, 204)
  assert.equal((await mine.delete(item)).status, 404)
  for (const url of [item, `${A}/admin/totp/${String(device.id)}/`]) assert.equal((await admin.get(url)).status, 404)
  assert.equal((await mine.patch(item, { name: 'x' })).status, 404)
  assert.equal((await mine.get(`${A}/totp/`)).body.pagination.count, 0)
  assert.deepEqual(
    (await mine.get(`${A}/all/`)).body.map((one: Row) => one.pk),
    [String(sheet.id)],
  )
  assert.equal((await admin.get(`${A}/admin/totp/`)).body.results.filter((one: Row) => one.pk === device.id).length, 0)
  const [lying] = (await mine.get(`${S}/deleted/`)).body
  assert.partialDeepStrictEqual(lying, { pk: String(device.id), device_class: 'totp', deleted_by: user.id, name: 'An app' })
  assert.equal(new Date(lying.gone_for_good).getTime() - new Date(lying.deleted).getTime(), TRASH_AGE)
  assert.deepEqual((await admin.get(`${S}/deleted/?user=${String(user.id)}`)).body, [lying])
  const restored = await mine.post(`${S}/totp/${String(device.id)}/restore/`)
  assert.deepEqual([restored.status, restored.body.pk, restored.body.confirmed], [200, String(device.id), true])
  assertFits('Device', restored.body)
  assert.equal((await mine.get(item)).status, 200)
  assert.equal((await mine.post(`${S}/totp/${String(device.id)}/restore/`)).status, 404)
  assert.equal((await mine.post(`${S}/static/${String(device.id)}/restore/`)).status, 404)
  assert.equal((await mine.post(`${S}/nothing/${String(device.id)}/restore/`)).status, 404)
  const [event] = await eventsAbout(ctx, 'model_updated', device)
  assert.deepEqual([(event!.user as Row).pk, ((event!.context as Row).owner as Row).pk], [user.id, user.id])
  // After thirty days it is gone.
  assert.equal((await mine.delete(item)).status, 204)
  clock.advance(TRASH_AGE + 1000)
  const later = await signedIn(app, ctx, user)
  assert.deepEqual((await later.get(`${S}/deleted/`)).body, [])
  assert.equal((await later.post(`${S}/totp/${String(device.id)}/restore/`)).status, 404)
  const run = { signal: new AbortController().signal, log: () => {} }
  await emptyTrash.run(ctx, {}, run)
  const left = await ctx.db
    .selectFrom('authenticator')
    .select('id')
    .where('user', '=', user.id as number)
    .execute()
  assert.deepEqual(
    left.map(one => one.id),
    [sheet.id],
  )
  assert.equal(
    (
      await ctx.db
        .selectFrom('totp_device')
        .selectAll()
        .where('id', '=', device.id as number)
        .execute()
    ).length,
    0,
  )
})

test('expressions see who has which device, and none that is deleted or not confirmed', async () => {
  const { ctx, admin } = await server()
  const user = await aUser(ctx)
  const [{ device }, sheet] = [await anApp(ctx, user), await aSheet(ctx, user)]
  const ask = () =>
    result(
      ctx,
      `
       from authentik.stages.authenticator_totp.models import TOTPDevice
       kinds = [None, "totp", "static", "webauthn"]
       found = [ak_user_has_authenticator(request.user, kind) for kind in kinds]
       return [*found, TOTPDevice.objects.filter(user=request.user, confirmed=True).count()]`,
      { user },
    )
  assert.deepEqual(await ask(), [true, true, true, false, 1])
  await admin.delete(`${A}/admin/totp/${String(device.id)}/`)
  assert.deepEqual(await ask(), [true, false, true, false, 0])
  await ctx.db
    .updateTable('authenticator')
    .set({ confirmed: false })
    .where('id', '=', sheet.device.id as number)
    .execute()
  assert.deepEqual(await ask(), [false, false, false, false, 0])
})
