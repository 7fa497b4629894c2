import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { Row } from '../../api/model.ts'
import { aGroup, aUser, unique } from '../../../test/builders.ts'
import { explanationIn } from '../../../test/codes.ts'
import { aFlow, assertDone, aStage, errorsOf, FlowVisitor } from '../../../test/flows.ts'
import { rewrites, type Fault } from '../../../test/upstreams/faults.ts'
import { anOpenIDProvider } from '../../../test/upstreams/openid.ts'
import { aPersonAt, aSource, callbackOf, flowKey, onwards, sourceServer, through, whoami } from '../../../test/upstreams/sign-in.ts'
import type { Person } from '../../../test/upstreams/upstream.ts'

const server = await sourceServer()
const { app, ctx, admin } = server
const upstream = await anOpenIDProvider([])
after(upstream.close)
const aPerson = (more: Partial<Person> = {}) => aPersonAt(upstream, more)

const userNamed = (name: string) => ctx.db.selectFrom('user').selectAll().where('username', '=', name).executeTakeFirst()
const connections = (source: Row) =>
  ctx.db
    .selectFrom('user_source_connection')
    .selectAll()
    .where('source', '=', source.pk as string)
    .execute()
test('somebody new gets an account, connected with the source, and comes back to it', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person.id, 'next=%2Fif%2Fuser%2F%3Fx%3D1')
  assert.equal(back.status, 302, back.text)
  assert.equal(back.headers.location, '/if/flow/default-source-enrollment/?next=%2Fif%2Fuser%2F%3Fx%3D1')
  assertDone(await onwards(browser, back.headers.location), '/if/user/?x=1')
  assert.equal(await whoami(browser), person.username)
  const user = (await userNamed(person.username))!
  assert.partialDeepStrictEqual(user, {
    name: person.name,
    email: person.email,
    path: `goauthentik.io/sources/${source.slug}`,
    type: 'external',
    attributes: { 'goauthentik.io/user/sources': [source.slug] },
  })
  assert.equal(user.password, '!', 'no password is set')
  const [connection] = await connections(source.row)
  assert.partialDeepStrictEqual(connection, { user: user.id, identifier: person.id })
  const stored = await ctx.db
    .selectFrom('user_oauth_source_connection')
    .selectAll()
    .where('id', '=', connection!.id)
    .executeTakeFirstOrThrow()
  assert.match(stored.access_token!, /^v1\./, 'tokens are sealed')
  assert.ok(stored.expires! > ctx.now())

  const again = new FlowVisitor(app)
  const known = await through(again, source, person.id)
  assert.equal(known.headers.location, '/if/flow/default-source-authentication/')
  assertDone(await onwards(again, known.headers.location), '/if/user/')
  assert.equal(await whoami(again), person.username)
  assert.equal((await connections(source.row)).length, 1)
  const events = (await admin.get(`/api/v3/events/events/?username=${person.username}&actions=login&actions=source_linked`)).body.results
  assert.deepEqual(
    events.map((event: Row) => [event.action, (event.context as any).source.name]),
    [
      ['login', source.slug],
      ['login', source.slug],
      ['source_linked', source.slug],
    ],
  )
})

test('a source that has nothing but its well-known document, as blueprints make them, signs people in', async () => {
  const source = await aSource(server, upstream)
  const none = { authorization_url: null, access_token_url: null, profile_url: null, oidc_jwks_url: '', oidc_jwks: {} }
  await ctx.db
    .updateTable('source_oauth')
    .set(none)
    .where('pbm_uuid', '=', source.row.pk as string)
    .execute()
  const person = aPerson()
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person.id)
  assertDone(await onwards(browser, back.headers.location), '/if/user/')
  assert.equal(await whoami(browser), person.username)
})

