import assert from 'node:assert/strict'
import { createPublicKey, createHmac } from 'node:crypto'
import { after, test } from 'node:test'
import type { JWTPayload } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { outgoingOf, useOutgoing } from '../../src/http/outgoing/client.ts'
import { aRole, aToken, aUser, unique } from '../builders.ts'
import { aFlow, aForm, assertDone, aStage, FlowVisitor } from '../flows.ts'
import { server as closedServer, type Answer } from '../harness.ts'
import { broken, endless, redirects, rewrites, says, silent, stalled, type Fault } from '../upstreams/faults.ts'
import { anOpenIDProvider } from '../upstreams/openid.ts'
import { aPersonAt, aSource, away, onwards, sourceServer, through, whoami, type TestSource } from '../upstreams/sign-in.ts'
import type { Person } from '../upstreams/upstream.ts'

/** Attacks on sign-in by login sources that succeeded elsewhere, each numbered as in the list of abuse cases. */

const server = await sourceServer()
const { app, ctx, admin, clock } = server
const upstream = await anOpenIDProvider([])
after(upstream.close)
const aPerson = (more: Partial<Person> = {}) => aPersonAt(upstream, more)

const browser = (headers?: Record<string, string>) => new FlowVisitor(app, headers)
const account = (username: string) => ctx.db.selectFrom('user').select('id').where('username', '=', username).executeTakeFirst()
const connectionsOf = (source: TestSource) =>
  ctx.db
    .selectFrom('user_source_connection')
    .select(['user', 'identifier'])
    .where('source', '=', source.row.pk as string)
    .execute()

async function signedIn(more: Row = {}) {
  const user = await aUser(ctx, { ...more, password: 'a long password' })
  const visitor = browser()
  await visitor.signIn(String(user.username), 'a long password')
  return { user, visitor }
}

/** Nothing came of it: a page that says so, nobody signed in, no account, no connection, and an entry in the audit log. */
async function assertRefused(
  visitor: FlowVisitor,
  source: TestSource,
  answer: Answer,
  person: Person,
  text: RegExp | string = /Authentication failed: /,
) {
  assert.deepEqual([answer.status, answer.headers.location], [400, undefined], answer.text)
  if (typeof text === 'string') assert.ok(answer.text.includes(text), answer.text)
  else assert.match(answer.text, text)
  assert.equal(await whoami(visitor), undefined)
  assert.equal(await account(person.username), undefined)
  assert.deepEqual(
    (await connectionsOf(source)).filter(row => row.identifier === person.id),
    [],
  )
  const { results } = (await admin.get(`/api/v3/events/events/?actions=login_failed&search=${source.slug}`)).body
  assert.ok(results.some((event: Row) => (event.context as any).source?.name === source.slug))
}

const STATE = 'Authentication failed: State check failed.'

test('48 who somebody is comes from a completed callback alone, whatever is sent beside it', async () => {
  const source = await aSource(server, upstream)
  const victim = aPerson()
  const first = browser()
  await onwards(first, (await through(first, source, victim.id)).headers.location)

  // Identifiers in the address or a form are nothing.
  const claims = `identifier=${victim.id}&sub=${victim.id}&user=${victim.username}&id_token=x&access_token=x`
  for (const send of [
    (visitor: FlowVisitor) => visitor.get(`/source/oauth/callback/${source.slug}/?${claims}`),
    (visitor: FlowVisitor) => visitor.get(`/source/oauth/callback/${source.slug}/?${claims}&code=x&state=x`),
    (visitor: FlowVisitor) =>
      visitor.request('POST', `/source/oauth/callback/${source.slug}/`, { form: { code: 'x', state: 'x', sub: victim.id } }),
  ]) {
    const visitor = browser()
    await assertRefused(visitor, source, await send(visitor), { ...victim, username: 'nobody', id: 'nobody' }, STATE)
  }
  const json = await browser().request('POST', `/source/oauth/callback/${source.slug}/`, { body: { sub: victim.id } })
  assert.equal(json.status, 415)

  // Nor are they on the way through the flow that follows.
  const flow = await aFlow(ctx, [await aForm(ctx, [{ field_key: 'name' }]), await aStage(ctx, 'user_write'), 'user_login'], {
    designation: 'enrollment',
  })
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { enrollment_flow: flow.flow_uuid })
  const attacker = aPerson()
  const visitor = browser()
  await onwards(visitor, (await through(visitor, source, attacker.id, `sub=${victim.id}`)).headers.location)
  const end = await visitor.challenge(flow.slug, `identifier=${victim.id}`, {
    name: 'x',
    identifier: victim.id,
    sub: victim.id,
    pending_user: (await account(victim.username))!.id,
    source: source.row.pk,
    'goauthentik.io/sources/connection': { identifier: victim.id },
  })
  assertDone(end, '/if/user/')
  assert.equal(await whoami(visitor), attacker.username)
  assert.deepEqual((await connectionsOf(source)).map(row => row.identifier).sort(), [attacker.id, victim.id].sort())

  // And nobody makes a connection by hand.
  const made = await admin.post('/api/v3/sources/user_connections/oauth/', { user: 1, source: source.row.pk, identifier: 'x' })
  assert.equal(made.status, 405)
})

