import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../api/model.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aForm, aStage, assertDone, FlowVisitor } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { mailServer } from '../../../test/smtp.ts'
import { jobs } from '../../tasks/jobs.ts'
import { makeRunner } from '../../tasks/runner.ts'

const smtp = await mailServer()
const { app, ctx, clock, logged, admin } = await ownServer(smtp.env)
const runner = makeRunner(ctx, jobs)
after(smtp.close)

/** Sends what waits. Answers the mails that came of it. */
async function delivered() {
  const before = smtp.mails.length
  clock.advance(1_000)
  await runner.step()
  return smtp.mails.slice(before)
}

const aMailStage = (values: Row = {}) => aStage(ctx, 'email', { use_global_settings: true, subject: 'Reset your password', ...values })

const recovery = async (values: Row = {}) =>
  aFlow(
    ctx,
    [
      'identification',
      await aMailStage(values),
      await aForm(ctx, [
        { field_key: 'password', type: 'password' },
        { field_key: 'password_repeat', type: 'password' },
      ]),
      await aStage(ctx, 'user_write', { user_creation_mode: 'never_create' }),
      'user_login',
    ],
    { designation: 'recovery' },
  )

/** Path and query of the link in a mail. */
function linkOf(mail: { text: string } | undefined): { slug: string; query: string; url: URL } {
  const url = new URL(/https:\/\/\S+flow_token=[\w-]+/.exec(mail!.text)![0])
  return { slug: url.pathname.split('/')[3]!, query: url.search.slice(1), url }
}

/** Opens a link and confirms that one meant to. */
async function open(visitor: FlowVisitor, { slug, query }: { slug: string; query: string }) {
  const question = await visitor.challenge(slug, query)
  assert.equal(question.component, 'ak-stage-consent')
  assert.equal(question.header_text, 'Continue to confirm this email address.')
  return visitor.challenge(slug, query, { token: question.token })
}

test('a forgotten password is set anew by the link of a mail, in any browser (R-310)', async () => {
  const { slug } = await recovery()
  const user = await aUser(ctx, { password: 'old one' })
  const asking = new FlowVisitor(app)
  await asking.challenge(slug, 'next=%2Fif%2Fuser%2F')
  assert.equal((await asking.challenge(slug, 'next=%2Fif%2Fuser%2F', { uid_field: user.email })).component, 'ak-stage-email')
  const [mail, ...more] = await delivered()
  assert.equal(more.length, 0)
  assert.deepEqual([mail!.from, mail!.to, mail!.headers.subject], ['no-reply@example.test', [user.email], 'Reset your password'])
  assert.ok(mail!.html.includes(String(user.name)) && mail!.text.includes(String(user.name)))
  const link = linkOf(mail)
  assert.equal(link.url.searchParams.get('next'), '/if/user/')

  // A scanner opens it, several times; nothing comes of that.
  for (let times = 0; times < 3; times++)
    assert.equal((await new FlowVisitor(app).challenge(link.slug, link.query)).component, 'ak-stage-consent')
  const reader = new FlowVisitor(app)
  assert.equal((await open(reader, link)).component, 'ak-stage-prompt')
  assertDone(await reader.challenge(link.slug, link.query, { password: 'a new one!', password_repeat: 'a new one!' }), '/if/user/')
  assert.equal((await reader.get('/api/v3/core/users/me/')).body.user.username, user.username)
  const { password } = await ctx.db
    .selectFrom('user')
    .select('password')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(await ctx.passwords.verify(password, 'a new one!'), true)
  const sent = await ctx.db.selectFrom('event').selectAll().where('action', '=', 'email_sent').execute()
  const context = sent.at(-1)!.context as Row
  assert.partialDeepStrictEqual(context, { subject: 'Reset your password', to_email: user.email, from_email: 'no-reply@example.test' })
  assert.ok(!JSON.stringify(sent).includes(link.url.searchParams.get('flow_token')!), 'the audit log does not hold the key')
  assert.ok(
    logged.some(line => /email/.test(String(line.msg))),
    'the log speaks of email',
  )
  const tasks = JSON.stringify(await ctx.db.selectFrom('task').selectAll().execute())
  assert.ok(!tasks.includes(link.url.searchParams.get('flow_token')!), 'the queue does not show the key')
})

test('a link is good once, and its brothers die with it', async () => {
  const { slug } = await recovery()
  const user = await aUser(ctx)
  const asking = new FlowVisitor(app)
  await asking.challenge(slug)
  await asking.challenge(slug, '', { uid_field: user.username })
  const again = await asking.challenge(slug, '', {})
  assert.deepEqual(
    [again.component, again.response_errors],
    ['ak-stage-email', { non_field_errors: [{ string: 'email-sent', code: 'email-sent' }] }],
  )
  const [first, second] = (await delivered()).map(linkOf)
  assert.equal((await open(new FlowVisitor(app), second!)).component, 'ak-stage-prompt')
  for (const link of [first!, second!]) {
    assert.equal(
      (await new FlowVisitor(app).challenge(link.slug, link.query)).component,
      'ak-stage-identification',
      'a fresh browser begins anew',
    )
  }
  const told = await asking.challenge(first!.slug, first!.query)
  assert.deepEqual([told.component, told.error_message], ['ak-stage-access-denied', 'Link was already used, please request a new link.'])
})

