import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { adminsGroup, aGroup, aRole, aToken, aUser, unique } from '../builders.ts'
import { assertDone, aFlow, aForm, aStage, FlowVisitor, type Shown } from '../flows.ts'
import { server, type TestServer } from '../harness.ts'

/** Who may hand out what by an invitation. */

const OWN = '/api/v3/signet/invitations/'
let { app, ctx, admin, client } = {} as TestServer
before(async () => {
  ;({ app, ctx, admin, client } = await server())
})

let made: Promise<Row> | undefined
/** A flow by which invited people enrol. */
const enrolment = () => (made ??= makeEnrolment())

const makeEnrolment = async () =>
  aFlow(
    ctx,
    ['invitation', await aForm(ctx, [{ field_key: 'username', type: 'username' }]), await aStage(ctx, 'user_write'), 'user_login'],
    { designation: 'enrollment' },
  )

const MAKER = [
  'authentik_stages_invitation.add_invitation',
  'authentik_stages_invitation.view_invitation',
  'authentik_stages_invitation.change_invitation',
  'authentik_flows.view_flow',
  'authentik_core.view_group',
  'authentik_core.add_user_to_group',
]

/** Somebody who manages invitations and groups without being a superuser. */
async function aMaker() {
  const user = await aUser(ctx)
  const role = await aRole(ctx, user, MAKER)
  return { user, role, api: client(await aToken(ctx, user)) }
}

const invite = async (api: typeof admin, groups: unknown[], more: Row = {}) =>
  api.post(OWN, { name: unique('invitation'), flow: (await enrolment()).flow_uuid, groups, ...more })

async function enrol({ link }: Shown): Promise<{ username: string; end: Shown }> {
  const query = new URL(link).search.slice(1)
  const username = unique('jane')
  const visitor = new FlowVisitor(app)
  await visitor.challenge(String((await enrolment()).slug), query)
  return { username, end: await visitor.challenge(String((await enrolment()).slug), query, { username }) }
}

const groupsOf = async (username: string): Promise<string[]> =>
  (await admin.get(`/api/v3/core/users/?username=${username}`)).body.results[0].groups

const beyond = 'User does not have permission to set superuser status to True.'

test('71 nobody but a superuser makes an invitation into a group of superusers, or below one', async () => {
  const { api } = await aMaker()
  const admins = await adminsGroup(ctx)
  const child = await aGroup(ctx)
  await ctx.db
    .insertInto('group_parent')
    .values({ child: child.group_uuid as string, parent: admins })
    .execute()
  for (const group of [admins, child.group_uuid]) {
    const refused = await invite(api, [group])
    assert.deepEqual([refused.status, refused.body], [400, { groups: [beyond] }])
    const batch = await api.post(`${OWN}batch/`, { name: unique('x'), flow: (await enrolment()).flow_uuid, count: 2, groups: [group] })
    assert.deepEqual([batch.status, batch.body], [400, { groups: [beyond] }])
  }
  const plain = await aGroup(ctx)
  const made = await invite(api, [plain.group_uuid])
  assert.equal(made.status, 201, made.text)
  const { username, end } = await enrol(made.body)
  assertDone(end, '/')
  assert.deepEqual(await groupsOf(username), [plain.group_uuid])
  const [user] = (await admin.get(`/api/v3/core/users/?username=${username}`)).body.results
  assert.equal(user.is_superuser, false)
})

test('71 an invitation gives no role that its creator does not hold', async () => {
  const { api } = await aMaker()
  const group = await aGroup(ctx)
  const strong = await aRole(ctx, await aUser(ctx), ['authentik_core.delete_user'])
  await ctx.db
    .insertInto('group_role')
    .values({ group: group.group_uuid as string, role: strong })
    .execute()
  assert.deepEqual((await invite(api, [group.group_uuid])).body, { groups: ['Cannot give permissions that you do not have yourself.'] })
})

test('71 a group that was made one of superusers after the invitation is not given, and administrators learn of it', async () => {
  const { api } = await aMaker()
  const [later, plain] = [await aGroup(ctx), await aGroup(ctx)]
  const made = await invite(api, [later.group_uuid, plain.group_uuid])
  await admin.patch(`/api/v3/core/groups/${String(later.group_uuid)}/`, { is_superuser: true })
  const { username, end } = await enrol(made.body)
  assertDone(end, '/')
  assert.deepEqual(await groupsOf(username), [plain.group_uuid])
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'configuration_warning').execute()
  assert.ok(events.some(({ context }) => (context as Row).group === later.group_uuid))
})

test('71 an invitation gives no groups any more when its creator was switched off or lost the right', async () => {
  for (const lose of [
    ({ user }: Awaited<ReturnType<typeof aMaker>>) => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
    ({ role }: Awaited<ReturnType<typeof aMaker>>) => admin.delete(`/api/v3/rbac/roles/${role}/`),
  ]) {
    const maker = await aMaker()
    const group = await aGroup(ctx)
    const made = await invite(maker.api, [group.group_uuid])
    await lose(maker)
    const { username, end } = await enrol(made.body)
    assertDone(end, '/')
    assert.deepEqual(await groupsOf(username), [])
  }
})

test('71 whoever may look at invitations, or change and mail them, does not come by the link into a group that they may not give', async () => {
  const { api } = await aMaker()
  const made = await invite(admin, [await adminsGroup(ctx)])
  assert.equal(made.status, 201, made.text)
  const { pk } = made.body
  assert.ok(made.body.link)
  const seen = await api.get(`${OWN}${pk}/`)
  assert.deepEqual([seen.status, seen.body.link], [200, null])
  const listed = (await api.get(`${OWN}?search=${made.body.name}`)).body.results
  assert.deepEqual(
    listed.map((row: Row) => row.link),
    [null],
  )
  const upstream = `/api/v3/stages/invitation/invitations/${pk}/`
  assert.equal((await api.post(`${upstream}send_email/`, { email_addresses: ['mallory@example.test'] })).status, 403)
  assert.equal((await api.patch(upstream, { single_use: false, expires: null })).status, 200)
  const key = new URL(made.body.link).searchParams.get('itoken')!
  for (const text of [seen.text, (await api.get(upstream)).text]) assert.ok(!text.includes(key.slice(pk.length)))
  const visitor = new FlowVisitor(app)
  assert.equal((await visitor.challenge(String((await enrolment()).slug), `itoken=${pk}`)).component, 'ak-stage-access-denied')
})

test('39 41 an invitation of another flow, or none, makes no account with groups', async () => {
  const other = await aFlow(ctx, ['invitation', await aForm(ctx, [{ field_key: 'username', type: 'username' }]), 'user_write'], {
    designation: 'enrollment',
  })
  const made = await invite(admin, [(await aGroup(ctx)).group_uuid])
  const query = new URL(made.body.link).search.slice(1)
  for (const tried of [query, '', 'itoken='])
    assert.equal((await new FlowVisitor(app).challenge(other.slug, tried)).component, 'ak-stage-access-denied')
  assert.equal((await admin.get(`${OWN}${made.body.pk}/`)).body.state, 'open')
})