test('48 the profile is that of the token, not of whoever the provider mentions beside it', async () => {
  const source = await aSource(server, upstream)
  const [person, victim] = [aPerson(), aPerson()]
  upstream.faults.set(
    '/me',
    rewrites(profile => ({ ...profile, sub: victim.id })),
  )
  const visitor = browser()
  const answer = await through(visitor, source, person.id)
  upstream.faults.delete('/me')
  await assertRefused(visitor, source, answer, person, 'The profile belongs to somebody else.')
  assert.equal(await account(victim.username), undefined)
})

test('49 a name alone connects nothing: its owner has to sign in first', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'username_link' })
  const user = await aUser(ctx, { password: 'a long password' })
  const attacker = aPerson({ username: String(user.username), email: String(user.email) })
  const visitor = browser()
  const back = await through(visitor, source, attacker.id)
  const asked = await onwards(visitor, back.headers.location)
  assert.equal(asked.component, 'ak-stage-password')
  assert.equal((await visitor.challenge('default-authentication-flow', '', { password: 'wrong' })).component, 'ak-stage-password')
  assert.deepEqual(await connectionsOf(source), [])
  // Signing in as somebody else on the way connects neither.
  const own = await aUser(ctx, { password: 'own password' })
  await visitor.get('/flows/-/cancel/')
  await visitor.signIn(String(own.username), 'own password')
  assert.deepEqual(await connectionsOf(source), [])
  assert.equal(await whoami(visitor), own.username)
})

test('49 a password without the second factor is no session that could be connected', async () => {
  const source = await aSource(server, upstream)
  const user = await aUser(ctx, { password: 'a long password' })
  const flow = await aFlow(ctx, ['identification', 'password', 'dummy', 'user_login'])
  const person = aPerson()
  const visitor = browser()
  await visitor.challenge(flow.slug)
  await visitor.challenge(flow.slug, '', { uid_field: user.username })
  assert.equal((await visitor.challenge(flow.slug, '', { password: 'a long password' })).component, 'ak-stage-dummy')
  await onwards(visitor, (await through(visitor, source, person.id)).headers.location)
  assert.equal(await whoami(visitor), person.username)
  assert.deepEqual(
    (await connectionsOf(source)).map(row => row.user),
    [(await account(person.username))!.id],
  )
})

test('49 another site, and an administrator behind the eyes of another, connect nothing', async () => {
  const source = await aSource(server, upstream)
  for (const site of ['cross-site', 'same-site']) {
    const { visitor } = await signedIn()
    const sent = await visitor.get(`/source/oauth/login/${source.slug}/`, { 'sec-fetch-site': site })
    assert.equal(sent.headers.location, '/if/user/#/settings;page-sources')
  }
  const { user: seen } = await signedIn()
  const { user: seer, visitor } = await signedIn()
  await aRole(ctx, seer, ['authentik_core.impersonate', 'authentik_core.view_user'])
  const looking = await visitor.request('POST', `/api/v3/core/users/${Number(seen.id)}/impersonate/`, { body: { reason: 'to see' } })
  assert.equal(looking.status, 204, looking.text)
  assert.equal(await whoami(visitor), seen.username)
  assert.equal((await visitor.get(`/source/oauth/login/${source.slug}/`)).headers.location, '/if/user/#/settings;page-sources')
})