test('who does not exist, has no address or asked too often sees the same, and gets no mail (abuse 42)', async () => {
  const { slug } = await recovery({ recovery_max_attempts: 2 })
  const user = await aUser(ctx)
  const mute = await aUser(ctx, { email: '' })
  const several = await aUser(ctx, { email: 'a@example.test, b@example.test' })
  const shown = await recoveryScreen(slug, String(user.email))
  assert.equal((await delivered()).length, 1)
  for (const typed of [unique('nobody'), `${unique('nobody')}@example.test`, String(mute.username), String(several.username)]) {
    const screen = await recoveryScreen(slug, typed)
    assert.deepEqual({ ...screen, flow_info: null }, { ...shown, flow_info: null }, typed)
    assert.deepEqual(await delivered(), [], typed)
  }
  await recoveryScreen(slug, String(user.email))
  assert.equal((await delivered()).length, 1)
  assert.equal((await recoveryScreen(slug, String(user.email).toUpperCase())).component, 'ak-stage-email')
  assert.equal((await delivered()).length, 0, 'the limit is reached')
  clock.advance(6 * 60_000)
  await recoveryScreen(slug, String(user.email))
  assert.equal((await delivered()).length, 1, 'and passes')
})

async function recoveryScreen(slug: string, typed: string) {
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  return visitor.challenge(slug, '', { uid_field: typed })
}

test('nothing but the link leads past the stage (abuse 38)', async () => {
  const { slug } = await recovery()
  const user = await aUser(ctx)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  for (const body of [{}, { token: 'x' }, { flow_token: 'x' }, { component: 'ak-stage-prompt', password: 'x' }, [], 'text', 5]) {
    assert.equal((await visitor.post(slug, body)).body.component, 'ak-stage-email', JSON.stringify(body))
  }
  assert.equal((await visitor.challenge(slug)).component, 'ak-stage-email')
})

test('a link dies with its time, and when the address changes hands (abuse 44)', async () => {
  const { slug } = await recovery()
  const user = await aUser(ctx)
  await recoveryScreen(slug, String(user.email))
  const late = linkOf((await delivered())[0])
  clock.advance(32 * 60_000)
  assert.equal((await new FlowVisitor(app).challenge(late.slug, late.query)).component, 'ak-stage-identification')
  await recoveryScreen(slug, String(user.email))
  const link = linkOf((await delivered())[0])
  await ctx.db
    .updateTable('user')
    .set({ email: 'another@example.test' })
    .where('id', '=', user.id as number)
    .execute()
  assert.equal((await open(new FlowVisitor(app), link)).component, 'ak-stage-access-denied')
})

test('a confirmed address switches a new account on', async () => {
  const { slug } = await aFlow(
    ctx,
    [
      await aForm(ctx, [
        { field_key: 'username', type: 'username' },
        { field_key: 'email', type: 'email' },
      ]),
      await aStage(ctx, 'user_write', { create_users_as_inactive: true }),
      await aMailStage({ activate_user_on_success: true, template: 'email/account_confirmation.html', subject: 'Confirm' }),
      'user_login',
    ],
    { designation: 'enrollment' },
  )
  const username = unique('new')
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  assert.equal((await visitor.challenge(slug, '', { username, email: `${username}@example.test` })).component, 'ak-stage-email')
  const isActive = async () =>
    (await ctx.db.selectFrom('user').select('is_active').where('username', '=', username).executeTakeFirstOrThrow()).is_active
  assert.equal(await isActive(), false)
  const reader = new FlowVisitor(app)
  assertDone(await open(reader, linkOf((await delivered())[0])), '/')
  assert.equal(await isActive(), true)
  assert.equal((await reader.get('/api/v3/core/users/me/')).body.user.username, username)
})

test('a server that is away gets the mail later, one that refuses the recipient is not asked again', async () => {
  const { slug } = await recovery()
  const user = await aUser(ctx)
  smtp.refuse({ code: 451, text: 'try later' })
  await recoveryScreen(slug, String(user.email))
  assert.equal((await delivered()).length, 0)
  clock.advance(20_000)
  // Another process, after a restart, finds it in the database.
  await makeRunner(ctx, jobs).step()
  assert.deepEqual(smtp.mails.at(-1)!.to, [user.email])
  smtp.refuse({ code: 550, text: 'no such mailbox' })
  const { email } = await aUser(ctx)
  // Administrators are told; nobody asks the server again.
  const asked = async () => (await delivered()).filter(mail => mail.to.includes(String(email))).length
  await recoveryScreen(slug, String(email))
  assert.equal(await asked(), 0)
  clock.advance(3_600_000)
  assert.equal(await asked(), 0)
})

test('a stage with a server of its own uses that, and never shows its password', async () => {
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
      subject: 'Own',
    }
    const created = await admin.post('/api/v3/stages/email/', body)
    assert.equal(created.status, 201)
    assert.ok(!created.text.includes('smtp secret'))
    const { slug } = await aFlow(
      ctx,
      ['identification', await ctx.db.selectFrom('stage').selectAll().where('name', '=', body.name).executeTakeFirstOrThrow()],
      { designation: 'recovery' },
    )
    await recoveryScreen(slug, String((await aUser(ctx)).email))
    clock.advance(1_000)
    await runner.step()
    assert.deepEqual(
      own.mails.map(mail => [mail.from, mail.headers.subject, mail.user]),
      [['own@example.test', 'Own', 'mailer']],
    )
  } finally {
    await own.close()
  }
})

test('templates are offered by name, and others are refused', async () => {
  const { body } = await admin.get('/api/v3/stages/email/templates/')
  assert.ok(body.some((choice: Row) => choice.name === 'email/password_reset.html' && choice.description === 'Password Reset'))
  const refused = await admin.post('/api/v3/stages/email/', { name: unique('email'), template: '../../etc/passwd' })
  assert.deepEqual([refused.status, refused.body], [400, { template: ["Invalid template '../../etc/passwd' specified."] }])
})
