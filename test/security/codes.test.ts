import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { aUser, unique } from '../builders.ts'
import { aFlow, aStage, assertDone, errorsOf, FlowVisitor, type Shown } from '../flows.ts'
import { ownServer } from '../harness.ts'
import { codeIn } from '../codes.ts'
import { anEmailDevice, aTwoFactorFlow, afterPassword, mailbox, otherThan } from '../sent-codes.ts'

/** Attacks on codes that are sent to people, each numbered as in the list of abuse cases. */

const mails = await mailbox()
const PUBLIC = 'https://login.example.test'
const server = await ownServer({ ...mails.env, SIGNET_PUBLIC_URL: PUBLIC })
const { app, ctx, clock, admin } = server
after(mails.close)
const delivered = () => mails.delivered(server)

const WRONG = 'Invalid Token. Please ensure the time on your device is accurate and try again.'
const aPerson = (values: Row = {}) => aUser(ctx, { password: 'right', ...values })

/** Somebody who signs in by password and is in front of the set-up of mailed codes. */
async function atSetup(user: Row, stage?: Row) {
  const { slug } = await aFlow(ctx, ['identification', 'password', stage ?? (await aStage(ctx, 'authenticator_email')), 'user_login'])
  return { slug, ...(await afterPassword(app, slug, user)) }
}

test('43 a code goes to the address that the flow has established, whatever the request names', async () => {
  const user = await aPerson()
  const attacker = `${unique('attacker')}@evil.test`
  const { slug, visitor } = await atSetup(user)
  assert.deepEqual(
    (await delivered()).map(mail => mail.to),
    [[user.email]],
  )
  for (const body of [{ email: attacker }, { email: `${String(user.email)},${attacker}` }, { email: [attacker] }])
    assert.ok(Object.keys(errorsOf(await visitor.challenge(slug, '', body))).length > 0)
  await visitor.challenge(slug, `email=${attacker}`, { prompt_data: { email: attacker }, address: attacker })
  assert.deepEqual(await delivered(), [])

  const owner = await aPerson()
  await anEmailDevice(ctx, owner, await aStage(ctx, 'authenticator_email'))
  const signIn = await aTwoFactorFlow(ctx)
  const second = await afterPassword(app, signIn, owner)
  const [offer] = second.shown.device_challenges as Shown[]
  const altered = { ...offer, challenge: { email: attacker }, email: attacker }
  await second.visitor.challenge(signIn, '', { selected_challenge: altered, email: attacker })
  assert.deepEqual(
    (await delivered()).map(mail => mail.to),
    [[owner.email]],
  )
})

test("43 nobody has codes sent to another's device", async () => {
  const [victim, attacker] = [await aPerson(), await aPerson()]
  const stage = await aStage(ctx, 'authenticator_email')
  const device = await anEmailDevice(ctx, victim, stage)
  await anEmailDevice(ctx, attacker, stage)
  const slug = await aTwoFactorFlow(ctx)
  const { visitor, shown } = await afterPassword(app, slug, attacker)
  const [offer] = shown.device_challenges as Shown[]
  const answer = await visitor.challenge(slug, '', { selected_challenge: { ...offer, device_uid: String(device.id) } })
  assert.deepEqual(errorsOf(answer), { selected_challenge: ['invalid challenge selected'] })
  assert.deepEqual(await delivered(), [])
})

test('44 a code dies when the address changes, and the new address needs a proof of its own', async () => {
  const user = await aPerson()
  const { slug, visitor } = await atSetup(user)
  const old = codeIn((await delivered())[0]!.text)
  const moved = `${unique('moved')}@example.test`
  await admin.patch(`/api/v3/core/users/${String(user.id)}/`, { email: moved })
  const refused = await visitor.challenge(slug, '', { code: old })
  assert.deepEqual(errorsOf(refused), { non_field_errors: ['Code does not match'] })
  const [mail, ...more] = await delivered()
  assert.deepEqual([mail!.to, more.length], [[moved], 0])
  assertDone(await visitor.challenge(slug, '', { code: codeIn(mail!.text) }), '/')
  const [device] = (await visitor.get('/api/v3/authenticators/email/')).body.results as Row[]
  assert.equal(device!.email, moved)

  // What was proved stays what it is: no request makes it another address.
  await visitor.request('PATCH', `/api/v3/authenticators/email/${String(device!.pk)}/`, { body: { name: 'x', email: 'other@evil.test' } })
  const changed = await admin.patch(`/api/v3/authenticators/admin/email/${String(device!.pk)}/`, { email: 'other@evil.test' })
  assert.equal(changed.body.email, moved)
})

