import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { assertDone, aFlow, aForm, aStage, FlowVisitor, type Shown } from '../../../test/flows.ts'
import { ownServer } from '../../../test/harness.ts'
import { mailServer } from '../../../test/smtp.ts'
import type { Row } from '../../api/model.ts'
import { jobs } from '../../tasks/jobs.ts'
import { makeRunner } from '../../tasks/runner.ts'

const OWN = '/api/v3/signet/invitations/'
const UPSTREAM = '/api/v3/stages/invitation/invitations/'
const DAY = 86_400_000 // ms

const smtp = await mailServer()
after(smtp.close)
const { app, ctx, clock, admin, client } = await ownServer({ ...smtp.env, SIGNET_PUBLIC_URL: 'https://id.example.test' })
const runner = makeRunner(ctx, jobs)

const flow = await aFlow(
  ctx,
  ['invitation', await aForm(ctx, [{ field_key: 'username', type: 'username' }]), await aStage(ctx, 'user_write'), 'user_login'],
  { designation: 'enrollment' },
)
const { slug } = flow

async function invite(body: Row = {}, api = admin): Promise<Shown> {
  const answer = await api.post(OWN, { name: unique('invitation'), flow: flow.flow_uuid, ...body })
  assert.equal(answer.status, 201, answer.text)
  return answer.body
}

const shown = async ({ pk }: Shown): Promise<Shown> => (await admin.get(`${OWN}${pk}/`)).body
const queryOf = ({ link }: Shown): string => new URL(link).search.slice(1)

/** Opens a link and enrols. */
async function enrol(query: string, username = unique('jane')): Promise<{ username: string; end: Shown }> {
  const visitor = new FlowVisitor(app)
  const opened = await visitor.challenge(slug, query)
  return { username, end: opened.component === 'ak-stage-prompt' ? await visitor.challenge(slug, query, { username }) : opened }
}

async function groupNames(username: string): Promise<string[]> {
  const [user] = (await admin.get(`/api/v3/core/users/?username=${username}&include_groups=true`)).body.results
  return (user.groups_obj as Row[]).map(group => group.name as string).toSorted()
}

test('an invitation of our own is good for one person and a week, and says where it leads', async () => {
  const invitation = await invite({ fixed_data: { name: 'Jane Doe' } })
  assert.partialDeepStrictEqual(invitation, {
    state: 'open',
    single_use: true,
    flow_obj: { slug },
    created_by: { username: 'test-admin' },
    fixed_data: { name: 'Jane Doe' },
    opened: null,
    opened_count: 0,
    used_by: [],
    link: `https://id.example.test/if/flow/${slug}/?itoken=${invitation.pk}`,
  })
  const days = (Date.parse(invitation.expires) - ctx.now().getTime()) / DAY
  assert.ok(days > 6.9 && days <= 7, String(days))
  assert.equal((await invite({ expires: null })).expires, null)
  // Other clients see the same invitation in the shape that they know.
  const same = (await admin.get(`${UPSTREAM}${invitation.pk}/`)).body
  assert.deepEqual(Object.keys(same).toSorted(), ['created_by', 'expires', 'fixed_data', 'flow', 'flow_obj', 'name', 'pk', 'single_use'])
})

test('the history tells who opened a link, who came by it, and outlives it', async () => {
  const invitation = await invite()
  for (let looks = 0; looks < 3; looks++) await new FlowVisitor(app).challenge(slug, queryOf(invitation))
  const opened = await shown(invitation)
  assert.deepEqual([opened.state, opened.opened_count, opened.used_count], ['opened', 3, 0])
  assert.ok(Date.parse(opened.opened) <= ctx.now().getTime())
  const { username, end } = await enrol(queryOf(invitation))
  assertDone(end, '/')
  assert.equal((await admin.get(`${UPSTREAM}${invitation.pk}/`)).status, 404)
  const used = await shown(invitation)
  assert.deepEqual([used.state, used.used_count, used.link, used.opened], ['used', 1, null, opened.opened])
  const [use] = used.used_by
  assert.equal(use.username, username)
  assert.equal((await admin.get(`/api/v3/core/users/${use.user}/`)).body.username, username)
  // The name stays when the account goes.
  await admin.delete(`/api/v3/core/users/${use.user}/`)
  assert.deepEqual((await shown(invitation)).used_by, [{ ...use, user: null }])
})

test('a link for many counts each, and goes on', async () => {
  const invitation = await invite({ single_use: false })
  const names = []
  for (let count = 0; count < 3; count++) names.push((await enrol(queryOf(invitation))).username)
  const used = await shown(invitation)
  assert.deepEqual([used.state, used.used_count, used.link], ['used', 3, invitation.link])
  assert.deepEqual(used.used_by.map((use: Row) => use.username).toSorted(), names.toSorted())
})

