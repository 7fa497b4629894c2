import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { aUser, unique } from '../../../test/builders.ts'
import { aFlow, aForm, assertDone, FlowVisitor } from '../../../test/flows.ts'
import { anOpenIDProvider } from '../../../test/upstreams/openid.ts'
import { aPersonAt, aSource, onwards, sourceServer, whoami } from '../../../test/upstreams/sign-in.ts'
import { visit } from '../../../test/upstreams/visit.ts'
import { SourceStage } from './model.ts'

const server = await sourceServer()
const { app, ctx, admin, clock } = server
const upstream = await anOpenIDProvider([])
after(upstream.close)

/** A flow that asks for something, sends people to a source, and shows a last page. */
async function aFlowThrough(source: Row, values: Row = {}) {
  const stage = await createObject(ctx, SourceStage, { name: unique('source'), source: source.pk, ...values })
  return aFlow(ctx, [await aForm(ctx, [{ field_key: 'nickname' }]), stage, 'dummy'])
}

/** Answers the form and goes to the source; what the callback answers. */
async function there(browser: FlowVisitor, slug: string, person: string, query = '') {
  await browser.challenge(slug, query)
  const sent = await browser.challenge(slug, query, { nickname: 'Nick' })
  assert.deepEqual([sent.component, sent.final_redirect], ['xak-flow-redirect', false])
  upstream.signsIn = person
  const back = await visit(upstream, sent.to as string)
  return browser.get(back.pathname + back.search)
}

test('a source in the middle of a flow signs somebody in, and the flow goes on with what it had', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  const user = await aUser(ctx)
  const person = aPersonAt(upstream, { email: String(user.email) })
  const { slug } = await aFlowThrough(source.row)
  const browser = new FlowVisitor(app)
  const back = await there(browser, slug, person.id, 'next=%2Fif%2Fuser%2F%3Fthen')
  assert.match(String(back.headers.location), /^\/if\/flow\/default-source-authentication\//)
  const resumed = await onwards(browser, back.headers.location)
  assert.deepEqual([resumed.component, resumed.final_redirect], ['xak-flow-redirect', false])
  assert.equal(new URL(resumed.to as string, 'https://x').pathname, `/if/flow/${slug}/`)
  assert.equal(await whoami(browser), user.username)
  assert.equal((await onwards(browser, resumed.to)).component, 'ak-stage-dummy')
  assertDone(await browser.challenge(slug, 'next=%2Fif%2Fuser%2F%3Fthen', {}), '/if/user/?then')
})

test('what somebody proved before the source is not taken for a proof of another', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  const [first, second] = [await aUser(ctx, { password: 'a long password' }), await aUser(ctx)]
  const person = aPersonAt(upstream, { email: String(second.email) })
  const stage = await createObject(ctx, SourceStage, { name: unique('source'), source: source.row.pk })
  const { slug } = await aFlow(ctx, ['identification', 'password', stage, 'user_login'])
  const browser = new FlowVisitor(app)
  await browser.challenge(slug)
  await browser.challenge(slug, '', { uid_field: first.username })
  const sent = await browser.challenge(slug, '', { password: 'a long password' })
  upstream.signsIn = person.id
  const back = await visit(upstream, sent.to as string)
  const led = await browser.get(back.pathname + back.search)
  const resumed = await onwards(browser, led.headers.location)
  assert.equal((await onwards(browser, resumed.to)).final_redirect, true)
  assert.equal(await whoami(browser), second.username)
  const session = await ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', second.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(session.auth_method, null)
})

test('whoever takes too long begins again', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  const user = await aUser(ctx)
  const person = aPersonAt(upstream, { email: String(user.email) })
  const { slug } = await aFlowThrough(source.row, { resume_timeout: 'minutes=1' })
  const browser = new FlowVisitor(app)
  const back = await there(browser, slug, person.id)
  clock.advance(61_000)
  const late = await onwards(browser, back.headers.location)
  clock.reset()
  assert.deepEqual(
    [late.component, late.error_message],
    ['ak-stage-access-denied', 'It took too long to come back from the source. Please begin again.'],
  )
})

test('a source that does not tell what is compared keeps the flow from going on, unless the stage bears it', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  for (const bears of [false, true]) {
    const person = aPersonAt(upstream, { email: null })
    const { slug } = await aFlowThrough(source.row, { resume_on_match_failures: bears ? ['missing_property'] : [] })
    const browser = new FlowVisitor(app)
    const back = await there(browser, slug, person.id)
    if (bears) assert.equal((await onwards(browser, back.headers.location)).component, 'ak-stage-dummy')
    else assert.match(back.text, /has been denied/)
    assert.equal(await whoami(browser), undefined)
  }
})

test('a source that is switched off, or has no way for browsers, ends the flow', async () => {
  const { body: builtIn } = await admin.get('/api/v3/sources/all/authentik-built-in/')
  const source = await aSource(server, upstream, { enabled: false })
  for (const row of [source.row, builtIn as Row]) {
    const { slug } = await aFlowThrough(row)
    const browser = new FlowVisitor(app)
    await browser.challenge(slug)
    const denied = await browser.challenge(slug, '', { nickname: 'Nick' })
    assert.equal(denied.error_message, 'There is no way to this source.')
  }
})
