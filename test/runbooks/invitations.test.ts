import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { jobs } from '../../src/tasks/jobs.ts'
import { makeRunner } from '../../src/tasks/runner.ts'
import { aUser, unique } from '../builders.ts'
import { assertAnswer } from '../contract/schema.ts'
import { assertDone, FlowVisitor, type Shown } from '../flows.ts'
import { ownServer } from '../harness.ts'
import { mailServer } from '../smtp.ts'

/** What operators do to let people in and to let them in again, with the flows that a fresh installation has. */

const A = '/api/v3'
const INVITATIONS = `${A}/stages/invitation/invitations/`
const SLUG = 'invitation-enrollment'
const DAY = 86_400_000 // ms
const PASSWORD = 'a long enough one'

const smtp = await mailServer()
after(smtp.close)
const { app, ctx, clock, admin, client } = await ownServer({ ...smtp.env, SIGNET_PUBLIC_URL: 'https://id.example.test' })
const runner = makeRunner(ctx, jobs)

async function delivered() {
  const before = smtp.mails.length
  clock.advance(1_000)
  await runner.step()
  return smtp.mails.slice(before)
}

const flowKey = async () => (await admin.get(`${A}/flows/instances/${SLUG}/`)).body.pk as string
const inDays = (days: number) => new Date(ctx.now().getTime() + days * DAY).toISOString()

async function invite(values: Row = {}): Promise<Shown> {
  const answer = await admin.post(INVITATIONS, { name: unique('invitation'), flow: await flowKey(), ...values })
  assert.equal(answer.status, 201, answer.text)
  // Without a flow the object is null, as clients of this API have always got it; the contract does not say so.
  if (values.flow !== null) assertAnswer('POST', INVITATIONS, answer)
  return answer.body
}

const form = (username: string, more: Row = {}) => ({ username, password: PASSWORD, password_repeat: PASSWORD, ...more })
const userNamed = async (username: string): Promise<Shown | undefined> =>
  (await admin.get(`${A}/core/users/?username=${username}`)).body.results[0]

/** Opens a link and enrols. */
async function enrol(invitation: Shown, username: string, more: Row = {}): Promise<{ visitor: FlowVisitor; end: Shown }> {
  const visitor = new FlowVisitor(app)
  const query = `itoken=${invitation.pk}`
  const first = await visitor.challenge(SLUG, query)
  return { visitor, end: first.component === 'ak-stage-prompt' ? await visitor.challenge(SLUG, query, form(username, more)) : first }
}

const assertDenied = (challenge: Shown, text = 'Invalid invite/invite not found') =>
  assert.deepEqual([challenge.component, challenge.error_message], ['ak-stage-access-denied', text])

test('R-001: an invitation says who made it and for which flow', async () => {
  const invitation = await invite({
    name: 'jane-doe-2026-02',
    single_use: true,
    expires: inDays(7),
    fixed_data: { name: 'Jane Doe', email: 'jane@example.test' },
  })
  assert.match(invitation.pk, /^[\da-f]{8}-/)
  assert.deepEqual([invitation.created_by.username, invitation.flow_obj.slug, invitation.single_use], ['test-admin', SLUG, true])
})

test('R-001: its link can be mailed', async () => {
  const invitation = await invite({ expires: inDays(7) })
  const url = `${INVITATIONS}${invitation.pk}/send_email/`
  assert.deepEqual((await admin.post(url, { email_addresses: [] })).body, { error: 'No email addresses provided' })
  assert.equal((await admin.post(url, { email_addresses: ['two@example.test, three@example.test'] })).status, 400)
  const homeless = await invite({ flow: null })
  assert.deepEqual((await admin.post(`${INVITATIONS}${homeless.pk}/send_email/`, { email_addresses: ['jane@example.test'] })).body, {
    error: 'Invitation has no associated flow',
  })
  assert.equal((await admin.post(url, { email_addresses: ['jane@example.test'], cc_addresses: ['boss@example.test'] })).status, 204)
  const [mail] = await delivered()
  assert.deepEqual(
    [mail!.from, mail!.to.toSorted(), mail!.headers.subject],
    ['no-reply@example.test', ['boss@example.test', 'jane@example.test'], 'You have been invited to id.example.test'],
  )
  assert.ok(mail!.text.includes(`https://id.example.test/if/flow/${SLUG}/?itoken=${invitation.pk}`), mail!.text)
})

