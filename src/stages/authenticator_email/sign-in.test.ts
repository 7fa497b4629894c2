import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { codeIn } from '../../../test/codes.ts'
import { afterPassword, anEmailDevice, aTwoFactorFlow, fiftyAtOnce, mailbox, otherThan } from '../../../test/sent-codes.ts'

const mails = await mailbox()
const server = await ownServer(mails.env)
const { app, ctx, clock } = server
after(mails.close)

const delivered = () => mails.delivered(server)
const WRONG = 'Invalid Token. Please ensure the time on your device is accurate and try again.'

async function aMember() {
  const user = await aUser(ctx, { password: 'right' })
  const stage = await aStage(ctx, 'authenticator_email')
  return { user, stage, device: await anEmailDevice(ctx, user, stage) }
}

test('choosing the device mails a code, which signs in once', async () => {
  const { user, device } = await aMember()
  const slug = await aTwoFactorFlow(ctx)
  const { visitor, shown } = await afterPassword(app, slug, user)
  const [offer, ...more] = shown.device_challenges
  assert.equal(more.length, 0)
  assert.partialDeepStrictEqual(offer, {
    device_class: 'email',
    device_uid: String(device.id),
    challenge: { email: `${String(user.email)[0]}***@example.test` },
    last_used: null,
  })
  assert.equal((await delivered()).length, 0, 'nothing is sent before somebody asks')

  const chosen = await visitor.challenge(slug, '', { selected_challenge: offer })
  assert.deepEqual(errorsOf(chosen), { non_field_errors: ['Empty response'] })
  const [mail] = await delivered()
  assert.deepEqual(mail!.to, [user.email])
  const code = codeIn(mail!.text)
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code: otherThan(code) })), { code: [WRONG] })
  clock.advance(2_000)
  assertDone(await visitor.challenge(slug, '', { code }), '/')
  assert.equal((await visitor.get('/api/v3/core/users/me/')).body.user.username, user.username)

  const again = await afterPassword(app, slug, user)
  assert.notEqual(again.shown.device_challenges[0].last_used, null)
  assert.deepEqual(errorsOf(await again.visitor.challenge(slug, '', { code })), { code: [WRONG] })
})

test('of fifty browsers that send one code at once, one gets in', async () => {
  const { user } = await aMember()
  const validate = await aStage(ctx, 'authenticator_validate', { not_configured_action: 'deny', email_otp_throttling_factor: 0 })
  const { slug } = await aFlow(ctx, ['identification', validate, 'user_login'])
  const answers = await fiftyAtOnce(app, slug, user, async () => codeIn((await delivered())[0]!.text))
  assert.equal(answers.filter(({ component }) => component === 'xak-flow-redirect').length, 1)
  assert.equal(answers.filter(answer => errorsOf(answer).code?.[0] === WRONG).length, 49)
})

test('a code ends with its time, and with the next one', async () => {
  const { user, stage } = await aMember()
  const slug = await aTwoFactorFlow(ctx, { email_otp_throttling_factor: 0 })
  const { visitor, shown } = await afterPassword(app, slug, user)
  const ask = async () => {
    await visitor.challenge(slug, '', { selected_challenge: shown.device_challenges[0] })
    return codeIn((await delivered())[0]!.text)
  }
  const [first, second] = [await ask(), await ask()]
  if (first !== second) assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code: first })), { code: [WRONG] })
  clock.advance(30 * 60_000)
  assert.equal(stage.token_expiry, 'minutes=30')
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code: second })), { code: [WRONG] })
  assertDone(await visitor.challenge(slug, '', { code: await ask() }), '/')
})

test('a device in the trash gets no code, and its code is worth nothing', async () => {
  const { user, device } = await aMember()
  const slug = await aTwoFactorFlow(ctx)
  const { visitor, shown } = await afterPassword(app, slug, user)
  await visitor.challenge(slug, '', { selected_challenge: shown.device_challenges[0] })
  const code = codeIn((await delivered())[0]!.text)
  await ctx.db
    .updateTable('authenticator')
    .set({ deleted: ctx.now() })
    .where('id', '=', device.id as number)
    .execute()
  assert.equal((await visitor.challenge(slug, '', { code })).component, 'ak-stage-access-denied')
})
