import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { keyFromCookie } from '../../core/session/session.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { loadPlan } from '../../flows/plan.ts'
import { createFlowToken } from '../../flows/token.ts'
import { PLAN } from '../../flows/visit.ts'
import { Invitation } from '../../stages/invitation/invitation.ts'
import { aGroup, unique } from '../../../test/builders.ts'
import { aFlow, aForm, assertDone, aStage, FlowVisitor } from '../../../test/flows.ts'
import { anOpenIDProvider } from '../../../test/upstreams/openid.ts'
import { aPersonAt, aSource, onwards, sourceServer, through, whoami } from '../../../test/upstreams/sign-in.ts'

/** Invitations that are opened here and completed by a login source. */

const server = await sourceServer()
const { app, ctx, admin } = server
const upstream = await anOpenIDProvider([])
after(upstream.close)

const INVALID = 'Invalid invite/invite not found'

/** An enrolment by invitation that offers a source beside its own form; the source leads into the same flow unless told otherwise. */
async function anEnrolment(options: { own?: boolean; email?: boolean } = {}) {
  const source = await aSource(server, upstream)
  const everybody = await aGroup(ctx)
  const identification = await aStage(ctx, 'identification', { user_fields: [], sources: [source.row.pk] })
  const flow = await aFlow(
    ctx,
    [
      'invitation',
      identification,
      await aForm(ctx, [{ field_key: 'name' }]),
      await aStage(ctx, 'user_write', { create_users_group: everybody.group_uuid }),
      'user_login',
    ],
    { designation: 'enrollment' },
  )
  if (!options.own) await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { enrollment_flow: flow.flow_uuid })
  return { source, flow, everybody }
}

const invite = async (flow: Row, groups: unknown[] = [], more: Row = {}) => {
  const made = await admin.post('/api/v3/signet/invitations/', { name: unique('invitation'), flow: flow.flow_uuid, groups, ...more })
  assert.equal(made.status, 201, made.text)
  const { link, pk } = made.body as { link: string; pk: string }
  return { query: new URL(link).search.slice(1), pk }
}

const groupsOf = async (username: string) => {
  const [user] = (await admin.get(`/api/v3/core/users/?username=${username}`)).body.results
  return (user?.groups_obj ?? []).map((group: Row) => group.name).sort()
}
const isOpen = async (pk: string) =>
  (await ctx.db.selectFrom('invitation').select('name').where('invite_uuid', '=', pk).executeTakeFirst()) !== undefined
const account = (name: string) => ctx.db.selectFrom('user').selectAll().where('username', '=', name).executeTakeFirst()

test('an invitation that was opened is the one that counts after the way to a source, and is spent once', async () => {
  const { source, flow, everybody } = await anEnrolment()
  const vip = await aGroup(ctx)
  const { query, pk } = await invite(flow, [vip.group_uuid], { single_use: true })
  const person = aPersonAt(upstream)
  const browser = new FlowVisitor(app)
  const shown = await browser.challenge(flow.slug, `${query}&next=%2Fif%2Fuser%2F%3Fhello`)
  assert.equal(shown.component, 'ak-stage-identification')
  // The button is pressed without anything in its address: the browser's own flow says what was opened.
  const back = await through(browser, source, person.id)
  assert.equal(back.status, 302, back.text)
  assert.ok(await isOpen(pk), 'being away spends nothing')
  const form = await onwards(browser, back.headers.location)
  assert.equal(form.component, 'ak-stage-prompt', 'sources are not offered again')
  assert.equal(form.fields[0].initial_value, person.name)
  const end = await browser.challenge(flow.slug, new URL(String(back.headers.location), 'https://x').search.slice(1), { name: 'Chosen' })
  assertDone(end, '/if/user/?hello')
  assert.equal(await whoami(browser), person.username)
  assert.deepEqual(await groupsOf(person.username), [everybody.name, vip.name].map(String).sort())
  assert.partialDeepStrictEqual(await account(person.username), { name: 'Chosen', password: '!' })
  assert.equal(await isOpen(pk), false)
  const used = (await admin.get(`/api/v3/events/events/?actions=invitation_used&username=${person.username}`)).body.results
  assert.equal(used.length, 1)

  // The same link once more, by somebody else.
  const second = new FlowVisitor(app)
  assert.equal((await second.challenge(flow.slug, query)).error_message, INVALID)
  const late = aPersonAt(upstream)
  const refused = await onwards(second, (await through(second, source, late.id, query)).headers.location)
  assert.equal(refused.error_message, INVALID)
  assert.equal(await account(late.username), undefined)
})

test('the button may carry the invitation, and a stranger without one gets nothing', async () => {
  const { source, flow } = await anEnrolment()
  const { query, pk } = await invite(flow, [], { single_use: true })
  const person = aPersonAt(upstream)
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person.id, query)
  assert.equal((await onwards(browser, back.headers.location)).component, 'ak-stage-prompt')
  assertDone(await browser.challenge(flow.slug, query, { name: 'N' }), '/if/user/')
  assert.equal(await isOpen(pk), false)

  const stranger = aPersonAt(upstream)
  const other = new FlowVisitor(app)
  const denied = await onwards(other, (await through(other, source, stranger.id)).headers.location)
  assert.deepEqual([denied.component, denied.error_message], ['ak-stage-access-denied', INVALID])
  assert.equal(await account(stranger.username), undefined)
  assert.deepEqual(await ctx.db.selectFrom('user_source_connection').select('id').where('identifier', '=', stranger.id).execute(), [])
})

