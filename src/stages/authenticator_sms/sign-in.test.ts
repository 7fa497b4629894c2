import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { aFlow, aStage, assertDone, errorsOf } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { receiver, type Reply } from '../../../test/http-receiver.ts'
import { codeIn } from '../../../test/codes.ts'
import { afterPassword, aPhone, aTwoFactorFlow, fiftyAtOnce } from '../../../test/sent-codes.ts'
import { hashNumber } from './number.ts'

let reply: Reply = {}
const provider = await receiver(() => reply)
const { app, ctx } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
after(provider.close)

let last = 0
const aNumber = (): string => `+1556${String(1_000_000 + last++)}`
const aSmsStage = () => aStage(ctx, 'authenticator_sms', { account_sid: provider.origin })

test('choosing the phone sends a code to it, which signs in', async () => {
  const user = await aUser(ctx, { password: 'right' })
  const number = aNumber()
  const device = await aPhone(ctx, user, await aSmsStage(), number)
  const slug = await aTwoFactorFlow(ctx)
  const { visitor, shown } = await afterPassword(app, slug, user)
  const [offer] = shown.device_challenges
  assert.partialDeepStrictEqual(offer, {
    device_class: 'sms',
    device_uid: String(device.id),
    challenge: { phone_number: `***${number.slice(-3)}` },
  })
  const before = provider.received.length
  const chosen = await visitor.challenge(slug, '', { selected_challenge: offer })
  assert.deepEqual(errorsOf(chosen), { non_field_errors: ['Empty response'] })
  const [message] = provider.received.slice(before)
  assert.ok(message!.body.includes(number))
  assertDone(await visitor.challenge(slug, '', { code: codeIn(message!.body) }), '/')
})

test('of fifty browsers that send one code at once, one gets in', async () => {
  const user = await aUser(ctx)
  await aPhone(ctx, user, await aSmsStage(), aNumber())
  const validate = await aStage(ctx, 'authenticator_validate', { not_configured_action: 'deny', sms_otp_throttling_factor: 0 })
  const { slug } = await aFlow(ctx, ['identification', validate, 'user_login'])
  const answers = await fiftyAtOnce(app, slug, user, () => codeIn(provider.received.at(-1)!.body))
  assert.equal(answers.filter(({ component }) => component === 'xak-flow-redirect').length, 1)
})

test('a provider that is down is said so, and leaves no code behind', async () => {
  const user = await aUser(ctx, { password: 'right' })
  await aPhone(ctx, user, await aSmsStage(), aNumber())
  const slug = await aTwoFactorFlow(ctx)
  const { visitor, shown } = await afterPassword(app, slug, user)
  reply = { status: 500 }
  const failed = await visitor.challenge(slug, '', { selected_challenge: shown.device_challenges[0] })
  assert.deepEqual(errorsOf(failed), { non_field_errors: ['The code could not be sent. Please try again later.'] })
  const code = codeIn(provider.received.at(-1)!.body)
  reply = {}
  assert.notEqual((await visitor.challenge(slug, '', { code })).component, 'xak-flow-redirect')
})

test('a number that was only verified is no second factor', async () => {
  const user = await aUser(ctx, { password: 'right' })
  await aPhone(ctx, user, await aSmsStage(), hashNumber(ctx, aNumber()))
  const { shown } = await afterPassword(app, await aTwoFactorFlow(ctx), user)
  assert.deepEqual([shown.component, shown.error_message], ['ak-stage-access-denied', 'No (allowed) MFA authenticator configured.'])
})
