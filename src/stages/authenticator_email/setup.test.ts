import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../api/model.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { codeIn, tells } from '../../../test/codes.ts'
import { aFlow, aForm, aStage, assertDone, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { mailServer } from '../../../test/smtp.ts'
import { jobs } from '../../tasks/jobs.ts'
import { makeRunner } from '../../tasks/runner.ts'
import { afterPassword } from '../../../test/sent-codes.ts'

const smtp = await mailServer()
const { app, ctx, clock, admin } = await ownServer(smtp.env)
const runner = makeRunner(ctx, jobs)
after(smtp.close)

/** Sends what waits. Answers the mails that came of it. */
async function delivered() {
  const before = smtp.mails.length
  clock.advance(1_000)
  await runner.step()
  return smtp.mails.slice(before)
}

const codeOf = (mail: { text: string } | undefined): string => codeIn(mail!.text)

/** A flow that signs somebody in and then sets the factor up. */
async function setup(values: Row = {}) {
  const stage = await aStage(ctx, 'authenticator_email', values)
  const { slug } = await aFlow(ctx, ['identification', 'password', stage, 'user_login'])
  return { slug, stage }
}

/** Somebody in front of the set-up. */
const inFront = (slug: string, user: Row) => afterPassword(app, slug, user)

const aPerson = (values: Row = {}) => aUser(ctx, { password: 'right', ...values })

const devicesOf = (user: Row) =>
  ctx.db
    .selectFrom('authenticator_email')
    .innerJoin('authenticator', 'authenticator.id', 'authenticator_email.id')
    .selectAll()
    .where('authenticator.user', '=', user.id as number)
    .execute()

test("the code goes to the account's address at once, and proves it (R-312)", async () => {
  const { slug, stage } = await setup({ subject: 'Your code' })
  const user = await aPerson()
  const { visitor, shown } = await inFront(slug, user)
  const [first] = [...String(user.email)]
  assert.partialDeepStrictEqual(shown, {
    component: 'ak-stage-authenticator-email',
    pending_user: user.username,
    email: `${first}***@example.test`,
    email_required: false,
  })
  const [mail, ...more] = await delivered()
  assert.deepEqual([more.length, mail!.to, mail!.headers.subject], [0, [user.email], 'Your code'])
  const code = codeOf(mail)
  assert.ok(mail!.html.includes(code))
  const stored = JSON.stringify([
    await ctx.db.selectFrom('authenticator_code').selectAll().execute(),
    await ctx.db.selectFrom('session').selectAll().execute(),
    await ctx.db.selectFrom('task').selectAll().execute(),
    await ctx.db.selectFrom('event').selectAll().execute(),
  ])
  assert.ok(!tells(stored, code), 'the code is kept nowhere')

  const wrong = await visitor.challenge(slug, '', { code: code === '000000' ? '000001' : '000000' })
  assert.deepEqual(errorsOf(wrong), { non_field_errors: ['Code does not match'] })
  assert.equal((await delivered()).length, 0)
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', {})), { non_field_errors: ['email required'] })
  assertDone(await visitor.challenge(slug, '', { code: ` ${code.slice(0, 3)} ${code.slice(3)} ` }), '/')

  const [device, ...others] = await devicesOf(user)
  assert.equal(others.length, 0)
  assert.partialDeepStrictEqual(device, { name: 'Email Device', email: user.email, confirmed: true, stage: stage.stage_uuid })
  const mine = await visitor.get('/api/v3/authenticators/email/')
  assert.partialDeepStrictEqual(mine.body.results[0], { name: 'Email Device', email: user.email, user: { pk: user.id } })
  const all = await visitor.get('/api/v3/authenticators/all/')
  assert.partialDeepStrictEqual(all.body[0], {
    type: 'authentik_stages_authenticator_email.EmailDevice',
    extra_description: `${first}***@example.test`,
    external_id: user.email,
  })
  const again = await inFront(slug, user)
  assert.deepEqual(
    [again.shown.component, again.shown.error_message],
    ['ak-stage-access-denied', 'The user already has an email address registered for MFA.'],
  )
})

test('an account without an address names one, may mistype it once, and proves the last (abuse 44)', async () => {
  const { slug } = await setup()
  const user = await aPerson({ email: '' })
  const { visitor, shown } = await inFront(slug, user)
  assert.deepEqual([shown.email, shown.email_required], [null, true])
  assert.equal((await delivered()).length, 0)
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { email: 'no address' })), { email: ['Enter a valid email address.'] })
  const mistyped = `${unique('a')}@example.test`
  const meant = `${unique('b')}@example.test`
  const sent = await visitor.challenge(slug, '', { email: mistyped })
  assert.partialDeepStrictEqual(sent, { email: 'a***@example.test', email_required: false })
  assert.equal(sent.response_errors, undefined)
  const [first] = await delivered()
  assert.deepEqual(first!.to, [mistyped])
  await visitor.challenge(slug, '', { email: meant })
  const [second] = await delivered()
  assert.deepEqual(second!.to, [meant])
  const old = await visitor.challenge(slug, '', { code: codeOf(first) })
  if (codeOf(first) !== codeOf(second)) assert.deepEqual(errorsOf(old), { non_field_errors: ['Code does not match'] })
  assertDone(await visitor.challenge(slug, '', { code: codeOf(second) }), '/')
  assert.equal((await devicesOf(user))[0]!.email, meant)
})

