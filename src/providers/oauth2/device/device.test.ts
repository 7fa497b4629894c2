import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aUser } from '../../../../test/builders.ts'
import { assertFits } from '../../../../test/contract/schema.ts'
import { expire, letIn as agree, movePlan } from '../../../../test/oauth2.ts'
import { Visitor } from '../../../../test/visitor.ts'
import { aBrowser, aParty, aSignedInBrowser, oauthServer, type Party, type SignedIn } from '../fixture.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

const begin = (party: Party, form: Record<string, string> = { scope: 'openid email' }) => party.post('device', form)
const ask = (party: Party, code: string) => party.token({ grant_type: GRANT, device_code: code })

/** The person at the page: opens the address, says yes to what it asks. */
async function letIn(browser: Visitor, address: string): Promise<void> {
  const done = await agree(browser, address)
  assertFits('ChallengeTypes', done)
  assert.equal(done.component, 'ak-provider-oauth2-device-code-finish')
}

/** What the page asks whoever opens the address with the code in it. */
async function openPage(browser: Visitor, code: string) {
  const slug = /\/if\/flow\/([^/]+)\//.exec((await browser.follow(`/device?code=${code}`)).path)![1]!
  return { slug, asked: await browser.challenge(slug, '') }
}

test('a device gets tokens once somebody has let it in (RFC 8628 §3)', async () => {
  const party = await aParty()
  const { browser, user } = await aSignedInBrowser()
  const begun = await begin(party, { scope: 'openid email offline_access' })
  assert.equal(begun.status, 200)
  assert.equal(begun.headers['cache-control'], 'no-store')
  const { device_code: code, user_code: userCode, verification_uri: page, verification_uri_complete: complete } = begun.body
  assert.match(code, /^.{128}$/)
  assert.match(userCode, /^\d{9}$/)
  assert.match(page, /\/device$/)
  assert.equal(complete, `${page}?code=${userCode}`)
  assert.equal(begun.body.interval, 5)
  assert.partialDeepStrictEqual(await ask(party, code), { status: 400, body: { error: 'authorization_pending' } })
  await letIn(browser, `/device?code=${userCode}`)
  const tokens = await ask(party, code)
  assert.equal(tokens.status, 200, tokens.text)
  assert.ok(tokens.body.refresh_token)
  assert.equal((await party.userinfo(tokens.body.access_token)).body.email, user.email)
  const { results } = (
    await party.server.admin.get(`/api/v3/events/events/?action=authorize_application&username=${String(user.username)}`)
  ).body
  assert.equal(results.length, 1)
})

test('the code is typed where the address has none, and a wrong one says nothing about others', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  const opened = await browser.follow('/device')
  assert.match(opened.path, /\/if\/flow\/default-device-code-flow\//)
  const asked = await browser.challenge('default-device-code-flow', '')
  assertFits('ChallengeTypes', asked)
  assert.equal(asked.component, 'ak-provider-oauth2-device-code')
  const answer = (code: string) => browser.challenge('default-device-code-flow', '', { component: 'ak-provider-oauth2-device-code', code })
  for (const wrong of ['000000000', 'nonsense', `${body.user_code}1`]) {
    assert.deepEqual((await answer(wrong)).response_errors, { code: [{ string: 'Invalid code', code: 'invalid' }] })
  }
  const typed = `${body.user_code.slice(0, 3)}-${body.user_code.slice(3, 6)} ${body.user_code.slice(6)}`
  const next = await answer(typed)
  assert.ok(['ak-stage-consent', 'xak-flow-redirect'].includes(next.component), next.component)
})

test('whoever is not signed in does that first and comes back to the code', async () => {
  const party = await aParty()
  const { body } = await begin(party)
  const opened = await (await aBrowser()).request('GET', `/device?code=${body.user_code}`)
  assert.equal(opened.status, 302)
  assert.match(String(opened.headers.location), new RegExp(`next=.*device.*${body.user_code}`))
})

test('19 the application is asked whether this person may, at the page and again at the token', async () => {
  const party = await aParty()
  const { ctx, admin } = party.server
  const group = await aGroup(ctx)
  const bound = await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
  assert.equal(bound.status, 201)
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  const refused = await browser.follow(`/device?code=${body.user_code}`)
  assert.match(refused.answer.text, /Permission denied|Request has been denied/)
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'authorization_pending' } })

  const member = await aUser(ctx)
  await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/add_user/`, { pk: member.id })
  const { browser: theirs } = await aSignedInBrowser(member)
  await letIn(theirs, `/device?code=${body.user_code}`)
  await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/remove_user/`, { pk: member.id })
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { status: 400, body: { error: 'invalid_grant' } })
})