test('expired, deleted and gone invitations are told apart, and lists find them', async () => {
  const mark = unique('mark')
  const make = (name: string, body: Row = {}) => invite({ name: `${mark}-${name}`, ...body })
  const open = await make('open')
  const over = await make('over', { expires: new Date(ctx.now().getTime() - 1).toISOString() })
  const back = await make('back')
  assert.equal((await admin.delete(`${UPSTREAM}${back.pk}/`)).status, 204)
  const seen = await make('seen')
  await new FlowVisitor(app).challenge(slug, queryOf(seen))
  const list = async (query: string) =>
    (await admin.get(`${OWN}?search=${mark}&${query}`)).body.results.map((row: Row) => [String(row.name).slice(mark.length + 1), row.state])
  const all = [
    ['seen', 'opened'],
    ['back', 'deleted'],
    ['over', 'expired'],
    ['open', 'open'],
  ]
  assert.deepEqual(new Set((await list('')).map(String)), new Set(all.map(String)))
  for (const [name, state] of all) assert.deepEqual(await list(`state=${state}`), [[name, state]])
  assert.equal((await list('page_size=1')).length, 1)
  assert.equal((await list(`flow__slug=${slug}&created_by__username=test-admin`)).length, 4)
  assert.deepEqual(await list('flow__slug=another'), [])
  assert.equal((await admin.get(`${OWN}?state=lost`)).status, 400)
  assert.deepEqual([(await shown(over)).link, (await shown(back)).link], [null, null])
  // The purge of what is over leaves the history as it was; that goes when events of the time go.
  const purge = () =>
    jobs.find(job => job.name === 'clean_expired_models')!.run(ctx, {}, { signal: new AbortController().signal, log: () => {} })
  await purge()
  assert.equal((await admin.get(`${UPSTREAM}${over.pk}/`)).status, 404)
  assert.equal((await shown(over)).state, 'expired')
  await admin.patch(`${UPSTREAM}${open.pk}/`, { name: `${mark}-renamed`, expires: null })
  assert.partialDeepStrictEqual(await shown(open), { name: `${mark}-renamed`, expires: null, state: 'open' })
  clock.advance(380 * DAY)
  try {
    await purge()
    assert.deepEqual(await list(''), [['renamed', 'open']])
  } finally {
    clock.advance(-380 * DAY)
  }
})

test('an invitation that came past us gets its history when it is looked for', async () => {
  const upstream = (await admin.post(UPSTREAM, { name: unique('theirs'), flow: flow.flow_uuid })).body
  assert.deepEqual([(await shown(upstream)).state, (await shown(upstream)).single_use], ['open', false])
  await ctx.db.deleteFrom('invitation_record').where('invite_uuid', '=', upstream.pk).execute()
  await new FlowVisitor(app).challenge(slug, `itoken=${upstream.pk}`)
  assert.equal((await shown(upstream)).opened_count, 1)
})

test('the account joins the groups of the invitation', async () => {
  const groups = [await aGroup(ctx), await aGroup(ctx)]
  const invitation = await invite({ groups: groups.map(group => group.group_uuid) })
  const names = groups.map(group => group.name as string).toSorted()
  assert.deepEqual(invitation.groups_obj.map((group: Row) => group.name).toSorted(), names)
  const { username, end } = await enrol(queryOf(invitation))
  assertDone(end, '/')
  assert.deepEqual(await groupNames(username), names)
  const wrong = await admin.post(OWN, { name: unique('invitation'), flow: null, groups: [ctx.uuid()] })
  assert.equal(wrong.status, 400)
  assert.match(wrong.body.groups[0], /object does not exist/)
})

test('the identifier that lists show opens no invitation that leads into groups', async () => {
  const invitation = await invite({ groups: [(await aGroup(ctx)).group_uuid] })
  const key = new URLSearchParams(queryOf(invitation)).get('itoken')!
  assert.notEqual(key, invitation.pk)
  for (const itoken of [invitation.pk, `${invitation.pk}.`, `${invitation.pk}.x`, `${key}x`, `${key}.x`.slice(0, -3)])
    assert.equal((await new FlowVisitor(app).challenge(slug, `itoken=${itoken}`)).error_message, 'Invalid invite/invite not found')
  assert.equal((await shown(invitation)).opened_count, 0)
  // The mail that other clients send holds the whole key.
  const sent = smtp.mails.length
  assert.equal((await admin.post(`${UPSTREAM}${invitation.pk}/send_email/`, { email_addresses: ['jane@example.test'] })).status, 204)
  clock.advance(1_000)
  await runner.step()
  assert.ok(smtp.mails.slice(sent).some(mail => mail.text.includes(key)))
})