test('an address of an earlier form goes before that of the account', async () => {
  const form = await aForm(ctx, [{ field_key: 'email', type: 'email' }])
  const stage = await aStage(ctx, 'authenticator_email')
  const { slug } = await aFlow(ctx, ['identification', 'password', form, stage, 'user_login'])
  const user = await aPerson()
  const { visitor } = await inFront(slug, user)
  const chosen = `${unique('chosen')}@example.test`
  assert.equal((await visitor.challenge(slug, '', { email: chosen })).email, 'c***@example.test')
  assert.deepEqual((await delivered())[0]!.to, [chosen])
})

test('a code that is sent again replaces the one before, and the masked address asks for it', async () => {
  const { slug } = await setup()
  const user = await aPerson()
  const { visitor, shown } = await inFront(slug, user)
  const [first] = await delivered()
  const again = await visitor.challenge(slug, '', { email: shown.email })
  assert.equal(again.response_errors, undefined)
  const [second] = await delivered()
  assert.deepEqual(second!.to, [user.email])
  if (codeOf(first) !== codeOf(second))
    assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code: codeOf(first) })), { non_field_errors: ['Code does not match'] })
  assertDone(await visitor.challenge(slug, '', { code: codeOf(second) }), '/')
})

test('a code ends with its time', async () => {
  const { slug } = await setup({ token_expiry: 'minutes=5' })
  const { visitor } = await inFront(slug, await aPerson())
  const [mail] = await delivered()
  clock.advance(5 * 60_000)
  assert.deepEqual(errorsOf(await visitor.challenge(slug, '', { code: codeOf(mail) })), { non_field_errors: ['Code does not match'] })
})

test('an address that somebody has proved to the stage is nobody else’s', async () => {
  const { slug } = await setup()
  const owner = await aPerson()
  const { visitor } = await inFront(slug, owner)
  assertDone(await visitor.challenge(slug, '', { code: codeOf((await delivered())[0]) }), '/')
  const other = await aPerson({ email: String(owner.email).toUpperCase() })
  const second = await inFront(slug, other)
  assert.deepEqual([second.shown.email, second.shown.email_required], [null, true])
  assert.deepEqual(errorsOf(await second.visitor.challenge(slug, '', { email: owner.email })), { non_field_errors: ['Invalid email'] })
  assert.equal((await delivered()).length, 0)
  // A device in the trash keeps nobody from it.
  const [device] = await devicesOf(owner)
  await admin.delete(`/api/v3/authenticators/admin/email/${device!.id}/`)
  assert.equal((await second.visitor.challenge(slug)).email_required, false)
  assert.equal((await delivered())[0]!.to[0]!.toLowerCase(), String(owner.email).toLowerCase())
})

test('nobody, and a name that was only typed, set nothing up', async () => {
  const stage = await aStage(ctx, 'authenticator_email')
  const { slug } = await aFlow(ctx, [stage], { designation: 'stage_configuration' })
  assert.equal((await new FlowVisitor(app).challenge(slug)).component, 'ak-stage-access-denied')
  const pretending = await aFlow(ctx, ['identification', stage])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(pretending.slug)
  const shown = await visitor.challenge(pretending.slug, '', { uid_field: `${unique('nobody')}@example.test` })
  assert.equal(shown.component, 'ak-stage-access-denied')
  assert.equal((await delivered()).length, 0)
})

test('a stage with a mail server of its own uses it, and its secrets are shown to nobody (abuse 70)', async () => {
  const own = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      password === 'smtp secret' ? done(null, { user: username }) : done(new Error('no')),
  })
  try {
    const body = {
      name: unique('email'),
      host: '127.0.0.1',
      port: own.port,
      username: 'mailer',
      password: 'smtp secret',
      from_address: 'own@example.test',
    }
    const created = await admin.post('/api/v3/stages/authenticator/email/', body)
    assert.equal(created.status, 201)
    assert.ok(!created.text.includes('smtp secret'))
    const list = await admin.get('/api/v3/stages/authenticator/email/?password=smtp%20secret')
    assert.ok(!list.text.includes('smtp secret'))
    const { password } = await ctx.db
      .selectFrom('stage_authenticator_email')
      .select('password')
      .where('stage_uuid', '=', created.body.pk as string)
      .executeTakeFirstOrThrow()
    assert.ok(!password.includes('smtp secret'))
    const { slug } = await aFlow(ctx, ['identification', 'password', { stage_uuid: created.body.pk }, 'user_login'])
    await inFront(slug, await aPerson())
    clock.advance(1_000)
    await runner.step()
    assert.deepEqual(
      own.mails.map(mail => [mail.from, mail.user]),
      [['own@example.test', 'mailer']],
    )
  } finally {
    await own.close()
  }
})

test('a template that does not exist is refused', async () => {
  const refused = await admin.post('/api/v3/stages/authenticator/email/', { name: unique('email'), template: '../../etc/passwd' })
  assert.deepEqual([refused.status, refused.body], [400, { template: ["Invalid template '../../etc/passwd' specified."] }])
})

test('devices go with their stage, and leave nothing behind', async () => {
  const { slug, stage } = await setup()
  const user = await aPerson()
  const { visitor } = await inFront(slug, user)
  await visitor.challenge(slug, '', { code: codeOf((await delivered())[0]) })
  assert.equal((await devicesOf(user)).length, 1)
  assert.equal((await admin.delete(`/api/v3/stages/all/${String(stage.stage_uuid)}/`)).status, 204)
  const left = await ctx.db
    .selectFrom('authenticator')
    .select('id')
    .where('user', '=', user.id as number)
    .execute()
  assert.deepEqual(left, [])
})