test('R-002: a name is a slug', async () => {
  const answer = await admin.post(INVITATIONS, { name: 'jane doe' })
  assert.deepEqual(
    [answer.status, answer.body],
    [400, { name: ['Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'] }],
  )
})

test('R-003: an invitation without an address is made, and nothing is mailed', async () => {
  const { pk } = await invite({ fixed_data: {} })
  await invite({ fixed_data: { name: 'Only Name' } })
  assert.deepEqual(await delivered(), [])
  assert.equal((await new FlowVisitor(app).challenge(SLUG, `itoken=${pk}`)).component, 'ak-stage-prompt')
})

test('R-004, R-005, R-309: the invited finds the form filled in, enrols and is signed in', async () => {
  const invitation = await invite({ single_use: true, fixed_data: { name: 'Jane Doe', email: 'jane@example.test' } })
  const shown = await new FlowVisitor(app).challenge(SLUG, `itoken=${invitation.pk}`)
  assert.equal(shown.fields.find((field: Row) => field.field_key === 'name').initial_value, 'Jane Doe')
  const username = unique('jane')
  const { visitor, end } = await enrol(invitation, username)
  assertDone(end, '/')
  assert.partialDeepStrictEqual(await userNamed(username), {
    path: 'users/enrolled',
    type: 'internal',
    groups: [],
    name: 'Jane Doe',
    email: 'jane@example.test',
    is_active: true,
  })
  const me = await visitor.get(`${A}/core/users/me/`)
  assert.deepEqual([me.status, me.body.user.username], [200, username])
})

test('R-006: an invitation that is over lets nobody in', async () => {
  const username = unique('late')
  assertDenied((await enrol(await invite({ expires: inDays(-1) }), username)).end)
  assert.equal(await userNamed(username), undefined)
})

test('R-007: a single-use invitation lets one person in and is gone', async () => {
  const invitation = await invite({ single_use: true })
  assertDone((await enrol(invitation, unique('one'))).end, '/')
  assertDenied((await enrol(invitation, unique('two'))).end)
  assert.equal((await admin.get(`${INVITATIONS}${invitation.pk}/`)).status, 404)
})

test('R-008, R-308: without a good key the flow is closed', async () => {
  for (const query of ['', `itoken=${ctx.uuid()}`, 'itoken=no-uuid', "itoken=' or 1=1"])
    assertDenied(await new FlowVisitor(app).challenge(SLUG, query))
})

test('R-009: an invitation for many lets several people in', async () => {
  const invitation = await invite({ single_use: false })
  for (const name of ['first', 'second']) assertDone((await enrol(invitation, unique(name))).end, '/')
})

test('R-010: without an end it never ends', async () => {
  for (const values of [{}, { expires: null }]) {
    const invitation = await invite(values)
    assert.equal(invitation.expires, null)
    clock.advance(400 * DAY)
    try {
      assert.equal((await new FlowVisitor(app).challenge(SLUG, `itoken=${invitation.pk}`)).component, 'ak-stage-prompt')
    } finally {
      clock.advance(-400 * DAY)
    }
  }
})

test('R-011: the list shows names, ends and kinds, the latest end first, and can be narrowed', async () => {
  const name = unique('listed')
  const early = await invite({ name: `${name}-a`, expires: inDays(1), single_use: true })
  const late = await invite({ name: `${name}-b`, expires: inDays(9) })
  const answer = await admin.get(`${INVITATIONS}?search=${name}`)
  assertAnswer('GET', INVITATIONS, answer)
  assert.deepEqual(
    answer.body.results.map((row: Row) => [row.pk, row.name, row.single_use]),
    [
      [late.pk, `${name}-b`, false],
      [early.pk, `${name}-a`, true],
    ],
  )
  for (const query of [`name=${name}-a`, `created_by__username=test-admin&name=${name}-a`, `flow__slug=${SLUG}&name=${name}-a`]) {
    assert.deepEqual(
      (await admin.get(`${INVITATIONS}?${query}`)).body.results.map((row: Row) => row.pk),
      [early.pk],
      query,
    )
  }
  assert.equal((await client().get(INVITATIONS)).status, 403)
})

