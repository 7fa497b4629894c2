import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { assertDone, aFlow, aForm, aStage, FlowVisitor } from '../../../test/flows.ts'
import { server } from '../../../test/harness.ts'
import { Invitation } from './invitation.ts'

const HOUR = 3_600_000 // ms

const enrolment = async (ctx: Ctx, fields: Row[] = [{ field_key: 'username', type: 'username' }], values: Row = {}) =>
  aFlow(
    ctx,
    [
      await aStage(ctx, 'invitation', values),
      await aForm(ctx, fields),
      await aStage(ctx, 'user_write', { user_path_template: 'users/enrolled' }),
      'user_login',
    ],
    {
      designation: 'enrollment',
    },
  )

const anInvitation = (ctx: Ctx, values: Row = {}): Promise<Row> => createObject(ctx, Invitation, { name: unique('invitation'), ...values })

const userNamed = (ctx: Ctx, name: string) => ctx.db.selectFrom('user').selectAll().where('username', '=', name).executeTakeFirst()
const exists = async (ctx: Ctx, { invite_uuid: key }: Row) =>
  (await ctx.db
    .selectFrom('invitation')
    .select('name')
    .where('invite_uuid', '=', key as string)
    .executeTakeFirst()) !== undefined

test('opening the link of a single-use invitation does not use it up, the account that it makes does (abuse 41)', async () => {
  const { app, ctx } = await server()
  const { slug, flow_uuid: flow } = await enrolment(ctx)
  const invitation = await anInvitation(ctx, {
    flow,
    single_use: true,
    fixed_data: { name: 'Jane Doe', email: 'jane@example.test', attributes: { libraries: ['a'] } },
  })
  const query = `itoken=${String(invitation.invite_uuid)}`
  for (let looks = 0; looks < 3; looks++) assert.equal((await new FlowVisitor(app).challenge(slug, query)).component, 'ak-stage-prompt')
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug, query)
  assert.equal(await exists(ctx, invitation), true)
  const username = unique('jane')
  assertDone(await visitor.challenge(slug, query, { username }), '/')
  assert.partialDeepStrictEqual(await userNamed(ctx, username), {
    name: 'Jane Doe',
    email: 'jane@example.test',
    path: 'users/enrolled',
    attributes: { libraries: ['a'] },
  })
  assert.equal((await visitor.get('/api/v3/core/users/me/')).body.user.username, username)
  assert.equal(await exists(ctx, invitation), false)
  const late = await new FlowVisitor(app).challenge(slug, query)
  assert.deepEqual([late.component, late.error_message], ['ak-stage-access-denied', 'Invalid invite/invite not found'])
  const events = await ctx.db.selectFrom('event').selectAll().where('action', '=', 'invitation_used').execute()
  const used = events.filter(({ context }) => (context as Row).invitation_uuid === String(invitation.invite_uuid).replaceAll('-', ''))
  assert.equal(used.length, 1)
  assert.equal((used[0]!.user as Row).username, username)
})

test('an account that cannot be written leaves the invitation as it was', async () => {
  const { app, ctx } = await server()
  const { slug, flow_uuid: flow } = await enrolment(ctx, [{ field_key: 'username', type: 'text' }])
  const invitation = await anInvitation(ctx, { flow, single_use: true })
  const taken = (await aUser(ctx)).username as string
  const query = `itoken=${String(invitation.invite_uuid)}`
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug, query)
  assert.equal((await visitor.challenge(slug, query, { username: taken })).error_message, 'Failed to update user. Please try again later.')
  assert.equal(await exists(ctx, invitation), true)
  await visitor.challenge(slug, query)
  assertDone(await visitor.challenge(slug, query, { username: unique('second') }), '/')
})

test('of fifty who send the form at once, one gets through a single-use invitation', async () => {
  const { app, ctx } = await server()
  const { slug, flow_uuid: flow } = await enrolment(ctx)
  const invitation = await anInvitation(ctx, { flow, single_use: true })
  const query = `itoken=${String(invitation.invite_uuid)}`
  const racers = Array.from({ length: 50 }, () => ({ visitor: new FlowVisitor(app), username: unique('racer') }))
  for (const { visitor } of racers) assert.equal((await visitor.challenge(slug, query)).component, 'ak-stage-prompt')
  const ends = await Promise.all(racers.map(({ visitor, username }) => visitor.challenge(slug, query, { username })))
  const lost = ends.filter(end => end.component !== 'xak-flow-redirect')
  assert.equal(lost.length, 49)
  assert.deepEqual(
    [...new Set(lost.map(end => `${String(end.component)}: ${String(end.error_message)}`))],
    ['ak-stage-access-denied: This invitation was already used.'],
  )
  const made = await ctx.db
    .selectFrom('user')
    .select('username')
    .where(
      'username',
      'in',
      racers.map(({ username }) => username),
    )
    .execute()
  assert.equal(made.length, 1)
})

