import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../api/model.ts'
import { createObject } from '../../api/objects.ts'
import { NotificationWebhookMapping } from '../../events/notifications/mapping.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { codeIn, tells } from '../../../test/codes.ts'
import { aFlow, aForm, aStage, assertDone, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { basicOf, receiver, type Reply } from '../../../test/http-receiver.ts'
import { afterPassword } from '../../../test/sent-codes.ts'

let reply: Reply = {}
const provider = await receiver(() => reply)
const { app, ctx, clock, admin, logged } = await ownServer({
  SIGNET_OUTGOING_ALLOW: '127.0.0.1',
  SIGNET_TWILIO_URL: provider.origin,
})
after(provider.close)

let last = 0
const aNumber = (): string => `+1555${String(1_000_000 + last++)}`

const aGenericStage = (values: Row = {}) =>
  aStage(ctx, 'authenticator_sms', { account_sid: `${provider.origin}/send`, from_number: '+15550100', auth: 'the key', ...values })

const setup = async (stage: Row) => aFlow(ctx, ['identification', 'password', stage, 'user_login'])

/** Somebody in front of the set-up, whose messages are the first that the provider hears of. */
async function inFront(slug: string, user: Row) {
  reply = { status: 200 }
  provider.received.length = 0
  return afterPassword(app, slug, user)
}

const aPerson = () => aUser(ctx, { password: 'right' })

const devicesOf = (user: Row) =>
  ctx.db
    .selectFrom('authenticator_sms')
    .innerJoin('authenticator', 'authenticator.id', 'authenticator_sms.id')
    .selectAll()
    .where('authenticator.user', '=', user.id as number)
    .execute()

test('a provider of any kind is sent JSON, and the code proves the number', async () => {
  const stage = await aGenericStage({ auth_password: 'and more' })
  const { slug } = await setup(stage)
  const user = await aPerson()
  const { visitor, shown } = await inFront(slug, user)
  assert.partialDeepStrictEqual(shown, { component: 'ak-stage-authenticator-sms', phone_number_required: true, phone_number: null })
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', {})), { non_field_errors: ['phone_number required'] })
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { phone_number: 'call me' })), { non_field_errors: ['Invalid phone number'] })
  assert.equal(provider.received.length, 0)

  const number = aNumber()
  const sent = await visitor.challenge(slug, '', { phone_number: `${number.slice(0, 5)} (${number.slice(5, 8)}) ${number.slice(8)}` })
  assert.partialDeepStrictEqual(sent, { phone_number_required: false, phone_number: `***${number.slice(-3)}` })
  assert.equal(sent.response_errors, undefined)
  const [request, ...more] = provider.received
  assert.equal(more.length, 0)
  assert.deepEqual([request!.method, request!.path, request!.headers['content-type']], ['POST', '/send', 'application/json'])
  assert.deepEqual(basicOf(request!), ['the key', 'and more'])
  const { From, To, Body, Message } = JSON.parse(request!.body) as Record<string, string>
  assert.deepEqual([From, To, Body], ['+15550100', number, Message])
  const code = codeIn(Body!)
  assert.equal(Body, `Use this code to authenticate in Signet: ${code}`)

  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code: code === '000000' ? '1' : '000000' })), {
    non_field_errors: ['Code does not match'],
  })
  assertDone(await visitor.challenge(slug, '', { code }), '/')
  assert.partialDeepStrictEqual(await devicesOf(user), [{ name: 'SMS Device', phone_number: number, confirmed: true }])
  const mine = await visitor.get('/api/v3/authenticators/sms/')
  assert.partialDeepStrictEqual(mine.body.results[0], { name: 'SMS Device', phone_number: number, user: { pk: user.id } })
  assert.ok(!tells(JSON.stringify(logged), code) && !JSON.stringify(logged).includes('the key'))
})