test('49 no link to a page of ours leads on to a source: a browser that is signed in would connect what it meets there', async () => {
  const source = await aSource(server, upstream)
  const { visitor } = await signedIn()
  for (const next of [
    `/source/oauth/login/${source.slug}/`,
    `/%73ource/oauth/login/${source.slug}/`,
    `/if/../source/oauth/login/${source.slug}/`,
  ]) {
    const query = new URLSearchParams({ next }).toString()
    const answer = await visitor.challenge('default-authentication-flow', query)
    assert.notEqual(answer.to, next)
    const cancelled = await visitor.get(`/flows/-/cancel/?${query}`)
    assert.equal(cancelled.headers.location, '/flows/-/default/invalidation/')
  }
  const back = await through(
    browser(),
    source,
    aPerson().id,
    new URLSearchParams({ next: `/source/oauth/login/${source.slug}/` }).toString(),
  )
  assert.ok(!String(back.headers.location).includes('next'), String(back.headers.location))
})

test('49 whoever signs out, or in as another, while away connects nothing', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const { visitor } = await signedIn()
  const path = await away(visitor, source, person.id)
  await visitor.challenge('default-invalidation-flow', '')
  const other = await aUser(ctx, { password: 'a long password' })
  await visitor.signIn(String(other.username), 'a long password')
  const answer = await visitor.get(path)
  assert.deepEqual([answer.status, answer.text.includes(STATE)], [400, true])
  assert.deepEqual(await connectionsOf(source), [])
})

test('49 a session that ends while the source is asked connects nothing', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const { user, visitor } = await signedIn()
  const path = await away(visitor, source, person.id)
  upstream.faults.set('/me', (_response, answer) => {
    void ctx.db
      .deleteFrom('session')
      .where('user', '=', user.id as number)
      .execute()
      .then(answer)
  })
  const refused = await visitor.get(path)
  upstream.faults.delete('/me')
  assert.deepEqual([refused.status, refused.text.includes(STATE)], [400, true])
  assert.deepEqual(await connectionsOf(source), [])
})

test('50 an address that the source does not vouch for connects nothing', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  const user = await aUser(ctx)
  for (const emailVerified of [false, undefined]) {
    const visitor = browser()
    const answer = await through(visitor, source, aPerson({ email: String(user.email), emailVerified }).id)
    assert.match(answer.text, /has been denied/)
    assert.equal(await whoami(visitor), undefined)
  }
  // A mapping that brings another address brings no proof of it.
  const mapping = await admin.post('/api/v3/propertymappings/source/oauth/', {
    name: unique('mapping'),
    expression: `return {"email": "${String(user.email)}"}`,
  })
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { user_property_mappings: [mapping.body.pk] })
  assert.match((await through(browser(), source, aPerson().id)).text, /has been denied/)
  assert.deepEqual(await connectionsOf(source), [])
})

test('50 a proof is for one source and one identity', async () => {
  const [one, two] = [await aSource(server, upstream, { user_matching_mode: 'email_link' }), await aSource(server, upstream)]
  const user = await aUser(ctx)
  const owner = aPerson({ email: String(user.email) })
  const first = browser()
  await onwards(first, (await through(first, one, owner.id)).headers.location)
  assert.equal(await whoami(first), user.username)
  // The same person at another source is somebody new there.
  const elsewhere = browser()
  await onwards(elsewhere, (await through(elsewhere, two, owner.id)).headers.location)
  assert.equal(await whoami(elsewhere), owner.username)
  // What was proven for one identity is not carried to the next one that the browser brings.
  const third = browser()
  await through(third, one, owner.id)
  const attacker = aPerson()
  await onwards(third, (await through(third, one, attacker.id)).headers.location)
  assert.equal(await whoami(third), attacker.username)
  assert.deepEqual(
    new Map((await connectionsOf(one)).map(row => [row.identifier, row.user])),
    new Map([
      [owner.id, user.id],
      [attacker.id, (await account(attacker.username))!.id],
    ]),
  )
})

test('51 an answer counts once', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const visitor = browser()
  const path = await away(visitor, source, person.id)
  const answers = await Promise.all(Array.from({ length: 20 }, () => visitor.get(path)))
  assert.equal(answers.filter(answer => answer.status === 302).length, 1)
  assert.equal(answers.filter(answer => answer.status === 400 && answer.text.includes(STATE)).length, 19)
  assert.equal((await visitor.get(path)).status, 400)
})

test('51 an answer is for the browser that asked', async () => {
  const source = await aSource(server, upstream)
  const [attacker, person] = [browser(), aPerson()]
  const path = await away(attacker, source, person.id)
  // Neither one without a session, nor one that is away at the same source itself.
  const victim = browser()
  await away(victim, source, aPerson().id)
  for (const visitor of [browser(), victim, (await signedIn()).visitor]) {
    const before = await whoami(visitor)
    const answer = await visitor.get(path)
    assert.deepEqual([answer.status, answer.text.includes(STATE)], [400, true])
    assert.equal(await whoami(visitor), before)
  }
  // The one who asked lost nothing by that.
  assert.equal((await attacker.get(path)).status, 302)
})

