import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { JWTPayload } from 'jose'
import { aUser } from '../../../test/builders.ts'
import { FlowVisitor } from '../../../test/flows.ts'
import { anOpenIDProvider } from '../../../test/upstreams/openid.ts'
import { aPersonAt, aSource, onwards, sourceServer, through, whoami, type TestSource } from '../../../test/upstreams/sign-in.ts'

const server = await sourceServer()
const { app, ctx, admin } = server
const upstream = await anOpenIDProvider([])
after(upstream.close)

const tell = (source: TestSource, token: string) =>
  new FlowVisitor(app).request('POST', `/source/oauth/logout/${source.slug}/`, { form: { logout_token: token } })

async function signedIn(source: TestSource, person: string) {
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person)
  await onwards(browser, back.headers.location)
  return browser
}

/** What the source called this browser's session. */
async function sidOf(username: string): Promise<string> {
  const row = await ctx.db
    .selectFrom('source_session')
    .innerJoin('session', 'session.session_hash', 'source_session.session')
    .innerJoin('user', 'user.id', 'session.user')
    .select('source_session.sid')
    .where('user.username', '=', username)
    .orderBy('session.created', 'desc')
    .executeTakeFirstOrThrow()
  return row.sid!
}

test('a source ends the session that came of it, and that one alone', async () => {
  const source = await aSource(server, upstream)
  const person = aPersonAt(upstream)
  const [one, two] = [await signedIn(source, person.id), await signedIn(source, person.id)]
  const sid = await sidOf(person.username)
  const said = await tell(source, await upstream.logoutToken(source.registration, { sub: person.id, sid }))
  assert.deepEqual([said.status, said.headers['cache-control'], said.text], [200, 'no-store', ''])
  assert.equal((await Promise.all([whoami(one), whoami(two)])).filter(Boolean).length, 1)
  assert.equal((await tell(source, await upstream.logoutToken(source.registration, { sub: person.id }))).status, 200)
  assert.deepEqual(await Promise.all([whoami(one), whoami(two)]), [undefined, undefined])
  const events = (await admin.get(`/api/v3/events/events/?actions=logout&username=${person.username}`)).body.results
  assert.equal(events.length, 2)
})

test('sessions that came of something else stay', async () => {
  const source = await aSource(server, upstream)
  const person = aPersonAt(upstream)
  const user = await aUser(ctx, { password: 'a long password' })
  const browser = new FlowVisitor(app)
  await browser.signIn(String(user.username), 'a long password')
  await through(browser, source, person.id)
  assert.equal((await tell(source, await upstream.logoutToken(source.registration, { sub: person.id }))).status, 200)
  assert.equal(await whoami(browser), user.username)
})

test('only a token of the source, for us, about a sign-out, ends anything, and once', async () => {
  const source = await aSource(server, upstream)
  const other = await aSource(server, upstream)
  const person = aPersonAt(upstream)
  const browser = await signedIn(source, person.id)
  const make = (claims: JWTPayload) => upstream.logoutToken(source.registration, { sub: person.id, ...claims })
  const now = Math.floor(ctx.now().getTime() / 1000)
  const bad: [string, string][] = [
    ['nothing', ''],
    ['no token', 'a.b.c'],
    ['another audience', await upstream.logoutToken(other.registration, { sub: person.id })],
    ['another issuer', await make({ iss: 'https://evil.example.test' })],
    ['a nonce', await make({ nonce: 'n' })],
    ['no events', await make({ events: {} })],
    ['no identifier', await make({ jti: undefined })],
    ['nobody', await make({ sub: undefined })],
    ['an old token', await make({ iat: now - 3600, exp: now + 3600 })],
    ['an expired token', await make({ exp: now - 120 })],
    [
      'an access token',
      await upstream.sign({ iss: upstream.origin, aud: source.registration.client_id, sub: person.id }, { typ: 'at+jwt' }),
    ],
    ['an unsigned one', `${btoa('{"alg":"none"}').replaceAll('=', '')}.${(await make({})).split('.')[1]}.`],
  ]
  for (const [what, token] of bad) {
    const said = await tell(source, token)
    assert.deepEqual([what, said.status], [what, 400])
  }
  assert.equal(await whoami(browser), person.username)
  const good = await make({})
  assert.equal((await tell(source, good)).status, 200)
  const again = await tell(source, good)
  assert.deepEqual([again.status, again.body.error_description], [400, 'The logout token was taken before.'])
  assert.equal((await tell({ ...source, slug: 'no-such-source' }, good)).status, 404)
})
