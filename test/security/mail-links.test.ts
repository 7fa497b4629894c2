import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createObject } from '../../src/api/objects.ts'
import type { Row } from '../../src/api/model.ts'
import { jobs } from '../../src/tasks/jobs.ts'
import { makeRunner } from '../../src/tasks/runner.ts'
import { Invitation } from '../../src/stages/invitation/invitation.ts'
import { aUser, unique } from '../builders.ts'
import { assertDone, FlowVisitor } from '../flows.ts'
import { ownServer } from '../harness.ts'
import { mailServer, type Delivered } from '../smtp.ts'

/** Links that travel by mail: whom they are for, how often they are good, and where they lead. */

const A = '/api/v3'
const RECOVERY = 'default-recovery-flow'
const ENROLMENT = 'invitation-enrollment'
const PASSWORD = 'a long enough one'

const smtp = await mailServer()
after(smtp.close)
const { app, ctx, clock, admin } = await ownServer({ ...smtp.env, SIGNET_PUBLIC_URL: 'https://id.example.test' })
const runner = makeRunner(ctx, jobs)

async function delivered(): Promise<Delivered[]> {
  const before = smtp.mails.length
  clock.advance(1_000)
  await runner.step()
  return smtp.mails.slice(before)
}

/** A mail that leads back into somebody's account, asked for as everybody can. */
async function recoveryMail(user: Row, headers: Record<string, string> = {}): Promise<Delivered> {
  const asker = new FlowVisitor(app, headers)
  await asker.challenge(RECOVERY)
  await asker.challenge(RECOVERY, '', { uid_field: user.username })
  const [mail, ...more] = await delivered()
  assert.equal(more.length, 0)
  return mail!
}

const linkIn = (mail: Delivered): URL => new URL(/https?:\S+flow_token=[\w-]+/.exec(mail.text)![0])
const newPassword = { password: PASSWORD, password_repeat: PASSWORD }

test('37 a recovery link resets exactly the account that it was made for, whatever is typed on the way', async () => {
  const [user, other] = [await aUser(ctx, { password: 'first one' }), await aUser(ctx, { password: 'stays as it is' })]
  const query = linkIn(await recoveryMail(user)).search.slice(1)
  const reader = new FlowVisitor(app)
  const { token } = await reader.challenge(RECOVERY, query)
  await reader.challenge(RECOVERY, query, { token, uid_field: other.username, pending_user: other.username })
  const answer = { ...newPassword, username: other.username, uid_field: other.username, pending_user: other.id }
  assertDone(await reader.challenge(RECOVERY, query, answer), '/')
  assert.equal((await reader.get(`${A}/core/users/me/`)).body.user.username, user.username)
  const { password } = await ctx.db
    .selectFrom('user')
    .select('password')
    .where('id', '=', other.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(await ctx.passwords.verify(password, 'stays as it is'), true)
})

test('41 an invitation is refused from the instant at which it ends, also for who has the form open, and looks do not use it up', async () => {
  const expires = new Date(ctx.now().getTime() + 60_000)
  const invitation = await createObject(ctx, Invitation, { name: unique('invitation'), single_use: true, expires })
  const query = `itoken=${String(invitation.invite_uuid)}`
  const late = new FlowVisitor(app)
  for (const visitor of [new FlowVisitor(app), new FlowVisitor(app), late])
    assert.equal((await visitor.challenge(ENROLMENT, query)).component, 'ak-stage-prompt')
  clock.advance(expires.getTime() - ctx.now().getTime())
  const username = unique('late')
  const end = await late.challenge(ENROLMENT, query, { username, ...newPassword })
  assert.deepEqual([end.component, end.error_message], ['ak-stage-access-denied', 'Invalid invite/invite not found'])
  assert.equal((await admin.get(`${A}/core/users/?username=${username}`)).body.pagination.count, 0)
})

test('41 of fifty who confirm one recovery link at once, one gets on', async () => {
  const user = await aUser(ctx)
  const query = linkIn(await recoveryMail(user)).search.slice(1)
  const racers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const visitor = new FlowVisitor(app)
      return { visitor, challenge: await visitor.challenge(RECOVERY, query) }
    }),
  )
  assert.deepEqual(new Set(racers.map(({ challenge }) => challenge.component)), new Set(['ak-stage-consent']))
  const ends = await Promise.all(racers.map(({ visitor, challenge }) => visitor.challenge(RECOVERY, query, { token: challenge.token })))
  const lost = ends.filter(end => end.component !== 'ak-stage-prompt')
  assert.equal(lost.length, 49)
  assert.deepEqual(
    new Set(lost.map(end => `${String(end.component)}: ${String(end.error_message)}`)),
    new Set(['ak-stage-access-denied: This link was used already.']),
  )
})

test('44 a link to an address dies when the address changes', async () => {
  const user = await aUser(ctx, { password: 'first one' })
  const query = linkIn(await recoveryMail(user)).search.slice(1)
  assert.equal((await admin.patch(`${A}/core/users/${String(user.id)}/`, { email: `${unique('new')}@example.test` })).status, 200)
  const reader = new FlowVisitor(app)
  const { token } = await reader.challenge(RECOVERY, query)
  assert.equal((await reader.challenge(RECOVERY, query, { token })).component, 'ak-stage-access-denied')
})

test('45 links in mails lead to the configured address, whatever the request calls the host', async () => {
  const lies = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }
  const mail = await recoveryMail(await aUser(ctx), lies)
  assert.equal(linkIn(mail).origin, 'https://id.example.test')
  assert.ok(!mail.raw.includes('evil.example'))
  const flow = (await admin.get(`${A}/flows/instances/${ENROLMENT}/`)).body.pk as string
  const made = await admin.post(`${A}/signet/invitations/`, { name: unique('x'), flow, email: 'a@example.test', send_email: true }, lies)
  assert.equal(new URL(made.body.link).origin, 'https://id.example.test')
  const [invited] = await delivered()
  assert.ok(invited!.text.includes(made.body.link))
  assert.ok(!invited!.raw.includes('evil.example'))
})
