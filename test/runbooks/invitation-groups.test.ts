import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { unique } from '../builders.ts'
import { assertDone, FlowVisitor, type Shown } from '../flows.ts'
import { server, type TestServer } from '../harness.ts'

/** Enrolment flows that operators build by the API, and what their scripts do with invitations. */

const A = '/api/v3'
const INVITATIONS = `${A}/stages/invitation/invitations/`
const PASSWORD = 'a long enough one'
let { app, admin, ctx } = {} as TestServer
before(async () => void ({ app, admin, ctx } = await server()))

async function made(path: string, body: Row): Promise<Shown> {
  const answer = await admin.post(`${A}${path}`, body)
  assert.equal(answer.status, 201, `${path}: ${answer.text}`)
  return answer.body
}

const ASSIGN = `
from authentik.core.models import Group

names = request.context.get("prompt_data", {}).get("groups", [])
user = request.context.get("pending_user")
if not user or not names:
    return True
for name in names:
    try:
        user.ak_groups.add(Group.objects.get(name=name))
    except Group.DoesNotExist:
        ak_logger.warning("unknown group", name=name)
return True
`

const field = (field_key: string, type: string, order: number, required = true) =>
  made('/stages/prompt/prompts/', { name: unique(field_key), field_key, label: field_key, type, required, order })

/** the objects of an enrolment flow, each made by the API, with a policy on the binding of its last stage. */
async function anEnrolment(expression: string, binding: Row = {}, write: Row = {}) {
  const slug = unique('invitation-enrollment')
  const flow = await made('/flows/instances/', { name: slug, slug, title: 'Enrol', designation: 'enrollment' })
  const fields = [
    await field('username', 'username', 0),
    await field('name', 'text', 1),
    await field('email', 'email', 2),
    await field('password', 'password', 3),
    await field('password_repeat', 'password', 4),
  ]
  const stages = [
    await made('/stages/invitation/stages/', { name: unique('invitation'), continue_flow_without_invitation: false }),
    await made('/stages/prompt/stages/', { name: unique('prompt'), fields: fields.map(({ pk }) => pk) }),
    await made('/stages/user_write/', {
      name: unique('write'),
      user_creation_mode: 'always_create',
      create_users_as_inactive: false,
      user_type: 'internal',
      ...write,
    }),
    await made('/stages/user_login/', { name: unique('login') }),
  ]
  const bindings = []
  for (const [index, stage] of stages.entries())
    bindings.push(
      await made('/flows/bindings/', { target: flow.pk, stage: stage.pk, order: index + 1, ...(index === stages.length - 1 && binding) }),
    )
  const policy = await made('/policies/expression/', { name: unique('group-assignment'), expression })
  await made('/policies/bindings/', { target: bindings.at(-1)!.pk, policy: policy.pk, order: 0 })
  return { slug, flow, bindings }
}

const script = (flow: Shown, values: Row) =>
  made('/stages/invitation/invitations/', { name: unique('invite'), flow: flow.pk, single_use: true, ...values })

/** Opens the link of an invitation and enrols; the account as administrators see it. */
async function enrolled(slug: string, invitation: Shown): Promise<{ visitor: FlowVisitor; user: Shown }> {
  const visitor = new FlowVisitor(app)
  const query = `itoken=${invitation.pk}`
  const form = await visitor.challenge(slug, query)
  assert.equal(form.component, 'ak-stage-prompt')
  const username = unique('jane')
  const answers = { username, name: 'Jane', email: `${username}@example.test`, password: PASSWORD, password_repeat: PASSWORD }
  assertDone(await visitor.challenge(slug, query, answers), '/')
  return { visitor, user: (await admin.get(`${A}/core/users/?username=${username}&include_groups=true`)).body.results[0] }
}

const namesOf = (user: Shown): string[] => (user.groups_obj as Row[]).map(group => group.name as string).toSorted()
const twoGroups = async () => [
  await made('/core/groups/', { name: unique('media-users') }),
  await made('/core/groups/', { name: unique('media-kids') }),
]

test('R-305: an enrolment flow made by the API has its stages in their order', async () => {
  const { flow, slug, bindings } = await anEnrolment('return True')
  const listed = (await admin.get(`${A}/flows/bindings/?target=${flow.pk}&ordering=order`)).body.results
  assert.deepEqual(
    listed.map((binding: Shown) => [binding.order, binding.stage_obj.meta_model_name]),
    [
      [1, 'authentik_stages_invitation.invitationstage'],
      [2, 'authentik_stages_prompt.promptstage'],
      [3, 'authentik_stages_user_write.userwritestage'],
      [4, 'authentik_stages_user_login.userloginstage'],
    ],
  )
  assert.deepEqual([bindings[0]!.evaluate_on_plan, bindings[0]!.re_evaluate_policies], [false, true])
  const { user } = await enrolled(slug, await script(flow, {}))
  assert.deepEqual([user.type, user.is_active, user.path], ['internal', true, 'users'])
})

test('R-306: a policy on the login stage puts the account into the groups that the invitation names', async () => {
  const groups = await twoGroups()
  const names = groups.map(({ name }) => name as string).toSorted()
  const { flow, slug } = await anEnrolment(ASSIGN, { evaluate_on_plan: false, re_evaluate_policies: true })
  const { user } = await enrolled(slug, await script(flow, { fixed_data: { groups: [...names, 'no such group'] } }))
  assert.deepEqual(namesOf(user), names)
  // The list is no attribute of the account.
  assert.equal('groups' in user.attributes, false)
})

