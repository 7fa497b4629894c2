import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { DUO_AUTH, duoServer } from '../../../test/duo.ts'
import { aStage, assertDone, errorsOf } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { aDuoDevice, aTwoFactorFlow, afterPassword } from '../../../test/sent-codes.ts'

const { app, ctx } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
const duo = await duoServer(ctx.now)
after(duo.close)

const DENIED = { duo: ['Duo denied access'] }

async function aMember() {
  const user = await aUser(ctx, { password: 'right' })
  const stage = await aStage(ctx, 'authenticator_duo', { ...DUO_AUTH, api_hostname: duo.origin })
  const id = unique('DU')
  duo.users.push({ user_id: id, username: user.username as string })
  return { user, stage, id, device: await aDuoDevice(ctx, user, stage, id) }
}

test('the person is asked on their phone, and told what for', async () => {
  const { user, id, device } = await aMember()
  const slug = await aTwoFactorFlow(ctx)
  const { visitor, shown } = await afterPassword(app, slug, user)
  assert.partialDeepStrictEqual(shown.device_challenges, [{ device_class: 'duo', device_uid: String(device.id), challenge: {} }])
  assertDone(await visitor.challenge(slug, '', { duo: device.id }), '/')
  const push = Object.fromEntries(duo.pushes.at(-1)!)
  assert.partialDeepStrictEqual(push, {
    user_id: id,
    factor: 'auto',
    device: 'auto',
    display_username: user.username,
    type: 'Signet Login request',
    pushinfo: 'Domain=id.example.test',
  })
  assert.equal((await visitor.get('/api/v3/core/users/me/')).body.user.username, user.username)
})

test('who says no, or whom Duo does not know, stays outside', async () => {
  const { user, device } = await aMember()
  const slug = await aTwoFactorFlow(ctx)
  const { visitor } = await afterPassword(app, slug, user)
  duo.phone.answer = 'deny'
  const refused = await visitor.post(slug, { duo: device.id })
  assert.deepEqual(refused.body.response_errors, { duo: [{ string: 'Duo denied access', code: 'denied' }] })
  duo.phone.answer = 'allow'
  const pushed = duo.pushes.length
  for (const preauth of ['deny', 'enroll']) {
    duo.phone.preauth = preauth
    assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { duo: device.id })), DENIED, preauth)
  }
  assert.equal(duo.pushes.length, pushed)
  // An administrator of Duo lets people pass for a while.
  duo.phone.preauth = 'allow'
  assertDone(await visitor.challenge(slug, '', { duo: device.id }), '/')
  duo.phone.preauth = 'auth'
})

test("nobody can name another's device", async () => {
  const [one, other] = [await aMember(), await aMember()]
  const slug = await aTwoFactorFlow(ctx)
  const { visitor } = await afterPassword(app, slug, one.user)
  const pushed = duo.pushes.length
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { duo: other.device.id })), { duo: ['Invalid device'] })
  assert.equal(duo.pushes.length, pushed)
})

test('a device that is deleted while the phone rings proves nobody', async () => {
  const { user, device } = await aMember()
  const slug = await aTwoFactorFlow(ctx)
  const { visitor } = await afterPassword(app, slug, user)
  duo.phone.before = async () => {
    await ctx.db
      .updateTable('authenticator')
      .set({ deleted: ctx.now() })
      .where('id', '=', device.id as number)
      .execute()
  }
  const answer = await visitor.challenge(slug, '', { duo: device.id })
  delete duo.phone.before
  assert.equal(answer.component, 'ak-stage-access-denied')
})

test('phones are not rung without end (abuse 46)', async () => {
  const { user, device } = await aMember()
  const slug = await aTwoFactorFlow(ctx)
  const { visitor } = await afterPassword(app, slug, user)
  duo.phone.answer = 'deny'
  for (let times = 0; times < 5; times++) assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { duo: device.id })), DENIED)
  const pushed = duo.pushes.length
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { duo: device.id })), {
    non_field_errors: ['Too many codes were sent. Please try again later.'],
  })
  assert.equal(duo.pushes.length, pushed)
  duo.phone.answer = 'allow'
})