test('R-012: a deleted invitation lets nobody in', async () => {
  const invitation = await invite()
  assert.equal((await admin.delete(`${INVITATIONS}${invitation.pk}/`)).status, 204)
  assertDenied((await enrol(invitation, unique('gone'))).end)
})

test('R-310, R-311: the sign-in page leads to recovery, whose mail leads back in', async () => {
  const user = await aUser(ctx, { password: 'forgotten' })
  const signIn = await new FlowVisitor(app).challenge('default-authentication-flow', 'next=%2F')
  const recovery = new URL(signIn.recovery_url, 'https://id.example.test')
  assert.equal(recovery.pathname, '/if/flow/default-recovery-flow/')
  const visitor = new FlowVisitor(app)
  await visitor.challenge('default-recovery-flow', recovery.search.slice(1))
  // Another host in the request does not come into the mail (abuse 45).
  const asked = await visitor.request(
    'POST',
    `${A}/flows/executor/default-recovery-flow/?query=${encodeURIComponent(recovery.search.slice(1))}`,
    {
      body: { uid_field: user.username },
      headers: { 'x-forwarded-host': 'evil.example', host: 'evil.example' },
    },
  )
  assert.equal(asked.status, 302)
  assert.equal((await visitor.challenge('default-recovery-flow', recovery.search.slice(1))).component, 'ak-stage-email')
  const [mail, ...more] = await delivered()
  assert.equal(more.length, 0)
  assert.deepEqual(mail!.to, [user.email])
  const link = new URL(/https:\S+flow_token=[\w-]+/.exec(mail!.text)![0])
  assert.equal(link.origin, 'https://id.example.test')
  assert.ok(!mail!.raw.includes('evil.example'))

  const reader = new FlowVisitor(app)
  const query = link.search.slice(1)
  const { token } = await reader.challenge('default-recovery-flow', query)
  assert.equal((await reader.challenge('default-recovery-flow', query, { token })).component, 'ak-stage-prompt')
  assertDone(await reader.challenge('default-recovery-flow', query, { password: PASSWORD, password_repeat: PASSWORD }), '/')
  assert.equal((await reader.get(`${A}/core/users/me/`)).body.user.username, user.username)
})

const RECOVERY = 'default-recovery-flow'

/** Asks for a way back in, as whoever stands at the page; what the page shows then. */
async function askRecovery(name: string): Promise<{ visitor: FlowVisitor; shown: Shown }> {
  const visitor = new FlowVisitor(app)
  await visitor.challenge(RECOVERY)
  return { visitor, shown: await visitor.challenge(RECOVERY, '', { uid_field: name }) }
}

const linkIn = (mail: { text: string }): string => new URL(/https:\S+flow_token=[\w-]+/.exec(mail.text)![0]).search.slice(1)

test('R-310: the new password works, the old one does not, and a used link opens nothing', async () => {
  const user = await aUser(ctx, { password: 'forgotten' })
  await askRecovery(user.email as string)
  const [mail] = await delivered()
  const query = linkIn(mail!)
  const reader = new FlowVisitor(app)
  await reader.challenge(RECOVERY, query, { token: (await reader.challenge(RECOVERY, query)).token })
  assertDone(await reader.challenge(RECOVERY, query, { password: PASSWORD, password_repeat: PASSWORD }), '/')
  assert.equal((await reader.get(`${A}/core/users/me/`)).body.user.username, user.username)
  const wrong = await new FlowVisitor(app).signIn(user.username as string, 'forgotten')
  assert.ok(wrong.response_errors)
  assert.equal((await new FlowVisitor(app).signIn(user.username as string, PASSWORD)).component, 'xak-flow-redirect')
  // Whoever finds the link later stands at the beginning, as everybody does.
  const again = await new FlowVisitor(app).challenge(RECOVERY, query)
  assert.equal(again.component, 'ak-stage-identification')
})