test('19 a device code is redeemed once, whoever asks at the same moment, and a second use ends what the first bought', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  await letIn(browser, `/device?code=${body.user_code}`)
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(party, body.device_code)))
  const winners = answers.filter(answer => answer.status === 200)
  assert.equal(winners.length, 1)
  assert.ok(answers.every(answer => answer.status === 200 || answer.body.error === 'invalid_grant'))
  assert.equal((await party.userinfo(winners[0]!.body.access_token)).status, 401)
})

test('19 who loses access while being asked does not let the device in', async () => {
  const party = await aParty()
  const { ctx, admin } = party.server
  const group = await aGroup(ctx)
  await admin.post('/api/v3/policies/bindings/', { target: party.application.pk, group: group.group_uuid, order: 0 })
  const { browser, user } = await aSignedInBrowser(await aUser(ctx, { groups: [group.group_uuid] }))
  const { body } = await begin(party)
  const { slug, asked } = await openPage(browser, body.user_code)
  await admin.post(`/api/v3/core/groups/${String(group.group_uuid)}/remove_user/`, { pk: user.id })
  const done = await browser.challenge(slug, '', { component: asked.component, token: asked.token })
  assert.equal(done.component, 'ak-stage-access-denied')
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'authorization_pending' } })
})

test('19 of two people who are asked for one device the first lets it in, and no question moves to another person', async () => {
  const party = await aParty()
  const { body } = await begin(party)
  const [one, two, three] = [await aSignedInBrowser(), await aSignedInBrowser(), await aSignedInBrowser()]
  const opened = { one: await openPage(one.browser, body.user_code), two: await openPage(two.browser, body.user_code) }
  await movePlan(one, three)
  const answer = (who: typeof one, { slug, asked }: typeof opened.one) =>
    who.browser.challenge(slug, '', { component: asked.component, token: asked.token })
  assert.equal((await answer(three, opened.one)).component, 'ak-stage-access-denied')
  assert.equal((await answer(one, opened.one)).component, 'ak-provider-oauth2-device-code-finish')
  assert.equal((await answer(two, opened.two)).component, 'ak-stage-access-denied')
  assert.equal((await party.userinfo((await ask(party, body.device_code)).body.access_token)).body.email, one.user.email)
})

test('16 a device gets nothing once the session or the consent of who let it in is gone', async () => {
  const { admin } = (await aParty()).server
  const ways: Record<string, (person: SignedIn) => Promise<unknown>> = {
    'a session that is over': expire,
    'a consent that was withdrawn': async ({ browser }) => {
      const [consent] = (await browser.get('/api/v3/core/user_consent/')).body.results
      assert.equal((await admin.delete(`/api/v3/core/user_consent/${consent.pk}/`)).status, 204)
    },
    'a consent that was withdrawn in its row alone': async ({ user }) =>
      (await oauthServer()).ctx.db
        .deleteFrom('user_consent')
        .where('user', '=', user.id as number)
        .execute(),
  }
  for (const [what, take] of Object.entries(ways)) {
    const party = await aParty({ consent: 'explicit' })
    const person = await aSignedInBrowser()
    const { body } = await begin(party)
    await letIn(person.browser, `/device?code=${body.user_code}`)
    await take(person)
    assert.partialDeepStrictEqual(await ask(party, body.device_code), { status: 400, body: { error: 'invalid_grant' } }, what)
  }
})

test('a device code that comes again after its time is over, and nothing more', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  await letIn(browser, `/device?code=${body.user_code}`)
  party.server.clock.advance(body.expires_in * 1000)
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { status: 400, body: { error: 'expired_token' } })
})

test('14 a device code is of no use to another client', async () => {
  const [party, other] = [await aParty(), await aParty()]
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  await letIn(browser, `/device?code=${body.user_code}`)
  assert.partialDeepStrictEqual(await ask(other, body.device_code), { status: 400, body: { error: 'invalid_grant' } })
  assert.equal((await ask(party, body.device_code)).status, 200)
})

test('a device that asks too often is slowed down, and one that is late is told so (RFC 8628 §3.5)', async () => {
  const party = await aParty()
  const { clock } = party.server
  const { body } = await begin(party)
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'authorization_pending' } })
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'slow_down' } })
  clock.advance(6_000) // enough before, not any more
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'slow_down' } })
  clock.advance(60_000)
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'authorization_pending' } })
  clock.advance(body.expires_in * 1000)
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'expired_token' } })
})