test('expired, deleted, malformed and foreign invitations open nothing, and the flow says the same of all of them', async () => {
  const { app, ctx, clock } = await server()
  const { slug, flow_uuid: flow } = await enrolment(ctx)
  const other = await enrolment(ctx)
  const expired = await anInvitation(ctx, { flow, expires: new Date(ctx.now().getTime() - 1) })
  const foreign = await anInvitation(ctx, { flow: other.flow_uuid })
  const soon = await anInvitation(ctx, { flow, expires: new Date(ctx.now().getTime() + HOUR) })
  for (const query of [
    '',
    'itoken=',
    'itoken=no-uuid',
    `itoken=${ctx.uuid()}`,
    `itoken=${String(expired.invite_uuid)}`,
    `itoken=${String(foreign.invite_uuid)}`,
  ]) {
    const end = await new FlowVisitor(app).challenge(slug, query)
    assert.deepEqual([end.component, end.error_message], ['ak-stage-access-denied', 'Invalid invite/invite not found'], query)
  }
  const query = `itoken=${String(soon.invite_uuid)}`
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(slug, query)).component, 'ak-stage-prompt')
  clock.advance(HOUR + 1_000)
  try {
    const username = unique('late')
    assert.equal((await visitor.challenge(slug, query, { username })).error_message, 'Invalid invite/invite not found')
    assert.equal(await userNamed(ctx, username), undefined)
  } finally {
    clock.reset()
  }
})

test('an invitation without a flow opens every flow, one that is withdrawn meanwhile opens none', async () => {
  const { app, ctx, admin } = await server()
  const { slug } = await enrolment(ctx)
  const invitation = await anInvitation(ctx)
  const query = `token=${String(invitation.invite_uuid)}`
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(slug, query)).component, 'ak-stage-prompt')
  assert.equal((await admin.delete(`/api/v3/stages/invitation/invitations/${String(invitation.invite_uuid)}/`)).status, 204)
  const username = unique('late')
  assert.equal((await visitor.challenge(slug, query, { username })).component, 'ak-stage-access-denied')
  assert.equal(await userNamed(ctx, username), undefined)
})

test('what is known of the invited prefills the prompts, who may change it', async () => {
  const { app, ctx } = await server()
  const { slug } = await enrolment(ctx, [
    { field_key: 'username', type: 'username' },
    { field_key: 'name', type: 'text' },
  ])
  const invitation = await anInvitation(ctx, { fixed_data: { name: 'Jane Doe' } })
  const query = `itoken=${String(invitation.invite_uuid)}`
  const visitor = new FlowVisitor(app)
  const form = await visitor.challenge(slug, query)
  assert.deepEqual(
    form.fields.map((field: Row) => field.initial_value),
    ['', 'Jane Doe'],
  )
  const username = unique('jane')
  await visitor.challenge(slug, query, { username, name: 'Jane Roe' })
  assert.equal((await userNamed(ctx, username))?.name, 'Jane Roe')
})

test('a stage that goes on without an invitation does so, and takes one that is there', async () => {
  const { app, ctx } = await server()
  const { slug } = await enrolment(ctx, undefined, { continue_flow_without_invitation: true })
  const username = unique('open')
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(slug, 'itoken=nothing')).component, 'ak-stage-prompt')
  assertDone(await visitor.challenge(slug, 'itoken=nothing', { username }), '/')
})

test('a flow that writes no account uses the invitation up when it is passed', async () => {
  const { app, ctx } = await server()
  const { slug } = await aFlow(ctx, ['invitation', 'dummy'], { designation: 'stage_configuration' })
  const invitation = await anInvitation(ctx, { single_use: true })
  const query = `itoken=${String(invitation.invite_uuid)}`
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(slug, query)).component, 'ak-stage-dummy')
  assert.equal(await exists(ctx, invitation), false)
  assertDone(await visitor.challenge(slug, query, {}), '/')
  assert.equal((await new FlowVisitor(app).challenge(slug, query)).component, 'ak-stage-access-denied')
})