test('with a bearer token, and a body that a mapping makes', async () => {
  const mapping = await createObject(ctx, NotificationWebhookMapping, {
    name: unique('payload'),
    expression: 'return {"to": device.phone_number, "text": f"Code {token} for {user.username}", "by": stage.name}',
  })
  const stage = await aGenericStage({ auth_type: 'bearer', mapping: mapping.pm_uuid })
  const { slug } = await setup(stage)
  const user = await aPerson()
  const { visitor } = await inFront(slug, user)
  const number = aNumber()
  await visitor.challenge(slug, '', { phone_number: number })
  const [request] = provider.received
  assert.equal(request!.headers.authorization, 'Bearer the key')
  const payload = JSON.parse(request!.body) as Row
  const code = codeIn(String(payload.text))
  assert.deepEqual(payload, { to: number, text: `Code ${code} for ${String(user.username)}`, by: stage.name })
  assertDone(await visitor.challenge(slug, '', { code }), '/')
})

test('Twilio is sent a form, at its own address for the account', async () => {
  const stage = await aStage(ctx, 'authenticator_sms', {
    provider: 'twilio',
    account_sid: 'AC0123',
    auth: 'token',
    from_number: '+15550100',
  })
  const { slug } = await setup(stage)
  const { visitor } = await inFront(slug, await aPerson())
  const number = aNumber()
  reply = { status: 201, json: { sid: 'SM1' } }
  await visitor.challenge(slug, '', { phone_number: number })
  const [request] = provider.received
  assert.deepEqual(
    [request!.method, request!.path, request!.headers['content-type']],
    ['POST', '/2010-04-01/Accounts/AC0123/Messages.json', 'application/x-www-form-urlencoded'],
  )
  assert.deepEqual(basicOf(request!), ['AC0123', 'token'])
  const form = Object.fromEntries(new URLSearchParams(request!.body))
  assert.deepEqual(Object.keys(form), ['To', 'From', 'Body'])
  assert.deepEqual([form.To, form.From], [number, '+15550100'])
  assertDone(await visitor.challenge(slug, '', { code: codeIn(form.Body!) }), '/')
})

test('a messaging service of Twilio is named as one', async () => {
  const service = `MG${'0a'.repeat(16)}`
  const stage = await aStage(ctx, 'authenticator_sms', { provider: 'twilio', account_sid: 'AC0123', auth: 'token', from_number: service })
  const { slug } = await setup(stage)
  const { visitor } = await inFront(slug, await aPerson())
  await visitor.challenge(slug, '', { phone_number: aNumber() })
  const form = new URLSearchParams(provider.received[0]!.body)
  assert.deepEqual([form.get('MessagingServiceSid'), form.get('From')], [service, null])
})

test('what a provider refuses is told to administrators, without the code, and can be tried again', async () => {
  const { slug } = await setup(await aGenericStage())
  const { visitor } = await inFront(slug, await aPerson())
  const number = aNumber()
  for (const bad of [
    { status: 400, json: { message: 'no credit' } },
    { status: 302, headers: { location: `${provider.origin}/elsewhere` } },
  ]) {
    reply = bad
    const refused = await visitor.challenge(slug, '', { phone_number: number })
    assert.deepEqual(errorsOf(refused), { non_field_errors: ['The code could not be sent. Please try again later.'] })
    assert.equal(refused.phone_number_required, true)
  }
  assert.deepEqual(
    provider.received.map(({ path }) => path),
    ['/send', '/send'],
    'redirects are not followed',
  )
  const events = await ctx.db.selectFrom('event').selectAll().where('action', '=', 'configuration_error').execute()
  assert.ok(JSON.stringify(events).includes('no credit'))
  for (const { body } of provider.received) assert.ok(!tells(JSON.stringify(events), codeIn(body)))
  reply = { status: 200 }
  assert.equal((await visitor.challenge(slug, '', { phone_number: number })).phone_number_required, false)
})

test('addresses inside the machine are no providers (abuse 79)', async () => {
  const stage = await aGenericStage({ account_sid: 'http://169.254.169.254/latest/meta-data/' })
  const { slug } = await setup(stage)
  const { visitor } = await inFront(slug, await aPerson())
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { phone_number: aNumber() })), {
    non_field_errors: ['The code could not be sent. Please try again later.'],
  })
})