test('an invitation that was opened counts in the flow that the source leads to, too', async () => {
  const { source, flow } = await anEnrolment({ own: true })
  const vip = await aGroup(ctx)
  const { query, pk } = await invite(flow, [vip.group_uuid], { single_use: true, fixed_data: { attributes: { invited: true } } })
  const person = aPersonAt(upstream)
  const browser = new FlowVisitor(app)
  await browser.challenge(flow.slug, query)
  const back = await through(browser, source, person.id)
  assert.match(String(back.headers.location), /^\/if\/flow\/default-source-enrollment\//)
  assertDone(await onwards(browser, back.headers.location), '/if/user/')
  assert.deepEqual(await groupsOf(person.username), [vip.name])
  assert.equal(((await account(person.username))!.attributes as Row).invited, true)
  assert.equal(await isOpen(pk), false)
})

test('an invitation is not bent to another flow by naming it at the button', async () => {
  const { flow } = await anEnrolment({ own: true })
  const elsewhere = await anEnrolment()
  const { query, pk } = await invite(flow, [], { single_use: true })
  const person = aPersonAt(upstream)
  const browser = new FlowVisitor(app)
  const denied = await onwards(browser, (await through(browser, elsewhere.source, person.id, query)).headers.location)
  assert.equal(denied.error_message, INVALID)
  assert.ok(await isOpen(pk))
})

test('of many who come back with one invitation, one gets in', async () => {
  const { source, flow } = await anEnrolment()
  const { query, pk } = await invite(flow, [], { single_use: true })
  const people = Array.from({ length: 8 }, () => aPersonAt(upstream))
  const browsers = await Promise.all(
    people.map(async person => {
      const browser = new FlowVisitor(app)
      await browser.challenge(flow.slug, query)
      upstream.signsIn = person.id
      return browser
    }),
  )
  // The upstream signs in one after the other; what comes then happens at once.
  for (const [index, person] of people.entries())
    await onwards(browsers[index]!, (await through(browsers[index]!, source, person.id)).headers.location)
  const ends = await Promise.all(browsers.map(browser => browser.challenge(flow.slug, query, { name: 'N' })))
  assert.equal(ends.filter(end => end.component === 'xak-flow-redirect').length, 1)
  assert.equal(ends.filter(end => /already used|not found/.test(String(end.error_message))).length, 7)
  assert.equal((await Promise.all(people.map(person => account(person.username)))).filter(Boolean).length, 1)
  assert.equal(await isOpen(pk), false)
})

test('an invitation that ended while the person was away opens nothing', async () => {
  const { source, flow } = await anEnrolment()
  const row = await createObject(ctx, Invitation, { name: unique('invitation'), flow: flow.flow_uuid })
  const query = `itoken=${String(row.invite_uuid)}`
  const browser = new FlowVisitor(app)
  await browser.challenge(flow.slug, query)
  const person = aPersonAt(upstream)
  await ctx.db
    .deleteFrom('invitation')
    .where('invite_uuid', '=', row.invite_uuid as string)
    .execute()
  const denied = await onwards(browser, (await through(browser, source, person.id)).headers.location)
  assert.equal(denied.error_message, INVALID)
  assert.equal(await account(person.username), undefined)
})

test('an invitation that a mailed link brought back survives the way to a source, too', async () => {
  const { source, flow } = await anEnrolment()
  const vip = await aGroup(ctx)
  const { query, pk } = await invite(flow, [vip.group_uuid], { single_use: true })
  const first = new FlowVisitor(app)
  await first.challenge(flow.slug, query)
  const session = await ctx.db
    .selectFrom('session')
    .selectAll()
    .where('session_hash', '=', hashToken(keyFromCookie(ctx, first.cookies.get('authentik_session')!)!))
    .executeTakeFirstOrThrow()
  const plan = (await loadPlan(ctx, (session.data as Row)[PLAN]))!
  const token = await createFlowToken(ctx, plan, { user: null, expires: new Date(ctx.now().getTime() + 60_000) })
  const browser = new FlowVisitor(app)
  assert.equal((await browser.challenge(flow.slug, `flow_token=${token}`)).component, 'ak-stage-identification')
  const person = aPersonAt(upstream)
  const back = await through(browser, source, person.id)
  assert.equal((await onwards(browser, back.headers.location)).component, 'ak-stage-prompt')
  const { search } = new URL(String(back.headers.location), 'https://id.example.test')
  assertDone(await browser.challenge(flow.slug, search.slice(1), { name: 'N' }), '/if/user/')
  assert.ok((await groupsOf(person.username)).includes(vip.name))
  assert.equal(await isOpen(pk), false)
})