test('R-310: a link is worth nothing after half an hour', async () => {
  const user = await aUser(ctx, { password: 'forgotten' })
  await askRecovery(user.username as string)
  const [mail] = await delivered()
  const query = linkIn(mail!)
  clock.advance(32 * 60_000)
  try {
    assert.equal((await new FlowVisitor(app).challenge(RECOVERY, query)).component, 'ak-stage-identification')
  } finally {
    clock.advance(-32 * 60_000)
  }
  assert.equal((await new FlowVisitor(app).challenge(RECOVERY, query)).component, 'ak-stage-consent')
})

test('R-310: whoever is unknown sees the same page, gets no mail, and no account comes of it', async () => {
  const user = await aUser(ctx)
  const unknown = unique('nobody')
  const plain = ({ flow_info: _, pending_user: __, pending_user_avatar: ___, ...rest }: Shown): Shown => rest
  const known = await askRecovery(user.username as string)
  const other = await askRecovery(unknown)
  assert.deepEqual(plain(other.shown), plain(known.shown))
  assert.deepEqual(
    (await delivered()).map(mail => mail.to),
    [[user.email]],
  )
  assert.deepEqual(plain(await other.visitor.challenge(RECOVERY, '', {})), plain(await known.visitor.challenge(RECOVERY, '', {})))
  assert.deepEqual(
    (await delivered()).map(mail => mail.to),
    [[user.email]],
  )
  assert.equal(await userNamed(unknown), undefined)
})

test('R-310: a recovery makes no account', async () => {
  const write = (await admin.get(`${A}/stages/user_write/?name=default-recovery-user-write`)).body.results[0]
  assert.equal(write.user_creation_mode, 'never_create')
})

test('R-311: every flow that asks who somebody is by the default stage shows the way to recovery', async () => {
  const stage = (await admin.get(`${A}/stages/identification/?name=default-authentication-identification`)).body.results[0]
  const recovery = (await admin.get(`${A}/flows/instances/${RECOVERY}/`)).body
  assert.equal(stage.recovery_flow, recovery.pk)
  const { recovery_url: url } = await new FlowVisitor(app).challenge('default-authentication-flow', 'next=%2Fapp%2F')
  assert.equal(url, `/if/flow/${RECOVERY}/?next=%2Fapp%2F`)
})

test('an administrator mails somebody a way back in, for exactly that account (abuse 37)', async () => {
  const user = await aUser(ctx)
  const other = await aUser(ctx, { password: 'stays as it is' })
  const stage = (await admin.get(`${A}/stages/email/?name=default-recovery-email`)).body.results[0]
  const url = (of: Row) => `${A}/core/users/${String(of.id)}/recovery_email/`
  assert.deepEqual((await admin.post(url(await aUser(ctx, { email: '' })), { email_stage: stage.pk })).body, {
    non_field_errors: 'User does not have an email address set.',
  })
  assert.deepEqual((await admin.post(url(user), { email_stage: ctx.uuid() })).body, { non_field_errors: 'Email stage not found.' })
  assert.equal((await admin.post(url(user), { email_stage: stage.pk, token_duration: 'hours=1' })).status, 204)
  const [mail] = await delivered()
  assert.deepEqual([mail!.to, mail!.headers.subject], [[user.email], 'Reset your password'])
  const query = new URL(/https:\S+flow_token=[\w-]+/.exec(mail!.text)![0]).search.slice(1)
  const visitor = new FlowVisitor(app)
  const step = (body?: unknown) => visitor.challenge('default-recovery-flow', query, body)
  assert.equal((await step({ token: (await step()).token })).component, 'ak-stage-identification')
  assert.equal((await step({ uid_field: other.username })).component, 'ak-stage-prompt')
  assertDone(await step({ password: PASSWORD, password_repeat: PASSWORD }), '/')
  assert.equal((await visitor.get(`${A}/core/users/me/`)).body.user.username, user.username)
  const { password } = await ctx.db
    .selectFrom('user')
    .select('password')
    .where('id', '=', other.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(await ctx.passwords.verify(password, 'stays as it is'), true)
})