test('whoever is signed in connects the source with their account, once', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const user = await aUser(ctx, { password: 'a long password' })
  const browser = new FlowVisitor(app)
  await browser.signIn(String(user.username), 'a long password')
  const back = await through(browser, source, person.id)
  assert.deepEqual([back.status, back.headers.location], [302, '/if/user/#/settings;page-sources'])
  assert.deepEqual(
    (await connections(source.row)).map(row => [row.user, row.identifier]),
    [[user.id, person.id]],
  )
  assert.equal((await through(browser, source, person.id)).headers.location, '/if/user/#/settings;page-sources')
  assert.equal((await connections(source.row)).length, 1)
  // Nobody else gets it.
  const other = await aUser(ctx, { password: 'a long password' })
  const elsewhere = new FlowVisitor(app)
  await elsewhere.signIn(String(other.username), 'a long password')
  const refused = await through(elsewhere, source, person.id)
  assert.match(refused.text, /connected to another account/)
  assert.deepEqual(
    (await connections(source.row)).map(row => row.user),
    [user.id],
  )
  // And it signs them in.
  const later = new FlowVisitor(app)
  await onwards(later, (await through(later, source, person.id)).headers.location)
  assert.equal(await whoami(later), user.username)
})

const DENIED = (name: string) =>
  `Request to authenticate with ${name} has been denied. Please authenticate with the source you&#39;ve previously signed up with.`

test('matching by e-mail connects where the source vouches for the address, and nowhere else', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  for (const [emailVerified, several, linked] of [
    [true, false, true],
    [false, false, false],
    [undefined, false, false],
    [true, true, false],
  ] as const) {
    const user = await aUser(ctx)
    if (several) await aUser(ctx, { email: user.email })
    const person = aPerson({ email: String(user.email), emailVerified })
    const browser = new FlowVisitor(app)
    const back = await through(browser, source, person.id)
    if (!linked) {
      assert.equal(back.status, 200)
      assert.ok(back.text.includes(DENIED(source.slug)), back.text)
      assert.equal(await whoami(browser), undefined)
      assert.deepEqual(
        (await connections(source.row)).filter(row => row.identifier === person.id),
        [],
      )
      continue
    }
    assert.equal(back.headers.location, '/if/flow/default-source-authentication/')
    assertDone(await onwards(browser, back.headers.location), '/if/user/')
    assert.equal(await whoami(browser), user.username)
    assert.deepEqual(
      (await connections(source.row)).filter(row => row.identifier === person.id).map(row => row.user),
      [user.id],
    )
  }
})

test('by identifier, an account with the same address stays what it is', async () => {
  const source = await aSource(server, upstream)
  const user = await aUser(ctx)
  const person = aPerson({ email: String(user.email) })
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person.id)
  assertDone(await onwards(browser, back.headers.location), '/if/user/')
  assert.equal(await whoami(browser), person.username)
  assert.notEqual((await userNamed(person.username))!.id, user.id)
})

test('modes that deny do so where an account has the address or the name', async () => {
  for (const [mode, same] of [
    ['email_deny', 'email'],
    ['username_deny', 'username'],
  ] as const) {
    const source = await aSource(server, upstream, { user_matching_mode: mode })
    const user = await aUser(ctx)
    const person = aPerson({ [same]: String(user[same]) })
    const back = await through(new FlowVisitor(app), source, person.id)
    assert.ok(back.text.includes(DENIED(source.slug)))
    const fresh = aPerson()
    assert.equal((await through(new FlowVisitor(app), source, fresh.id)).headers.location, '/if/flow/default-source-enrollment/')
  }
})

test('a name that is the same connects once its owner has signed in here', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'username_link' })
  const user = await aUser(ctx, { password: 'a long password' })
  const person = aPerson({ username: String(user.username) })
  const browser = new FlowVisitor(app)
  const back = await through(browser, source, person.id)
  assert.equal(back.headers.location, '/if/flow/default-authentication-flow/')
  assert.equal(await whoami(browser), undefined)
  const asked = await onwards(browser, back.headers.location)
  assert.deepEqual([asked.component, asked.pending_user], ['ak-stage-password', user.username])
  assertDone(await browser.challenge('default-authentication-flow', '', { password: 'a long password' }), '/if/user/')
  assert.deepEqual(
    (await connections(source.row)).map(row => row.user),
    [user.id],
  )
  const later = new FlowVisitor(app)
  await onwards(later, (await through(later, source, person.id)).headers.location)
  assert.equal(await whoami(later), user.username)
})

