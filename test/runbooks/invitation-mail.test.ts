import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { jobs } from '../../src/tasks/jobs.ts'
import { makeRunner } from '../../src/tasks/runner.ts'
import { unique } from '../builders.ts'
import { assertDone, FlowVisitor, type Shown } from '../flows.ts'
import { ownServer } from '../harness.ts'
import { run } from '../process/program.ts'
import { mailServer } from '../smtp.ts'

/** Invitations that mail themselves: a notification rule whose policy sends, as operators have it from elsewhere. */

const A = '/api/v3'
const INVITATIONS = `${A}/stages/invitation/invitations/`
const SLUG = 'invitation-enrollment'
const DAY = 86_400_000 // ms

const smtp = await mailServer()
after(smtp.close)
const { app, ctx, clock, admin, logged } = await ownServer({ ...smtp.env, SIGNET_PUBLIC_URL: 'https://id.example.test' })
const runner = makeRunner(ctx, jobs)

const SENDER = `
from authentik.stages.invitation.models import Invitation

event = request.context.get("event")
if not event or event.action != "model_created":
    return False
model = event.context.get("model", {})
if model.get("app") != "authentik_stages_invitation" or model.get("model_name") != "invitation":
    return False

invitation = Invitation.objects.filter(pk=model["pk"]).first()
if not invitation:
    return False
address = invitation.fixed_data.get("email")
if not address:
    ak_logger.info("invitation without email", name=invitation.name)
    return False

name = invitation.fixed_data.get("name", "there")
link = f"https://id.example.test/if/flow/{invitation.flow.slug}/?itoken={invitation.pk}"
ak_send_email(
    address=address,
    subject="You've been invited to join Example",
    body=f"""Hello {name},

open this link to make your account: {link}
""",
)
return True
`

async function made(path: string, body: Row): Promise<Shown> {
  const answer = await admin.post(`${A}${path}`, body)
  assert.equal(answer.status, 201, answer.text)
  return answer.body
}

const policy = await made('/policies/expression/', { name: 'invitation-email-sender', expression: SENDER })
const rule = await made('/events/rules/', { name: 'invitation-email', severity: 'notice', transports: [] })
await made('/policies/bindings/', { target: rule.pk, policy: policy.pk, order: 0, enabled: true, negate: false, timeout: 30 })
const flow = (await admin.get(`${A}/flows/instances/${SLUG}/`)).body.pk as string

const inDays = (days: number) => new Date(ctx.now().getTime() + days * DAY).toISOString()
const invite = (values: Row = {}) =>
  made('/stages/invitation/invitations/', { name: unique('invitation'), flow, single_use: true, ...values })

/** What the next seconds of a worker bring. */
async function delivered() {
  const before = smtp.mails.length
  for (let seconds = 0; seconds < 3; seconds++) {
    await runner.step()
    clock.advance(1_000)
  }
  return smtp.mails.slice(before)
}

test('R-001: the creation of an invitation with an address mails its link within seconds', async () => {
  await delivered()
  const name = unique('jane-doe-2026-02')
  const answer = await admin.post(INVITATIONS, {
    name,
    flow,
    single_use: true,
    expires: inDays(7),
    fixed_data: { name: 'Jane Doe', email: 'jane@example.test' },
  })
  assert.equal(answer.status, 201)
  assert.deepEqual([answer.body.created_by.username, answer.body.flow_obj.slug], ['test-admin', SLUG])
  const [mail, ...more] = await delivered()
  assert.equal(more.length, 0)
  assert.deepEqual(
    [mail!.from, mail!.to, mail!.headers.subject],
    ['no-reply@example.test', ['jane@example.test'], "You've been invited to join Example"],
  )
  const link = `https://id.example.test/if/flow/${SLUG}/?itoken=${answer.body.pk}`
  assert.ok(mail!.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=').includes(link), mail!.raw)
  assert.match(mail!.raw, /Hello Jane Doe/)
  // The link works as it stands in the mail.
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(SLUG, new URL(link).search.slice(1))).component, 'ak-stage-prompt')
  // A change of the invitation is no creation.
  await admin.patch(`${INVITATIONS}${answer.body.pk}/`, { single_use: false })
  assert.deepEqual(await delivered(), [])
})

test('R-001: two at once bring two mails, one each, and none twice', async () => {
  await Promise.all(['a@example.test', 'b@example.test'].map(email => invite({ fixed_data: { email } })))
  const mails = await delivered()
  assert.deepEqual(mails.map(mail => String(mail.to)).toSorted(), ['a@example.test', 'b@example.test'])
})

