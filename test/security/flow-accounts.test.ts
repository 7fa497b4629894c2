import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createObject, changeObject } from '../../src/api/objects.ts'
import type { Row } from '../../src/api/model.ts'
import { User } from '../../src/core/people.ts'
import { findObject } from '../../src/api/store.ts'
import { FlowStageBinding } from '../../src/flows/binding.ts'
import { Flow } from '../../src/flows/flow.ts'
import type { QueuedMail } from '../../src/mail/queue.ts'
import { adminsGroup, aUser, unique } from '../builders.ts'
import { aFlow, aForm, aStage, FlowVisitor } from '../flows.ts'
import { server } from '../harness.ts'
import { Visitor } from '../visitor.ts'

const ME = '/api/v3/core/users/me/'

const accounts = async () => {
  const { ctx } = await server()
  return Number(
    (
      await ctx.db
        .selectFrom('user')
        .select(eb => eb.fn.countAll().as('n'))
        .executeTakeFirstOrThrow()
    ).n,
  )
}

async function signedIn(values: Row = {}): Promise<{ visitor: FlowVisitor; user: Row }> {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'right', ...values })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'right')
  assert.equal((await visitor.get(ME)).status, 200)
  return { visitor, user }
}

test('27 the session has another key while an administrator looks through somebody’s eyes, and another after that', async () => {
  const { app, ctx } = await server()
  const { visitor } = await signedIn({ groups: [await adminsGroup(ctx)] })
  const other = await aUser(ctx)
  const keys = [visitor.cookies.get('authentik_session')!]
  const begun = await visitor.request('POST', `/api/v3/core/users/${String(other.id)}/impersonate/`, { body: { reason: 'a test' } })
  assert.equal(begun.status, 204, begun.text)
  keys.push(visitor.cookies.get('authentik_session')!)
  assert.equal((await visitor.get(ME)).body.user.username, other.username)
  assert.equal((await visitor.get('/api/v3/core/users/impersonate_end/')).status, 204)
  keys.push(visitor.cookies.get('authentik_session')!)
  assert.equal(new Set(keys).size, 3)
  for (const key of keys.slice(0, 2)) {
    const thief = new Visitor(app)
    thief.cookies.set('authentik_session', key)
    assert.equal((await thief.get(ME)).status, 403)
  }
  assert.equal((await visitor.get(ME)).status, 200)
})

test('28 a link into a flow that an attacker has begun carries nothing of it into the victim’s browser', async () => {
  const { app, ctx } = await server()
  const attackers = await aUser(ctx, { password: 'right' })
  const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const attacker = new FlowVisitor(app)
  await attacker.challenge(slug)
  await attacker.challenge(slug, '', { uid_field: attackers.username })
  // Everything that a link can carry: the address of the flow with what the attacker's page had.
  const victim = new FlowVisitor(app)
  const shown = await victim.challenge(
    slug,
    `next=/if/user/&pending_user=${String(attackers.username)}&session=${attacker.cookies.get('authentik_session')}`,
  )
  assert.equal(shown.component, 'ak-stage-identification')
  assert.equal(shown.pending_user_identifier ?? '', '')
  assert.notEqual(victim.cookies.get('authentik_session'), attacker.cookies.get('authentik_session'))
})

test('29 signing in again as somebody else ends the session of the one before', async () => {
  const { app, ctx } = await server()
  const { visitor } = await signedIn()
  const before = visitor.cookies.get('authentik_session')!
  const second = await aUser(ctx, { password: 'right' })
  const flow = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const end = await visitor.signInWith(flow.slug, '', second.username as string, 'right')
  assert.equal(end.component, 'xak-flow-redirect')
  assert.equal((await visitor.get(ME)).body.user.username, second.username)
  assert.notEqual(visitor.cookies.get('authentik_session'), before)
  const thief = new Visitor(app)
  thief.cookies.set('authentik_session', before)
  assert.equal((await thief.get(ME)).status, 403)
})