test('what the source tells of groups is taken over, and taken back', async () => {
  const source = await aSource(server, upstream, { group_matching_mode: 'name_link', additional_scopes: 'groups' })
  const [kept, made, other] = [unique('kept'), unique('made'), unique('other')]
  const known = await admin.post('/api/v3/core/groups/', { name: kept })
  const person = aPerson({ groups: [kept, made] })
  const names = async () => {
    const [user] = (await admin.get(`/api/v3/core/users/?username=${person.username}`)).body.results
    return user.groups_obj.map((group: Row) => group.name).sort()
  }
  const signIn = async () => {
    const browser = new FlowVisitor(app)
    assertDone(await onwards(browser, (await through(browser, source, person.id)).headers.location), '/if/user/')
  }
  await signIn()
  assert.deepEqual(await names(), [kept, made].sort())
  const own = await admin.post('/api/v3/core/groups/', { name: other, users: [(await userNamed(person.username))!.id] })
  assert.equal(own.status, 201)
  person.groups = [made]
  await signIn()
  assert.deepEqual(await names(), [made, other].sort())
  assert.equal((await admin.get(`/api/v3/core/groups/${known.body.pk}/`)).body.is_superuser, false)
  // By identifier alone, a group of that name is another one.
  const strict = await aSource(server, upstream, { additional_scopes: 'groups' })
  const stranger = aPerson({ groups: ['authentik Admins', unique('fresh')] })
  const browser = new FlowVisitor(app)
  assertDone(await onwards(browser, (await through(browser, strict, stranger.id)).headers.location), '/if/user/')
  const [user] = (await admin.get(`/api/v3/core/users/?username=${stranger.username}`)).body.results
  assert.deepEqual([user.groups_obj.length, user.is_superuser], [1, false])
})

test('mappings see the profile and ask the source for more in the name of the person', async () => {
  const source = await aSource(server, upstream)
  const add = async (body: string) =>
    (await admin.post('/api/v3/propertymappings/source/oauth/', { name: unique('mapping'), expression: body })).body.pk as string
  const mappings = [
    await add(`return {"name": info["name"].upper(), "attributes": {"avatar": info["picture"], "settings": {"locale": info["locale"]}}}`),
    await add(
      `me = client.do_request("get", "${upstream.origin}/me", token=token).json()\nreturn {"attributes": {"asked": me["sub"], "by": source.slug}}`,
    ),
  ]
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { user_property_mappings: mappings })
  const picture = 'https://pictures.example.test/a.png'
  const person = aPerson({ picture, locale: 'de' })
  const browser = new FlowVisitor(app)
  assertDone(await onwards(browser, (await through(browser, source, person.id)).headers.location), '/if/user/')
  const user = (await userNamed(person.username))!
  assert.equal(user.name, person.name.toUpperCase())
  assert.partialDeepStrictEqual(user.attributes, {
    avatar: picture,
    settings: { locale: 'de' },
    asked: person.id,
    by: source.slug,
  })
  // One that fails lets nobody in.
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { user_property_mappings: [await add('return info["nothing"]')] })
  const failed = await through(new FlowVisitor(app), source, aPerson().id)
  assert.deepEqual([failed.status, /Authentication failed: The profile could not be read\./.test(failed.text)], [400, true])
})