test('R-003: without an address there is no mail', async () => {
  for (const fixed_data of [{}, { name: 'Jane Doe' }, { email: '' }]) {
    const { pk } = await invite({ fixed_data })
    assert.equal((await new FlowVisitor(app).challenge(SLUG, `itoken=${pk}`)).component, 'ak-stage-prompt')
  }
  assert.deepEqual(await delivered(), [])
})

test('R-013: the new account opens a gated application once it is in the group, and not before', async () => {
  const { pk } = await invite({ expires: inDays(7) })
  const visitor = new FlowVisitor(app)
  const username = unique('jane')
  await visitor.challenge(SLUG, `itoken=${pk}`)
  const form = { username, password: 'a long enough one', password_repeat: 'a long enough one' }
  assertDone(await visitor.challenge(SLUG, `itoken=${pk}`, form), '/')
  const slug = unique('media')
  const application = await made('/core/applications/', { name: slug, slug })
  const group = await made('/core/groups/', { name: unique('media-users') })
  await made('/policies/bindings/', { group: group.pk, target: application.pk, order: 0 })
  const seen = async () =>
    (await visitor.get(`${A}/core/applications/?search=${slug}`)).body.results.map((row: Row) => row.slug) as string[]
  assert.deepEqual(await seen(), [])
  const user = (await admin.get(`${A}/core/users/?search=${username}`)).body.results[0]
  assert.equal(user.username, username)
  const { users } = (await admin.get(`${A}/core/groups/${group.pk}/`)).body
  assert.equal((await admin.patch(`${A}/core/groups/${group.pk}/`, { users: [...users, user.pk] })).status, 200)
  assert.deepEqual(await seen(), [slug])
})

test('R-014: test_email says that the mail was sent, and fails aloud with wrong credentials', async () => {
  const guarded = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      password === 'right' ? done(null, { user: username }) : done(new Error('Invalid login')),
  })
  after(guarded.close)
  const attempt = async (password: string) => {
    const env = { ...guarded.env, SIGNET_EMAIL__USERNAME: 'mailer', SIGNET_EMAIL__PASSWORD: password }
    const program = run(['test_email', 'admin@example.test'], env)
    return { code: await program.exit, stdout: program.stdout(), stderr: program.stderr() }
  }
  assert.deepEqual(await attempt('right'), { code: 0, stdout: 'Test email sent to admin@example.test\n', stderr: '' })
  assert.deepEqual(
    guarded.mails.map(mail => mail.to),
    [['admin@example.test']],
  )
  const wrong = await attempt('a wrong one')
  assert.deepEqual([wrong.code === 0, wrong.stdout], [false, ''])
  assert.match(wrong.stderr, /could not be sent/)
  assert.ok(!wrong.stderr.includes('a wrong one'))
})

test('R-015: lines of the log about mail hold the word "email", when it went and when it did not', async () => {
  const lines = () => logged.filter(line => /email/i.test(JSON.stringify(line))).map(line => line.msg)
  const before = lines().length
  smtp.refuse({ code: 451, text: 'come back later' })
  await invite({ fixed_data: { email: 'late@example.test' } })
  await delivered()
  assert.ok(lines().slice(before).includes('email not sent'))
  clock.advance(60_000)
  assert.equal((await delivered()).length, 1)
  assert.ok(lines().slice(before).includes('email sent'))
  const sent = (await admin.get(`${A}/events/events/?action=email_sent&ordering=-created`)).body.results[0]
  assert.equal(sent.context.to_email, 'late@example.test')
})

test('R-016: whoever checks an invitation reads everything by the API', async () => {
  const { pk } = await invite({ expires: inDays(7), fixed_data: { email: 'check@example.test', groups: ['media-users'] } })
  await delivered()
  const invitation = (await admin.get(`${INVITATIONS}${pk}/`)).body
  assert.partialDeepStrictEqual(invitation, {
    single_use: true,
    flow_obj: { slug: SLUG, designation: 'enrollment' },
    fixed_data: { email: 'check@example.test', groups: ['media-users'] },
  })
  assert.ok(Date.parse(invitation.expires) > ctx.now().getTime())
  const bindings = (await admin.get(`${A}/policies/bindings/?target=${rule.pk}`)).body.results
  assert.deepEqual(
    bindings.map((binding: Shown) => [binding.policy_obj.name, binding.enabled]),
    [['invitation-email-sender', true]],
  )
  const mails = (await admin.get(`${A}/events/events/?action=email_sent&search=check@example.test`)).body.results
  assert.equal(mails.length, 1)
})
