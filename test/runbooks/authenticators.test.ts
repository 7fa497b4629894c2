import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { applyDefaults } from '../../src/blueprints/defaults.ts'
import { anApp } from '../authenticators.ts'
import { codeOf } from '../codes.ts'
import { aUser } from '../builders.ts'
import { sampleObject } from '../contract/samples.ts'
import { server } from '../harness.ts'
import { signedIn } from '../signed-in.ts'
import { Visitor } from '../visitor.ts'

const A = '/api/v3'

test('R-439 a device that was set up on one’s own page is listed for administrators, and no blueprint run takes it away', async () => {
  const { app, ctx, admin, deps } = await server()
  const user = await aUser(ctx, { password: 'a password' })
  const visitor = new Visitor(app)
  await visitor.signIn(user.username as string, 'a password')
  const { body: settings } = await visitor.get(`${A}/stages/all/user_settings/`)
  const { configure_url: url } = settings.find((one: Row) => one.title === 'TOTP Device')
  const { answer, path } = await visitor.follow(url)
  assert.equal(answer.status, 200)
  assert.match(path, /^\/if\/flow\/default-authenticator-totp-setup\//)
  const { config_url: config } = await visitor.challenge('default-authenticator-totp-setup', '')
  const key = new URL(config).searchParams.get('secret')!
  const done = await visitor.challenge('default-authenticator-totp-setup', '', {
    component: 'ak-stage-authenticator-totp',
    code: codeOf(key, ctx.now()),
  })
  assert.deepEqual([done.component, done.to], ['xak-flow-redirect', '/'])
  const listed = () => admin.get(`${A}/authenticators/admin/all/?user=${String(user.id)}`)
  const before = (await listed()).body
  assert.deepEqual(
    before.map((device: Row) => [device.type, device.name]),
    [['authentik_stages_authenticator_totp.TOTPDevice', 'TOTP Authenticator']],
  )
  await ctx.db.deleteFrom('blueprint_instance').where('path', 'like', 'default/%').execute()
  await applyDefaults(deps, {})
  assert.deepEqual((await listed()).body, before)
  // From now on the default sign-in asks for it.
  const again = new Visitor(app)
  const asked = await again.signIn(user.username as string, 'a password')
  assert.equal(asked.component, 'ak-stage-authenticator-validate')
})

for (const kind of ['totp', 'webauthn']) {
  test(`R-441 an administrator deletes a device of kind ${kind}, and the audit log says who did it and whose it was`, async () => {
    const { ctx, admin, app } = await server()
    const user = await aUser(ctx)
    const model = ctx.registry.deviceKinds.find(({ deviceClass }) => deviceClass === kind)!.model
    const id = kind === 'totp' ? (await anApp(ctx, user)).device.id : (await sampleObject(ctx, model)).id
    await ctx.db
      .updateTable('authenticator')
      .set({ user: user.id as number })
      .where('id', '=', id as number)
      .execute()
    assert.equal((await admin.delete(`${A}/authenticators/admin/${kind}/${String(id)}/`)).status, 204)
    const { body } = await admin.get(`${A}/events/events/?action=model_deleted&context_model_pk=${String(id)}`)
    // Devices of other kinds are numbered alike.
    const isIts = ({ context }: Row) =>
      ((context as Row).model as Row)?.pk === String(id) && ((context as Row).model as Row).model_name === model.modelName
    const event = body.results.find(isIts)
    assert.equal(event.user.username, 'test-admin')
    assert.equal(event.context.owner.username, user.username)
    assert.equal(event.context.model.model_name, model.modelName)
    const mine = await signedIn(app, ctx, user)
    assert.deepEqual((await mine.get(`${A}/authenticators/all/`)).body, [])
    assert.equal((await admin.post(`${A}/signet/authenticators/${kind}/${String(id)}/restore/`)).status, 200)
    assert.equal((await mine.get(`${A}/authenticators/${kind}/${String(id)}/`)).status, 200)
  })
}
