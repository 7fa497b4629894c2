import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import type { Row } from '../../../api/model.ts'
import { endSessionsOf } from '../../../core/session/session.ts'
import { outgoingOf, useOutgoing } from '../../../http/outgoing/client.ts'
import type { Allowed } from '../../../http/outgoing/addresses.ts'
import { makeOutgoing } from '../../../http/outgoing/outgoing.ts'
import { jobs } from '../../../tasks/jobs.ts'
import { makeRunner } from '../../../tasks/runner.ts'
import { aParty, aSignedInBrowser, oauthServer, type Party, type SignedIn } from '../fixture.ts'

/** An application that listens for ends of sessions. */
const heard: { path: string; body: URLSearchParams; type: string | undefined }[] = []
let status = 200
const application = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
  request.on('end', () => {
    heard.push({ path: request.url!, body: new URLSearchParams(body), type: request.headers['content-type'] })
    response.writeHead(status).end()
  })
})
let listening: Promise<string> | undefined
const originOf = (): Promise<string> =>
  (listening ??= new Promise(resolve => {
    application.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(application.address() as AddressInfo).port}`)).unref()
  }))

/** Lets the server of the tests reach applications on this machine while one of them runs: it is shared with others. */
async function reaching(t: TestContext, allow: Allowed[] = [{ host: '127.0.0.1' }]): Promise<void> {
  const { config } = (await oauthServer()).deps
  const usual = outgoingOf(config)
  useOutgoing(config, makeOutgoing(allow))
  t.after(() => useOutgoing(config, usual))
}

const aListener = async (name: string, more: Row = {}): Promise<Party> =>
  aParty({ logout_uri: `${await originOf()}/${name}`, logout_method: 'backchannel', ...more })

/** What the application hears when the runner looks for work; other tests’ notices are not looked at. */
async function toldTo(name: string) {
  const { ctx } = await oauthServer()
  await makeRunner(ctx, jobs).step()
  return heard.filter(({ path }) => path === `/${name}`)
}

async function signedIn(party: Party): Promise<SignedIn & { idToken: string; access: string }> {
  const signed = await aSignedInBrowser()
  const tokens = await party.tokens(signed.browser)
  return { ...signed, idToken: tokens.id_token, access: tokens.access_token }
}

test('31 an application is told of a session’s end, with a token that is only that (OIDC Back-Channel Logout §2)', async t => {
  await reaching(t)
  const party = await aListener('one')
  const { ctx, clock } = party.server
  const { user, session, idToken } = await signedIn(party)
  assert.deepEqual(await toldTo('one'), [])
  await endSessionsOf(ctx, user.id as number)
  const [notice, ...more] = await toldTo('one')
  assert.equal(more.length, 0)
  assert.match(String(notice!.type), /^application\/x-www-form-urlencoded/)
  assert.deepEqual([...notice!.body.keys()], ['logout_token'])
  const keys = createLocalJWKSet((await party.server.client().get(`/application/o/${party.slug}/jwks/`)).body)
  const options = { issuer: party.issuer, audience: party.clientId, typ: 'logout+jwt', currentDate: ctx.now() }
  const { payload } = await jwtVerify(notice!.body.get('logout_token')!, keys, options)
  const { sub, sid } = decodeJwt(idToken)
  assert.deepEqual([payload.sub, payload.sid], [sub, sid])
  assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
  assert.equal(payload.nonce, undefined)
  assert.ok(payload.jti)
  assert.equal(payload.exp! - payload.iat!, 120)
  clock.advance(86_400_000)
  assert.equal((await toldTo('one')).length, 1, 'once')
  assert.ok(session)
})

test('every way in which a session ends is told: by its owner’s sign-out, an administrator, the account’s deletion, its own age', async t => {
  await reaching(t)
  const party = await aListener('ways')
  const { admin, ctx, clock } = party.server
  const ways: Record<string, (signed: SignedIn) => Promise<unknown>> = {
    'sign-out': ({ browser }) => browser.challenge('default-invalidation-flow', ''),
    administrator: ({ session }) => admin.delete(`/api/v3/core/authenticated_sessions/${session.uuid}/`),
    'deleted account': ({ user }) => admin.delete(`/api/v3/core/users/${String(user.id)}/`),
    'disabled account': ({ user }) => admin.patch(`/api/v3/core/users/${String(user.id)}/`, { is_active: false }),
    age: async () => clock.advance(86_400_000),
  }
  let count = 0
  for (const [way, end] of Object.entries(ways)) {
    const signed = await signedIn(party)
    await end(signed)
    const told = await toldTo('ways')
    assert.equal(told.length, ++count, way)
    assert.equal((await party.userinfo(signed.access)).status, 401, way)
  }
  assert.ok(ctx)
})

test('one notice an application and session, however many tokens; none where it wants none', async t => {
  await reaching(t)
  const [party, silent] = [await aListener('many'), await aListener('silent', { logout_method: 'frontchannel' })]
  const { browser, user } = await aSignedInBrowser()
  await party.tokens(browser)
  await party.tokens(browser)
  await silent.tokens(browser)
  await endSessionsOf(party.server.ctx, user.id as number)
  assert.equal((await toldTo('many')).length, 1)
  assert.equal((await toldTo('silent')).length, 0)
})

test('an application that does not answer well is told again later, and not for ever', async t => {
  await reaching(t)
  const party = await aListener('again')
  const { ctx, clock } = party.server
  const { user } = await signedIn(party)
  status = 503
  await endSessionsOf(ctx, user.id as number)
  assert.equal((await toldTo('again')).length, 1)
  assert.equal((await toldTo('again')).length, 1, 'not at once')
  assert.ok((await makeRunner(ctx, jobs).step())! <= new Date(ctx.now().getTime() + 10_000), 'the runner knows when')
  for (const [index, wait] of [10_000, 60_000, 300_000, 1_800_000, 3_600_000].entries()) {
    clock.advance(wait + 1)
    assert.equal((await toldTo('again')).length, index + 2)
  }
  clock.advance(86_400_000)
  assert.equal((await toldTo('again')).length, 6)
  status = 200
})

test('79 an address that may not be reached is not reached', async t => {
  const party = await aListener('refused')
  const { user } = await signedIn(party)
  await reaching(t, [])
  await endSessionsOf(party.server.ctx, user.id as number)
  assert.deepEqual(await toldTo('refused'), [])
})

test('31 an application hears of a session’s end without anybody’s waiting: the clock stands still', async t => {
  await reaching(t)
  const party = await aListener('soon')
  const { ctx } = party.server
  const { user } = await signedIn(party)
  const runner = makeRunner(ctx, jobs)
  await runner.start()
  t.after(() => runner.stop(5_000))
  const told = new Promise<void>(resolve => {
    application.on('request', ({ url }) => url === '/soon' && resolve())
  })
  await endSessionsOf(ctx, user.id as number)
  await told
})

test('the session that ended stands in the logout token, whether a client says that it has to know or not (§2.2)', async t => {
  await reaching(t)
  for (const required of [true, false]) {
    const party = await aListener(`session-${required}`)
    const { ctx, admin } = party.server
    const values = { provider: party.provider.pk, backchannel_logout_session_required: required }
    assert.equal((await admin.post('/api/v3/signet/oauth2_clients/', values)).status, 201)
    const { user, idToken } = await signedIn(party)
    await endSessionsOf(ctx, user.id as number)
    const [notice] = await toldTo(`session-${required}`)
    assert.equal(decodeJwt(notice!.body.get('logout_token')!).sid, decodeJwt(idToken).sid)
  }
})