test('policies of the source decide who gets to it, and who comes from it', async () => {
  const source = await aSource(server, upstream)
  const bind = async (body: Row) => {
    const bound = await admin.post('/api/v3/policies/bindings/', { target: source.row.pk, order: 0, ...body })
    assert.equal(bound.status, 201, bound.text)
    return bound.body.pk as string
  }
  const policy = async (expression: string) =>
    (await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })).body.pk as string
  const closed = await bind({ policy: await policy('ak_message("Closed today.")\nreturn False') })
  const refused = await new FlowVisitor(app).get(`/source/oauth/login/${source.slug}/`)
  assert.equal(refused.status, 200)
  assert.match(refused.text, /Closed today\./)
  const id = explanationIn(refused.text)
  const explained = await admin.get(`/api/v3/signet/explain/${id}/`)
  assert.equal(explained.body.sentences[0], `A visitor may not sign in by the source "${source.slug}".`)
  await admin.delete(`/api/v3/policies/bindings/${closed}/`)

  const token = 'context["goauthentik.io/sources/connection"].access_token'
  await bind({ policy: await policy('return context.get("oauth_userinfo", {}).get("email", "@good.test").endswith("@good.test")') })
  assert.match((await through(new FlowVisitor(app), source, aPerson().id)).text, /Permission denied/)
  // Flows see the tokens, also in later requests.
  const { slug, flow_uuid } = await aFlow(ctx, ['dummy', await aStage(ctx, 'user_write'), 'user_login'], { designation: 'enrollment' })
  const [binding] = (await admin.get(`/api/v3/flows/bindings/?target=${String(flow_uuid)}&ordering=-order`)).body.results
  const asks = await policy(
    `r = requests.get("${upstream.origin}/me", headers={"Authorization": f"Bearer {${token}}"}).json()\nplan = request.context["flow_plan"]\nplan.context["pending_user"].attributes["seen"] = r["sub"]\nplan.context["pending_user"].save()\nreturn True`,
  )
  await admin.post('/api/v3/policies/bindings/', { target: binding.pk, policy: asks, order: 0 })
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { enrollment_flow: flow_uuid })
  const person = aPerson({ email: `${unique('x')}@good.test` })
  const browser = new FlowVisitor(app)
  assert.equal((await onwards(browser, (await through(browser, source, person.id)).headers.location)).component, 'ak-stage-dummy')
  assertDone(await browser.challenge(slug, '', {}), '/if/user/')
  assert.equal(((await userNamed(person.username))!.attributes as Row).seen, person.id)
})

test('a group bound to the source is asked about whoever it turns out to be', async () => {
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link' })
  const group = await aGroup(ctx)
  await admin.post('/api/v3/policies/bindings/', { target: source.row.pk, group: group.group_uuid, order: 0 })
  for (const member of [true, false]) {
    const user = await aUser(ctx, { groups: member ? [group.group_uuid] : [] })
    const browser = new FlowVisitor(app)
    const back = await through(browser, source, aPerson({ email: String(user.email) }).id)
    assert.equal(back.status, member ? 302 : 200)
    if (member) await onwards(browser, back.headers.location)
    assert.equal(await whoami(browser), member ? user.username : undefined)
  }
})

test('a source without flows says what is missing', async () => {
  const source = await aSource(server, upstream, { enrollment_flow: null })
  const back = await through(new FlowVisitor(app), source, aPerson().id)
  assert.deepEqual([back.status, back.text.includes('Source is not configured for enrollment.')], [400, true])
  await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { enabled: false })
  for (const path of ['login', 'callback']) {
    assert.equal((await new FlowVisitor(app).get(`/source/oauth/${path}/${source.slug}/`)).status, 404)
    assert.equal((await new FlowVisitor(app).get(`/source/oauth/${path}/authentik-built-in/`)).status, 404)
  }
})

test('sessions last as long as the login stage says, and a stage that says nothing is warned about', async () => {
  const stage = await aStage(ctx, 'user_login')
  const flow = await aFlow(ctx, [stage], { designation: 'authentication' })
  const source = await aSource(server, upstream, { user_matching_mode: 'email_link', authentication_flow: flow.flow_uuid })
  const user = await aUser(ctx)
  const person = aPerson({ email: String(user.email) })
  const cookie = async () => {
    const browser = new FlowVisitor(app)
    const { pathname, search } = new URL(String((await through(browser, source, person.id)).headers.location), 'https://id.example.test')
    const answer = await browser.get(`/api/v3/flows/executor/${flow.slug}/?query=${encodeURIComponent(search.slice(1))}`)
    assert.equal(answer.body.final_redirect, true, pathname)
    return answer.cookies.find(one => one.name === 'authentik_session')!
  }
  assert.equal((await cookie()).expires, undefined)
  const pinned = await admin.patch(`/api/v3/stages/user_login/${String(stage.stage_uuid)}/`, { session_duration: 'weeks=4' })
  assert.equal(pinned.headers['x-signet-warning'], undefined)
  const left = ((await cookie()).expires as Date).getTime() - ctx.now().getTime()
  assert.ok(Math.abs(left - 4 * 7 * 86_400_000) < 60_000)
  const text = new RegExp(
    `Whoever signs in by ${source.slug} has to do it again .* session_duration of the login stage ${String(stage.name)}`,
  )
  const warned = await admin.patch(`/api/v3/stages/user_login/${String(stage.stage_uuid)}/`, { session_duration: 'seconds=0' })
  assert.match(String(warned.headers['x-signet-warning']), text)
  assert.match(String((await admin.patch(`/api/v3/sources/oauth/${source.slug}/`, { promoted: true })).headers['x-signet-warning']), text)
})