test('a link is mailed when it is made, if that is asked for', async () => {
  const sent = smtp.mails.length
  const invitation = await invite({ email: 'jane@example.test', send_email: true })
  await invite({ email: 'quiet@example.test' })
  clock.advance(1_000)
  await runner.step()
  const mails = smtp.mails.slice(sent)
  assert.deepEqual(
    mails.map(mail => mail.to),
    [['jane@example.test']],
  )
  assert.ok(mails[0]!.text.includes(invitation.link))
  // The form knows the address.
  assert.deepEqual([invitation.email, invitation.fixed_data], ['jane@example.test', { email: 'jane@example.test' }])
  const refused = async (body: Row) => (await admin.post(OWN, { name: 'x', flow: flow.flow_uuid, send_email: true, ...body })).body as Row
  assert.deepEqual(await refused({}), { email: ['Nobody to send to.'] })
  assert.deepEqual(await refused({ email: 'no address' }), { email: ['Enter a valid email address.'] })
  assert.deepEqual(await refused({ email: 'a@example.test', flow: null }), { flow: ['A mail needs a flow to lead to.'] })
  assert.deepEqual(await refused({ email: 'a@example.test', template: 'none' }), { template: ["Invalid template 'none' specified."] })
})

test('many links are made in one call, numbered, all or none', async () => {
  const name = unique('course')
  const answer = await admin.post(`${OWN}batch/`, { name, flow: flow.flow_uuid, count: 12, fixed_data: { team: 'a' } })
  assert.equal(answer.status, 201, answer.text)
  const { batch, results } = answer.body
  assert.deepEqual(
    results.map((row: Row) => row.name),
    Array.from({ length: 12 }, (_, index) => `${name}-${String(index + 1).padStart(2, '0')}`),
  )
  assert.equal(new Set(results.map((row: Row) => row.link)).size, 12)
  assertDone((await enrol(queryOf(results[4]))).end, '/')
  const list = (await admin.get(`${OWN}?batch=${batch}&state=open&page_size=100`)).body
  assert.equal(list.pagination.count, 11)

  const sent = smtp.mails.length
  const addresses = ['a@example.test', 'b@example.test']
  const mailed = await admin.post(`${OWN}batch/`, { name, flow: flow.flow_uuid, email_addresses: addresses, send_email: true })
  assert.equal(mailed.status, 201, mailed.text)
  clock.advance(1_000)
  await runner.step()
  assert.deepEqual(
    smtp.mails
      .slice(sent)
      .map(mail => String(mail.to))
      .toSorted(),
    addresses,
  )
  for (const [index, address] of addresses.entries())
    assert.ok(
      smtp.mails.find(mail => mail.to[0] === address && mail.text.includes(mailed.body.results[index].link)),
      address,
    )

  const before = (await admin.get(OWN)).body.pagination.count
  for (const body of [
    {},
    { count: 0 },
    { count: 501 },
    { count: 3, email_addresses: addresses },
    { email_addresses: ['a@example.test', 'b'] },
    { count: 2, name: 'no slug' },
    { count: 2, groups: [ctx.uuid()] },
  ])
    assert.equal((await admin.post(`${OWN}batch/`, { name, flow: flow.flow_uuid, ...body })).status, 400, JSON.stringify(body))
  assert.equal((await admin.get(OWN)).body.pagination.count, before)
})

test('invitations are seen and made by whoever may see and make them', async () => {
  const invitation = await invite()
  const as = async (...permissions: string[]) => {
    const user = await aUser(ctx)
    await aRole(ctx, user, permissions)
    return client(await aToken(ctx, user))
  }
  const nobody = await as()
  assert.deepEqual(
    [(await nobody.get(OWN)).status, (await nobody.get(`${OWN}${invitation.pk}/`)).status, (await nobody.post(OWN, {})).status],
    [403, 404, 403],
  )
  assert.equal((await nobody.post(`${OWN}batch/`, {})).status, 403)
  assert.equal((await client().get(OWN)).status, 403)
  const viewer = await as('authentik_stages_invitation.view_invitation')
  assert.equal((await viewer.get(`${OWN}${invitation.pk}/`)).body.name, invitation.name)
  assert.equal((await viewer.post(OWN, {})).status, 403)
  const maker = await as(
    'authentik_stages_invitation.add_invitation',
    'authentik_stages_invitation.view_invitation',
    'authentik_flows.view_flow',
    'authentik_core.view_group',
  )
  assert.ok((await invite({}, maker)).link)
  const group = await aGroup(ctx)
  const refused = await maker.post(OWN, { name: unique('x'), flow: flow.flow_uuid, groups: [group.group_uuid] })
  assert.deepEqual([refused.status, refused.body], [400, { groups: ['You may not add people to this group.'] }])
})