test('R-306: evaluated with the plan, the same policy comes before there is anything to read', async () => {
  const groups = await twoGroups()
  const { flow, slug } = await anEnrolment(ASSIGN, { evaluate_on_plan: true, re_evaluate_policies: false })
  const { user } = await enrolled(slug, await script(flow, { fixed_data: { groups: groups.map(({ name }) => name) } }))
  assert.deepEqual(namesOf(user), [])
})

test('R-306: before the account is written, a policy hands the groups over in the plan', async () => {
  const [group] = await twoGroups()
  const hand = `
from authentik.core.models import Group
names = request.context["prompt_data"].get("groups", [])
request.context["flow_plan"].context["groups"] = [Group.objects.get(name=name) for name in names]
return True
`
  const { flow, slug, bindings } = await anEnrolment('return True')
  const policy = await made('/policies/expression/', { name: unique('hand'), expression: hand })
  await made('/policies/bindings/', { target: bindings[2]!.pk, policy: policy.pk, order: 0 })
  const { user } = await enrolled(slug, await script(flow, { fixed_data: { groups: [group!.name] } }))
  assert.deepEqual(namesOf(user), [group!.name])
})

test('R-307: whatever a media server asks of groups and accounts is readable JSON', async () => {
  const [group] = await twoGroups()
  await admin.patch(`${A}/core/groups/${group!.pk}/`, { attributes: { jellyfin_libraries: ['films', 'series'] } })
  const { flow, slug } = await anEnrolment(ASSIGN)
  const invitation = await script(flow, { fixed_data: { groups: [group!.name], attributes: { jellyfin_libraries: ['kids'] } } })
  const { user } = await enrolled(slug, invitation)
  assert.deepEqual((await admin.get(`${A}/core/users/${user.pk}/`)).body.attributes.jellyfin_libraries, ['kids'])
  assert.deepEqual((await admin.get(`${A}/core/groups/${group!.pk}/`)).body.attributes, { jellyfin_libraries: ['films', 'series'] })
  assert.deepEqual(user.groups_obj[0].attributes, { jellyfin_libraries: ['films', 'series'] })
})

test('R-308: a visitor without a token gets no further than the invitation', async () => {
  const { slug } = await anEnrolment('return True')
  const denied = await new FlowVisitor(app).challenge(slug)
  assert.deepEqual([denied.component, denied.error_message], ['ak-stage-access-denied', 'Invalid invite/invite not found'])
})

test('R-309: whoever enrolled is signed in', async () => {
  const { flow, slug } = await anEnrolment('return True')
  const { visitor, user } = await enrolled(slug, await script(flow, {}))
  const me = await visitor.get(`${A}/core/users/me/`)
  assert.deepEqual([me.status, me.body.user.pk], [200, user.pk])
})

test('R-412: a script makes an invitation for one group, with or without an end, and prints its link', async () => {
  const group = await made('/core/groups/', { name: unique('VPN Users') })
  const assign = `
from authentik.core.models import Group
name = request.context["invitation"].fixed_data.get("group")
group = Group.objects.filter(name=name).first()
if group:
    request.context["pending_user"].ak_groups.add(group)
return True
`
  const { flow, slug } = await anEnrolment(assign)
  const endless = await script(flow, { fixed_data: { group: group.name } })
  assert.equal(endless.expires, null)
  const expires = new Date(ctx.now().getTime() + 7 * 86_400_000).toISOString()
  const ending = await script(flow, { fixed_data: { group: group.name }, expires })
  assert.equal(Date.parse(ending.expires), Date.parse(expires))
  const { user } = await enrolled(slug, ending)
  assert.deepEqual(namesOf(user), [group.name])
})

test('R-413: a script finds one person by exact name and puts them into a group found by name', async () => {
  const group = await made('/core/groups/', { name: unique('VPN Users') })
  const username = unique('jane')
  for (const name of [username, `${username}-two`]) await made('/core/users/', { username: name, name })
  const found = (await admin.get(`${A}/core/users/?search=${username}`)).body.results
  assert.equal(found.length, 2)
  const [user] = found.filter((row: Row) => row.username === username)
  const byName = (await admin.get(`${A}/core/groups/?name=${encodeURIComponent(group.name)}`)).body.results
  assert.deepEqual(
    byName.map((row: Row) => row.pk),
    [group.pk],
  )
  assert.equal((await admin.post(`${A}/core/groups/${group.pk}/add_user/`, { pk: user.pk })).status, 204)
  const { users_obj: members } = (await admin.get(`${A}/core/groups/${group.pk}/`)).body
  assert.deepEqual(
    members.map((member: Row) => member.username),
    [username],
  )
})

test('R-414: what is listed is what is pending', async () => {
  const { flow, slug } = await anEnrolment('return True')
  const [first, second] = [await script(flow, {}), await script(flow, {})]
  const pending = async () =>
    ((await admin.get(`${INVITATIONS}?flow__slug=${slug}`)).body.results as Shown[]).map(({ pk }) => pk as string).toSorted()
  assert.deepEqual(new Set(await pending()), new Set([first.pk, second.pk]))
  await enrolled(slug, first)
  assert.deepEqual(await pending(), [second.pk])
})