test('51 an answer is for the source that was asked: mix-up', async () => {
  const [honest, evil] = [await aSource(server, upstream), await aSource(server, upstream)]
  const person = aPerson()
  const visitor = browser()
  const path = await away(visitor, honest, person.id)
  const bent = path.replace(`/${honest.slug}/`, `/${evil.slug}/`)
  await assertRefused(visitor, evil, await visitor.get(bent), person, STATE)
  // The state is spent by that, so that the code is worth nothing to whoever tried.
  await assertRefused(visitor, honest, await visitor.get(path), person, STATE)
})

test('51 an answer that names another issuer, or none where one is promised, is refused (RFC 9207)', async () => {
  const source = await aSource(server, upstream)
  const document = '/.well-known/openid-configuration'
  upstream.faults.set(
    document,
    rewrites(found => ({ ...found, authorization_response_iss_parameter_supported: true })),
  )
  for (const iss of ['https://evil.example.test', '', undefined]) {
    const person = aPerson()
    const visitor = browser()
    const url = new URL(await away(visitor, source, person.id), 'https://id.example.test')
    url.searchParams.delete('iss')
    if (iss !== undefined) url.searchParams.set('iss', iss)
    const answer = await visitor.get(url.pathname + url.search)
    await assertRefused(visitor, source, answer, person, 'The answer is from somebody else than the source.')
  }
  upstream.faults.delete(document)
})

test('51 somebody who is away for longer than an hour begins again', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const visitor = browser()
  const path = await away(visitor, source, person.id)
  clock.advance(3_600_001)
  const answer = await visitor.get(path)
  clock.reset()
  assert.deepEqual([answer.status, answer.text.includes(STATE)], [400, true])
})