test('38 the proof of a mail counts when the flow goes on: not if the address has changed since, nor in another browser', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx)
  const form = await aForm(ctx, [{ field_key: 'name', type: 'text' }])
  const flow = await aFlow(ctx, ['identification', await aStage(ctx, 'email'), form, 'user_write'], { designation: 'recovery' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(flow.slug)
  const sent = await visitor.challenge(flow.slug, '', { uid_field: user.username })
  assert.equal(sent.component, 'ak-stage-email')
  for (const component of ['ak-stage-prompt', 'ak-stage-email', 'ak-stage-authenticator-validate', undefined]) {
    const shown = await visitor.challenge(flow.slug, '', { ...(component && { component }), name: 'Intruder', selected_challenge: {} })
    assert.equal(shown.component, 'ak-stage-email', 'the link of the mail is the only way on')
  }
  const queued = await ctx.db.selectFrom('task').select('args').where('actor_name', '=', 'send_email').orderBy('created').execute()
  const mails = queued.map(({ args }) => JSON.parse(ctx.secrets.open((args as { sealed: string }).sealed)) as QueuedMail)
  const mail = mails.findLast(({ to }) => to.includes(user.email as string))
  const query = new URL(mail!.variables.url as string).searchParams.toString()
  const account = (await findObject(ctx, User, user.id))!
  await changeObject(ctx, User, account, { email: `${unique('moved')}@example.test` })
  const opener = new FlowVisitor(app)
  const opened = await opener.challenge(flow.slug, query)
  assert.notEqual(opened.component, 'ak-stage-prompt', JSON.stringify(opened))
  const after = await opener.challenge(flow.slug, query, { token: opened.token })
  assert.equal(after.component, 'ak-stage-access-denied', JSON.stringify(after))
  assert.equal((await visitor.challenge(flow.slug)).component, 'ak-stage-email')
})

test('39 nobody who is not signed in gets into the flows of one’s own account, and no account comes of trying', async () => {
  const { app } = await server()
  const before = await accounts()
  for (const slug of ['default-user-settings-flow', 'default-password-change']) {
    const visitor = new FlowVisitor(app)
    const shown = await visitor.challenge(slug)
    assert.equal(shown.component, 'ak-stage-access-denied', slug)
    for (const body of [
      { username: unique('intruder'), name: 'x', email: 'x@example.test' },
      { password: 'a long enough one', password_repeat: 'a long enough one' },
    ]) {
      const answer = await visitor.challenge(slug, '', body)
      assert.equal(answer.component, 'ak-stage-access-denied', slug)
    }
  }
  assert.equal(await accounts(), before)
})

test('39 one’s own settings change one’s own account alone, whatever name is sent, and make none', async () => {
  const { ctx } = await server()
  const victim = await aUser(ctx, { password: 'right' })
  const { visitor, user } = await signedIn()
  const before = await accounts()
  const form = await aForm(ctx, [{ field_key: 'name', type: 'text' }])
  const flow = await aFlow(ctx, [form, await aStage(ctx, 'user_write', { user_creation_mode: 'create_when_required' })], {
    designation: 'stage_configuration',
    authentication: 'require_authenticated',
  })
  await visitor.challenge(flow.slug)
  await visitor.challenge(flow.slug, '', { name: 'Changed', username: victim.username, id: victim.id, pk: victim.id, is_superuser: true })
  const names = async (id: unknown) =>
    (await ctx.db
      .selectFrom('user')
      .select(['username', 'name'])
      .where('id', '=', id as number)
      .executeTakeFirst())!
  assert.deepEqual(await names(user.id), { username: user.username, name: 'Changed' })
  assert.deepEqual(await names(victim.id), { username: victim.username, name: victim.name })
  assert.equal(await accounts(), before)
})

test('39 a flow that may not make accounts makes none, for visitors and for people alike', async () => {
  const { app, ctx } = await server()
  const form = await aForm(ctx, [{ field_key: 'username', type: 'username' }])
  const write = await aStage(ctx, 'user_write', { user_creation_mode: 'never_create' })
  const flow = await aFlow(ctx, [form, write], { designation: 'enrollment' })
  const visitor = new FlowVisitor(app)
  await visitor.challenge(flow.slug)
  const before = await accounts()
  const shown = await visitor.challenge(flow.slug, '', { username: unique('intruder') })
  assert.equal(shown.component, 'ak-stage-access-denied')
  assert.equal(await accounts(), before)

  // And an enrolment that is for visitors is closed to people who are signed in.
  const open = await createObject(ctx, Flow, {
    name: 'Join',
    title: 'Join',
    slug: unique('join'),
    designation: 'enrollment',
    authentication: 'require_unauthenticated',
  })
  await createObject(ctx, FlowStageBinding, { target: open.flow_uuid, stage: form.stage_uuid, order: 0 })
  const person = await signedIn()
  const people = await accounts()
  assert.equal((await person.visitor.challenge(open.slug as string)).component, 'ak-stage-access-denied')
  assert.equal(await accounts(), people)
})

test('40 initial set-up stays closed, whatever its flow is changed into', async () => {
  const { app, ctx } = await server()
  const flow = (await findObject(ctx, Flow, 'initial-setup', 'slug'))!
  await changeObject(ctx, Flow, flow, { authentication: 'none', denied_action: 'message' })
  const visitor = new FlowVisitor(app)
  const shown = await visitor.challenge('initial-setup')
  assert.deepEqual([shown.component, shown.error_message], ['ak-stage-access-denied', 'Initial set-up was already completed.'])
  const answer = await visitor.challenge('initial-setup', '', {
    email: 'x@example.test',
    password: 'a long enough one',
    password_repeat: 'a long enough one',
  })
  assert.equal(answer.component, 'ak-stage-access-denied')
})