test('a confidential client proves itself, one without the grant is refused, and discovery says where to begin', async () => {
  const party = await aParty()
  const wrong = await party.post('device', { client_secret: 'wrong', client_id: party.clientId }, { basic: false })
  assert.partialDeepStrictEqual(wrong.body, { error: 'invalid_client' })
  const metadata = async () => (await party.server.client().get(`/application/o/${party.slug}/.well-known/openid-configuration`)).body
  assert.match((await metadata()).device_authorization_endpoint, /\/application\/o\/device\/$/)
  await party.change({ grant_types: ['authorization_code'] })
  assert.partialDeepStrictEqual((await begin(party)).body, { error: 'unauthorized_client' })
  assert.equal((await metadata()).device_authorization_endpoint, undefined)
})

test('a device that somebody refuses hears access_denied, now and later (RFC 8628 §3.5)', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  const opened = await browser.follow(`/device?code=${body.user_code}`)
  const slug = /\/if\/flow\/([^/]+)\//.exec(opened.path)![1]!
  const asked = await browser.challenge(slug, '')
  const refused = await browser.challenge(slug, '', { component: 'ak-stage-consent', token: asked.token, decline: true })
  assertFits('ChallengeTypes', refused)
  assert.partialDeepStrictEqual(refused, { component: 'ak-stage-access-denied', error_message: 'The device was not connected.' })
  for (let time = 0; time < 2; time++)
    assert.partialDeepStrictEqual(await ask(party, body.device_code), { status: 400, body: { error: 'access_denied' } })
  // Nobody lets it in after that.
  const other = await aSignedInBrowser()
  assert.match((await other.browser.follow(`/device?code=${body.user_code}`)).path, /default-device-code-flow/)
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'access_denied' } })
})

test('19 of a yes and a no in two windows the first counts', async () => {
  const party = await aParty()
  const { body } = await begin(party)
  const [yes, no] = await Promise.all([aSignedInBrowser(), aSignedInBrowser()])
  const questions = []
  for (const { browser } of [yes, no]) {
    const opened = await browser.follow(`/device?code=${body.user_code}`)
    const slug = /\/if\/flow\/([^/]+)\//.exec(opened.path)![1]!
    questions.push({ slug, token: (await browser.challenge(slug, '')).token as string })
  }
  const [ours, theirs] = questions
  await no.browser.challenge(theirs!.slug, '', { component: 'ak-stage-consent', token: theirs!.token, decline: true })
  const late = await yes.browser.challenge(ours!.slug, '', { component: 'ak-stage-consent', token: ours!.token })
  assert.equal(late.component, 'ak-stage-access-denied')
  assert.partialDeepStrictEqual(await ask(party, body.device_code), { body: { error: 'access_denied' } })
})

test('46 nobody fills up the codes: a client begins twenty times an hour from one address', async () => {
  const party = await aParty()
  for (let time = 0; time < 20; time++) assert.equal((await begin(party)).status, 200)
  assert.partialDeepStrictEqual(await begin(party), { status: 429, body: { error: 'slow_down' } })
})

test('46 a code that is over is no code', async () => {
  const party = await aParty()
  const { clock } = party.server
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  clock.advance(body.expires_in * 1000)
  await browser.follow('/device')
  const code = { component: 'ak-provider-oauth2-device-code', code: body.user_code }
  assert.ok((await browser.challenge('default-device-code-flow', '', code)).response_errors)
})

test('46 codes are not guessed: after twenty tries a right one is wrong too', async () => {
  const party = await aParty()
  // Tries count by address, and others come from the usual one.
  const browser = new Visitor(party.server.app, { 'x-forwarded-for': '198.51.100.46' })
  for (const [name, value] of (await aSignedInBrowser()).browser.cookies) browser.cookies.set(name, value)
  const { body } = await begin(party)
  await browser.follow('/device')
  const answer = (code: string) => browser.challenge('default-device-code-flow', '', { component: 'ak-provider-oauth2-device-code', code })
  for (let attempt = 0; attempt < 21; attempt++) await answer(String(100_000_000 + attempt))
  assert.deepEqual((await answer(body.user_code)).response_errors, { code: [{ string: 'Invalid code', code: 'invalid' }] })
})

test('46 codes that are right are no guesses, however many come from one address', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { body } = await begin(party)
  for (let times = 0; times < 25; times++) {
    await browser.follow('/device')
    const code = { component: 'ak-provider-oauth2-device-code', code: body.user_code }
    assert.equal((await browser.challenge('default-device-code-flow', '', code)).response_errors, undefined)
  }
})