test('a name that somebody here has is asked for anew', async () => {
  const source = await aSource(server, upstream)
  const user = await aUser(ctx)
  const person = aPerson({ username: String(user.username) })
  const browser = new FlowVisitor(app)
  const asked = await onwards(browser, (await through(browser, source, person.id)).headers.location)
  assert.deepEqual(
    [asked.component, asked.fields[0].field_key, asked.fields[0].initial_value],
    ['ak-stage-prompt', 'username', user.username],
  )
  const again = await browser.challenge('default-source-enrollment', '', { username: user.username })
  assert.deepEqual(errorsOf(again), { username: ['Username is already taken.'] })
  const own = unique('own')
  assertDone(await browser.challenge('default-source-enrollment', '', { username: own }), '/if/user/')
  assert.equal(await whoami(browser), own)
})

test('an account that was switched off does not get in by its source', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const first = new FlowVisitor(app)
  await onwards(first, (await through(first, source, person.id)).headers.location)
  await admin.patch(`/api/v3/core/users/${(await userNamed(person.username))!.id}/`, { is_active: false })
  const browser = new FlowVisitor(app)
  const denied = await onwards(browser, (await through(browser, source, person.id)).headers.location)
  assert.equal(denied.component, 'ak-stage-access-denied')
  assert.deepEqual([await whoami(first), await whoami(browser)], [undefined, undefined])
})

/** An application that lets the source sign people in, and what it asks for. */
async function anApplication() {
  const provider = await admin.post('/api/v3/providers/oauth2/', {
    name: unique('client'),
    authorization_flow: await flowKey(ctx, 'default-provider-authorization-implicit-consent'),
    redirect_uris: [{ matching_mode: 'strict', url: 'https://app.example.test/back' }],
  })
  const name = unique('app')
  assert.equal((await admin.post('/api/v3/core/applications/', { name, slug: name, provider: provider.body.pk })).status, 201)
  return (params: Record<string, string>) =>
    `/application/o/authorize/?${new URLSearchParams({
      client_id: provider.body.client_id,
      redirect_uri: 'https://app.example.test/back',
      response_type: 'code',
      scope: 'openid',
      ...params,
    }).toString()}`
}