test('44 what the API makes is a draft that proves nobody', async () => {
  const stage = await aStage(ctx, 'authenticator_email')
  const made = await admin.post('/api/v3/authenticators/admin/email/', { name: 'Mine', email: 'other@evil.test', stage: stage.stage_uuid })
  assert.equal(made.status, 201)
  const row = await ctx.db.selectFrom('authenticator').selectAll().where('id', '=', made.body.pk).executeTakeFirstOrThrow()
  assert.equal(row.confirmed, false)
  assert.notEqual(made.body.email, 'other@evil.test')
})

test('45 links in mails lead to the configured address, never where Host and X-Forwarded-Host say', async () => {
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'email', { use_global_settings: true }), 'user_login'], {
    designation: 'recovery',
  })
  const headers = {
    host: 'evil.test',
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'http',
    forwarded: 'host=evil.test;proto=http',
  }
  const visitor = new FlowVisitor(app, headers)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: (await aPerson()).email })
  const [mail] = await delivered()
  assert.ok(mail!.text.includes(`${PUBLIC}/if/flow/${slug}/`))
  assert.ok(!mail!.raw.includes('evil.test'))
})

test('46 guesses at a code are limited for an account, over however many browsers', async () => {
  const user = await aPerson()
  await anEmailDevice(ctx, user, await aStage(ctx, 'authenticator_email'))
  const slug = await aTwoFactorFlow(ctx, { email_otp_throttling_factor: 0 })
  const browsers = await Promise.all(Array.from({ length: 4 }, () => afterPassword(app, slug, user)))
  const [first] = browsers
  await first!.visitor.challenge(slug, '', { selected_challenge: first!.shown.device_challenges[0] })
  const code = codeIn((await delivered())[0]!.text)
  for (let guess = 0; guess < 10; guess++)
    assert.deepEqual(errorsOf(await browsers[guess % 4]!.visitor.challenge(slug, '', { code: otherThan(code) })), { code: [WRONG] })
  for (const { visitor } of browsers)
    assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code })), { code: [WRONG] }, 'the right one')
  // Another code is another chance for a guess, but not for this account.
  await first!.visitor.challenge(slug, '', { selected_challenge: first!.shown.device_challenges[0] })
  const next = codeIn((await delivered())[0]!.text)
  assert.deepEqual(errorsOf(await first!.visitor.challenge(slug, '', { code: next })), { code: [WRONG] })
  clock.advance(16 * 60_000)
  await first!.visitor.challenge(slug, '', { selected_challenge: first!.shown.device_challenges[0] })
  assertDone(await first!.visitor.challenge(slug, '', { code: codeIn((await delivered())[0]!.text) }), '/')
})

test('46 guesses at the code of a set-up are limited too', async () => {
  const user = await aPerson()
  const { slug, visitor } = await atSetup(user)
  const code = codeIn((await delivered())[0]!.text)
  for (let guess = 0; guess < 10; guess++) await visitor.challenge(slug, '', { code: otherThan(code) })
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code })), {
    non_field_errors: ['Too many attempts. Please try again later.'],
  })
})

test('46 an address is not flooded, whoever asks and however often', async () => {
  const user = await aPerson()
  await anEmailDevice(ctx, user, await aStage(ctx, 'authenticator_email'))
  const slug = await aTwoFactorFlow(ctx)
  const browsers = await Promise.all(Array.from({ length: 8 }, () => afterPassword(app, slug, user)))
  const answers = await Promise.all(
    browsers.map(({ visitor, shown }) => visitor.challenge(slug, '', { selected_challenge: shown.device_challenges[0] })),
  )
  const texts = answers.map(answer => errorsOf(answer).non_field_errors![0])
  assert.equal(texts.filter(text => text === 'Empty response').length, 5)
  assert.equal(texts.filter(text => text === 'Too many codes were sent. Please try again later.').length, 3)
  const before = mails.mails.length
  for (let times = 0; times < 8; times++) await delivered()
  assert.equal(mails.mails.length - before, 5)
  clock.advance(10 * 60_000)
  const { visitor, shown } = browsers[0]!
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { selected_challenge: shown.device_challenges[0] })), {
    non_field_errors: ['Empty response'],
  })
  assert.equal((await delivered()).length, 1)
})