test('a number that is only verified is kept as a hash, and proves nobody later', async () => {
  const { slug } = await setup(await aGenericStage({ verify_only: true }))
  const user = await aPerson()
  const { visitor } = await inFront(slug, user)
  const number = aNumber()
  await visitor.challenge(slug, '', { phone_number: number })
  assertDone(await visitor.challenge(slug, '', { code: codeIn(provider.received[0]!.body) }), '/')
  const [device] = await devicesOf(user)
  assert.ok(device!.phone_number.startsWith('hash:') && !device!.phone_number.includes(number))

  const other = await inFront(slug, await aPerson())
  assert.deepEqual(errorsOf(await other.visitor.challenge(slug, '', { phone_number: number })), {
    non_field_errors: ['Invalid phone number'],
  })
})

test('a number that the flow knows is written to at once, and another is refused', async () => {
  const form = await aForm(ctx, [{ field_key: 'phone', type: 'text' }])
  const { slug } = await aFlow(ctx, ['identification', 'password', form, await aGenericStage(), 'user_login'])
  const user = await aPerson()
  const { visitor } = await inFront(slug, user)
  const number = aNumber()
  const shown = await visitor.challenge(slug, '', { phone: number })
  assert.deepEqual([shown.phone_number_required, shown.phone_number], [false, `***${number.slice(-3)}`])
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { phone_number: aNumber() })), { non_field_errors: ['Invalid phone number'] })
  await visitor.challenge(slug, '', { phone_number: shown.phone_number })
  assert.deepEqual(
    provider.received.map(({ body }) => (JSON.parse(body) as Row).To),
    [number, number],
  )
  clock.advance(10 * 60_000)
  const late = await visitor.challenge(slug, '', { code: codeIn(provider.received[1]!.body) })
  assert.deepEqual(errorsOf(late), { non_field_errors: ['Code does not match'] })
})

test('nothing but the code leads past the stage (abuse 35)', async () => {
  const { slug } = await setup(await aGenericStage())
  const { visitor } = await inFront(slug, await aPerson())
  const number = aNumber()
  await visitor.challenge(slug, '', { phone_number: number })
  const wrong = [
    {},
    { code: '' },
    { code: null },
    { code: {} },
    { code: 'x' },
    { phone_number: null },
    { phone_number: '' },
    { token: 'x' },
  ]
  for (const body of [...wrong, { component: 'ak-stage-prompt', code: 'x' }, [], 'text', 5])
    assert.equal((await visitor.post(slug, body)).body.component, 'ak-stage-authenticator-sms', JSON.stringify(body))
  const code = codeIn(provider.received[0]!.body)
  assert.notEqual((await new FlowVisitor(app).post(slug, { code })).status, 302, 'another browser')
  const misplaced = await visitor.post(slug, { component: 'ak-stage-prompt', code })
  assert.deepEqual([misplaced.status, misplaced.body.component], [200, 'ak-stage-authenticator-sms'])
  assertDone(await visitor.challenge(slug, '', { code }), '/')
})

test('the keys of a provider are shown to nobody, and kept sealed (abuse 70)', async () => {
  const body = {
    name: unique('sms'),
    provider: 'generic',
    from_number: '1',
    account_sid: provider.origin,
    auth: 'a secret key',
    auth_password: 'pass word',
  }
  const created = await admin.post('/api/v3/stages/authenticator/sms/', body)
  assert.equal(created.status, 201)
  const list = await admin.get('/api/v3/stages/authenticator/sms/?auth=a%20secret%20key')
  const changed = await admin.patch(`/api/v3/stages/authenticator/sms/${created.body.pk}/`, { auth: 'another secret' })
  assert.equal(changed.status, 200)
  const row = await ctx.db.selectFrom('stage_authenticator_sms').selectAll().where('stage_uuid', '=', created.body.pk).execute()
  const events = await ctx.db.selectFrom('event').selectAll().execute()
  for (const text of [created.text, list.text, changed.text, JSON.stringify(row), JSON.stringify(events)])
    for (const secret of ['a secret key', 'pass word', 'another secret']) assert.ok(!text.includes(secret))
})