test('whoever has to sign in again may do so by a source, and comes back to what asked', async () => {
  const source = await aSource(server, upstream)
  const person = aPerson()
  const browser = new FlowVisitor(app)
  await onwards(browser, (await through(browser, source, person.id)).headers.location)
  const before = browser.cookies.get('authentik_session')
  const ask = await anApplication()
  const page = await browser.get(ask({ prompt: 'login', state: 's', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }))
  assert.match(String(page.headers.location), /^\/if\/flow\/default-authentication-flow\//)
  await onwards(browser, page.headers.location)
  const back = await through(browser, source, person.id)
  assert.equal(upstream.asked.findLast(one => one.path === '/auth')!.query.get('prompt'), 'login', 'the source asks again, too')
  assert.match(String(back.headers.location), /^\/if\/flow\/default-source-authentication\//)
  const end = await onwards(browser, back.headers.location)
  assert.notEqual(browser.cookies.get('authentik_session'), before)
  assert.equal(await whoami(browser), person.username)
  const { elsewhere } = await browser.follow(String(end.to))
  assert.deepEqual([elsewhere?.origin, elsewhere?.searchParams.has('code')], ['https://app.example.test', true])
})

/** The ID token of the source with another `auth_time`: seconds from now; null: none. */
const signedIn = (seconds: number | null): Fault =>
  rewrites(async json => {
    const { auth_time: _, ...claims } = decodeJwt(json.id_token)
    const now = Math.floor(ctx.now().getTime() / 1000)
    return { ...json, id_token: await upstream.sign({ ...claims, ...(seconds !== null && { auth_time: now + seconds }) }) }
  })

test('33 what an application wants of a sign-in its source is told, and has to have done (OIDC Core §3.1.2.1)', async t => {
  t.after(() => upstream.faults.delete('/token'))
  const source = await aSource(server, upstream)
  const ask = await anApplication()
  const asked = () => upstream.asked.findLast(one => one.path === '/auth')!.query
  const go = async (params: Record<string, string>, fault?: Fault) => {
    const person = aPerson()
    const browser = new FlowVisitor(app)
    const page = await browser.get(ask(params))
    await onwards(browser, page.headers.location)
    if (fault) upstream.faults.set('/token', fault)
    const back = await through(browser, source, person.id)
    upstream.faults.delete('/token')
    const isIn = /^\/if\/flow\/default-source-/.test(String(back.headers.location))
    if (!isIn) return { isIn, text: back.text }
    const end = await onwards(browser, back.headers.location)
    const { elsewhere } = await browser.follow(String(end.to))
    return { isIn: elsewhere?.searchParams.has('code') ?? false, text: String(elsewhere) }
  }
  for (const [params, prompt, maxAge] of [
    [{}, null, null],
    [{ max_age: '300' }, null, '300'],
    [{ prompt: 'login' }, 'login', null],
    [{ max_age: '0' }, 'login', '0'],
    [{ prompt: 'login', max_age: '300' }, 'login', '300'],
  ] as const) {
    const { isIn, text } = await go(params)
    assert.ok(isIn, `${JSON.stringify(params)}: ${text}`)
    assert.deepEqual([asked().get('prompt'), asked().get('max_age')], [prompt, maxAge], JSON.stringify(params))
  }
  const refused: [Record<string, string>, Fault, RegExp | null][] = [
    [{ max_age: '300' }, signedIn(-200), null],
    [{ max_age: '300' }, signedIn(-500), /did not ask you to sign in again/],
    [{ max_age: '300' }, signedIn(null), /does not say when it asked/],
    [{ max_age: '0' }, signedIn(-200), /did not ask you to sign in again/],
    [{ max_age: '0' }, signedIn(null), /does not say when it asked/],
    [{ prompt: 'login' }, signedIn(-200), /did not ask you to sign in again/],
    [{ prompt: 'login' }, signedIn(null), null],
    [{}, signedIn(-50_000), null],
  ]
  for (const [params, fault, why] of refused) {
    const { isIn, text } = await go(params, fault)
    assert.equal(isIn, why === null, `${JSON.stringify(params)}: ${text}`)
    if (why) assert.match(text, why)
  }
})

test('every way of proving who asks, and of holding the code to the question, is taken', async () => {
  for (const [values, basic, method] of [
    [{ authorization_code_auth_method: 'basic_auth', pkce: 'S256' }, true, 'S256'],
    [{ authorization_code_auth_method: 'post_body', pkce: 'S256' }, false, 'S256'],
    [{ authorization_code_auth_method: 'basic_auth', pkce: 'none' }, true, null],
  ] as const) {
    const source = await aSource(server, upstream, values)
    const browser = new FlowVisitor(app)
    const sent = await browser.get(`/source/oauth/login/${source.slug}/`)
    const asked = new URL(String(sent.headers.location)).searchParams
    assert.deepEqual(
      [asked.get('code_challenge_method'), asked.get('response_type'), asked.get('scope'), asked.get('redirect_uri')],
      [method, 'code', 'openid email profile', callbackOf(source.slug)],
    )
    assert.ok(asked.get('nonce') !== asked.get('state') && asked.get('nonce')!.length >= 43)
    const count = upstream.asked.length
    const back = await through(browser, source, aPerson().id)
    assert.equal(back.status, 302, back.text)
    const token = upstream.asked.slice(count).find(one => one.path === '/token')!
    assert.equal(/^Basic /.test(token.headers.authorization ?? ''), basic)
  }
})