/** What a token endpoint answers, with another ID token. */
const withIdToken = (make: (claims: JWTPayload, token: string) => string | undefined | Promise<string | undefined>): Fault =>
  rewrites(async answer => {
    const token = answer.id_token as string
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as JWTPayload
    return { ...answer, id_token: await make(claims, token) }
  })

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('51, 22 an ID token that is not for this very sign-in, or not signed by the source, is refused', async () => {
  const source = await aSource(server, upstream)
  const keys = (await (await fetch(`${upstream.origin}/jwks`)).json()) as { keys: Row[] }
  const pem = createPublicKey({ key: keys.keys[0] as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const hs256 = (claims: JWTPayload, key: string) => {
    const input = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
  }
  const cases: Record<string, Parameters<typeof withIdToken>[0]> = {
    'another nonce': claims => upstream.sign({ ...claims, nonce: 'another' }),
    'no nonce': claims => upstream.sign({ ...claims, nonce: undefined }),
    'another audience': claims => upstream.sign({ ...claims, aud: 'somebody-else' }),
    'several audiences': claims => upstream.sign({ ...claims, aud: [source.registration.client_id, 'somebody-else'] }),
    'another authorized party': claims => upstream.sign({ ...claims, azp: 'somebody-else' }),
    'another issuer': claims => upstream.sign({ ...claims, iss: 'https://evil.example.test' }),
    'an end in the past': claims => upstream.sign({ ...claims, exp: Math.floor(ctx.now().getTime() / 1000) - 120 }),
    'a beginning in the future': claims => upstream.sign({ ...claims, iat: Math.floor(ctx.now().getTime() / 1000) + 3600 }),
    'no end': claims => upstream.sign({ ...claims, exp: undefined }),
    nobody: claims => upstream.sign({ ...claims, sub: undefined }),
    'no signature': claims => `${encoded({ alg: 'none' })}.${encoded(claims)}.`,
    'the public key as secret': claims => hs256(claims, pem),
    'our own secret': claims => hs256(claims, source.registration.client_secret),
    'another key': claims => upstream.sign(claims, { kid: 'another' }),
    'a changed body': (claims, token) => token.replace(/\.[^.]+\./, `.${encoded({ ...claims, sub: 'x' })}.`),
    'no token at all': () => undefined,
    'another type': () => 'text',
  }
  for (const [what, make] of Object.entries(cases)) {
    const person = aPerson()
    upstream.faults.set('/token', withIdToken(make))
    const visitor = browser()
    const answer = await through(visitor, source, person.id)
    assert.equal(answer.status, 400, what)
    await assertRefused(visitor, source, answer, person)
  }
  upstream.faults.delete('/token')
  assert.equal((await through(browser(), source, aPerson().id)).status, 302)
})

test('51 a key that the source began to use is found, once in a while', async () => {
  const source = await aSource(server, upstream)
  assert.equal((await through(browser(), source, aPerson().id)).status, 302)
  upstream.rotateKeys()
  const asked = () => upstream.asked.filter(one => one.path === '/jwks').length
  clock.hold() // half a minute after one look at the keys comes the next
  clock.advance(31_000)
  const before = asked()
  assert.equal((await through(browser(), source, aPerson().id)).status, 302, 'the new key is fetched')
  assert.equal(asked(), before + 1)
  upstream.faults.set(
    '/token',
    withIdToken(claims => upstream.sign(claims, { kid: 'unknown' })),
  )
  for (let round = 0; round < 5; round++) assert.equal((await through(browser(), source, aPerson().id)).status, 400)
  assert.equal(asked(), before + 1, 'unknown keys make nobody ask again and again')
  upstream.faults.delete('/token')
  clock.reset()
})

/** Requests of this server wait no longer than this: ms. */
const IMPATIENT = 300

test('51 a source that answers late, wrongly, hugely or with redirects lets nobody in', async () => {
  const source = await aSource(server, upstream)
  const usual = outgoingOf(ctx.config)
  useOutgoing(ctx.config, (url, request) => usual(url, { ...request, timeout: Math.min(request?.timeout ?? IMPATIENT, IMPATIENT) }))
  const nested = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`) as unknown
  const faults: Fault[] = [
    silent,
    stalled,
    broken,
    endless,
    redirects('https://evil.example.test/'),
    redirects(`${upstream.origin}/elsewhere`, 307),
    says(500, 'broken'),
    says(401, { error: 'invalid_client' }),
    says(200, 'no JSON'),
    says(200, []),
    says(200, 'null'),
    says(200, { access_token: 5, token_type: 'Bearer' }),
    says(200, { error: 'bad_verification_code' }),
    says(200, { access_token: 'x', id_token: 'x', deep: nested }),
    says(200, '{"access_token":"x"}', { 'content-encoding': 'gzip' }),
  ]
  for (const path of ['/token', '/me'] as const) {
    for (const fault of faults) {
      const person = aPerson()
      upstream.faults.set(path, fault)
      const visitor = browser()
      const answer = await through(visitor, source, person.id)
      upstream.faults.delete(path)
      await assertRefused(visitor, source, answer, person)
      assert.doesNotMatch(answer.text, /evil\.example|bad_verification|broken/, 'what went wrong is for the log')
    }
  }
  assert.equal(upstream.asked.filter(one => one.path === '/elsewhere').length, 0, 'no redirect is followed')
  useOutgoing(ctx.config, usual)
})

test('51 a source that says no, at length and in HTML, is quoted and cut', async () => {
  const source = await aSource(server, upstream)
  const visitor = browser()
  const url = new URL(await away(visitor, source, aPerson().id), 'https://id.example.test')
  const query = new URLSearchParams({
    state: url.searchParams.get('state')!,
    error: 'access_denied',
    error_description: `<script>alert(1)</script>${'x'.repeat(5_000)}`,
  })
  const answer = await visitor.get(`${url.pathname}?${query.toString()}`)
  assert.equal(answer.status, 400)
  assert.match(answer.text, /Authentication failed: &lt;script&gt;/)
  assert.doesNotMatch(answer.text, /<script>alert|x{400}/)
})

test('51 what a browser leaves behind at sources is bounded', async () => {
  const source = await aSource(server, upstream)
  const visitor = browser()
  for (let round = 0; round < 30; round++) await visitor.get(`/source/oauth/login/${source.slug}/`)
  const { count } = await ctx.db
    .selectFrom('source_pending')
    .select(db => db.fn.countAll<number>().as('count'))
    .where('source', '=', source.row.pk as string)
    .executeTakeFirstOrThrow()
  assert.ok(count <= 20)
})

test('51 strangers do not fill the audit log with answers that are none', async () => {
  const source = await aSource(server, upstream)
  const visitor = browser()
  for (let round = 0; round < 30; round++) await visitor.get(`/source/oauth/callback/${source.slug}/?state=none&code=none`)
  const events = await server.admin.get('/api/v3/events/events/?action=login_failed&page_size=200&ordering=-created')
  const own = events.body.results.filter(({ context }: Row) => JSON.stringify(context).includes(source.slug))
  assert.equal(own.length, 20)
})

test('9 a way back that leads elsewhere is not taken', async () => {
  const source = await aSource(server, upstream)
  for (const next of ['https://evil.example.test/', '//evil.example.test/', '/\\evil.example.test', 'javascript:alert(1)']) {
    const visitor = browser()
    const back = await through(visitor, source, aPerson().id, new URLSearchParams({ next }).toString())
    assertDone(await onwards(visitor, back.headers.location), '/if/user/')
  }
})

test('70 nobody reads the tokens of a connection, its owner included', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const visitor = browser()
  await onwards(visitor, (await through(visitor, source, person.id)).headers.location)
  const user = (await account(person.username))!
  const own = server.client(await aToken(ctx, user))
  for (const client of [own, admin]) {
    const { results } = (await client.get(`/api/v3/sources/user_connections/oauth/?user=${user.id}`)).body
    assert.equal(results.length, 1)
    assert.deepEqual(
      Object.keys(results[0]).filter(name => /token|secret/.test(name)),
      [],
    )
  }
  const events = JSON.stringify((await admin.get(`/api/v3/events/events/?username=${person.username}`)).body)
  const { access_token: sealed } = await ctx.db
    .selectFrom('user_oauth_source_connection')
    .innerJoin('user_source_connection as base', 'base.id', 'user_oauth_source_connection.id')
    .select('access_token')
    .where('base.user', '=', user.id)
    .executeTakeFirstOrThrow()
  const token = ctx.secrets.open(sealed!)
  assert.ok(!events.includes(token))
  const sessions = await ctx.db.selectFrom('session').select('data').execute()
  assert.ok(!JSON.stringify(sessions).includes(token))
})

/** A browser's way to a source and back with a code that the source never gave. */
async function comeBackTo(visitor: FlowVisitor, slug: string) {
  const sent = await visitor.get(`/source/oauth/login/${slug}/`)
  assert.equal(sent.status, 302, sent.text)
  const state = new URL(String(sent.headers.location)).searchParams.get('state')!
  return visitor.get(`/source/oauth/callback/${slug}/?code=x&state=${state}`)
}

test('79, 80 a source reaches no address of this machine or of its cloud, however it is written', async () => {
  const closed = await closedServer()
  const { port } = new URL(upstream.origin)
  const hosts = [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `localhost.:${port}`,
    `[::1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[::ffff:7f00:1]:${port}`,
    `2130706433:${port}`,
    `0x7f000001:${port}`,
    `0177.0.0.1:${port}`,
    `127.1:${port}`,
    `0.0.0.0:${port}`,
    '169.254.169.254',
    '[fd00:ec2::254]',
    '[64:ff9b::a9fe:a9fe]',
  ]
  const asked = upstream.asked.length
  for (const host of hosts) {
    const slug = unique('source')
    const values = {
      name: slug,
      slug,
      provider_type: 'openidconnect',
      consumer_key: 'x',
      consumer_secret: 'x',
      authorization_url: `http://${host}/auth`,
      access_token_url: `http://${host}/token`,
      profile_url: `http://${host}/me`,
    }
    // What is fetched when a source is saved, and what when somebody signs in.
    for (const field of ['oidc_jwks_url', 'oidc_well_known_url']) {
      const refused = await closed.admin.post('/api/v3/sources/oauth/', { ...values, [field]: `http://${host}/document` })
      assert.deepEqual([host, refused.status, /not reachable/.test(refused.text)], [host, 400, true], refused.text)
    }
    const made = await closed.admin.post('/api/v3/sources/oauth/', values)
    assert.equal(made.status, 201, made.text)
    const answer = await comeBackTo(new FlowVisitor(closed.app), slug)
    assert.deepEqual([host, answer.status, answer.text.includes('Could not retrieve token.')], [host, 400, true])
  }
  assert.equal(upstream.asked.length, asked, 'nothing was asked')
})

test('79 what may be reached is what the operator allows, for each address of a source', async () => {
  const secret = 'http://169.254.169.254/latest/meta-data'
  for (const field of ['profile_url', 'oidc_jwks_url', 'access_token_url']) {
    const source = await aSource(server, upstream)
    // As if the name had led elsewhere when the source was saved.
    await ctx.db
      .updateTable('source_oauth')
      .set({ [field]: secret })
      .where('pbm_uuid', '=', source.row.pk as string)
      .execute()
    const person = aPerson()
    const visitor = browser()
    await assertRefused(visitor, source, await through(visitor, source, person.id), person)
  }
})
