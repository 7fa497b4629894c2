import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser } from '../../test/builders.ts'
import { aFlow, aStage, assertDone, FlowVisitor, type Shown } from '../../test/flows.ts'
import { server } from '../../test/harness.ts'
import { hashToken } from '../crypto/secrets.ts'

const LOGIN = ['identification', 'password', 'user_login']

const sessionKey = (visitor: FlowVisitor): string =>
  (JSON.parse(Buffer.from(visitor.cookies.get('authentik_session')!.split('.')[1]!, 'base64url').toString()) as { sid: string }).sid

test('the key of a session changes at login, and the old one is worth nothing (abuse 27, 30)', async () => {
  const { app, ctx } = await server()
  const [alice, bob] = [await aUser(ctx, { password: 'a' }), await aUser(ctx, { password: 'b' })]
  const { slug } = await aFlow(ctx, LOGIN)
  const visitor = new FlowVisitor(app)
  const keys = new Set<string>()
  const csrf = new Set<string>()
  await visitor.challenge(slug)
  keys.add(sessionKey(visitor))
  csrf.add(visitor.cookies.get('authentik_csrf')!)
  const before = visitor.cookies.get('authentik_session')!
  for (const [user, password] of [
    [alice, 'a'],
    [bob, 'b'],
    [alice, 'a'],
  ] as const) {
    await visitor.signInWith(slug, '', user.username as string, password)
    keys.add(sessionKey(visitor))
    csrf.add(visitor.cookies.get('authentik_csrf')!)
    assert.equal((await visitor.get('/api/v3/core/users/me/')).body.user.username, user.username)
  }
  assert.equal(keys.size, 4)
  assert.equal(csrf.size, 4)
  const rows = await ctx.db
    .selectFrom('session')
    .select('user')
    .where('session_hash', 'in', [...keys].map(hashToken))
    .execute()
  assert.deepEqual(rows, [{ user: alice.id }])
  const thief = new FlowVisitor(app)
  thief.cookies.set('authentik_session', before)
  assert.equal((await thief.get('/api/v3/core/users/me/')).status, 403)
})

test('a flow that one browser began cannot be finished by another (abuse 28, 35)', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, LOGIN)
  const [one, other] = [new FlowVisitor(app), new FlowVisitor(app)]
  await one.challenge(slug)
  await one.challenge(slug, '', { uid_field: user.username })
  assert.equal((await other.challenge(slug, '', { password: 'x' })).component, 'ak-stage-identification')
  assert.equal((await other.challenge(slug, '', { component: 'ak-stage-password', password: 'x' })).component, 'ak-stage-identification')
})

test('two answers of one browser at the same time are judged one after the other', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, ['identification', await aStage(ctx, 'password', { failed_attempts_before_cancel: 3 }), 'user_login'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => visitor.post(slug, { component: 'ak-stage-password', password: 'wrong' })),
  )
  const judged = answers.filter(answer => answer.body.response_errors?.password)
  assert.equal(judged.length, 2)
  assert.equal(answers.filter(answer => answer.body.component === 'ak-stage-access-denied').length, 1)
})

test('a finished plan cannot be played again (abuse 35)', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, LOGIN)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  const replayed = new FlowVisitor(app)
  for (const [name, value] of visitor.cookies) replayed.cookies.set(name, value)
  assertDone(await visitor.challenge(slug, '', { password: 'x' }), '/')
  assert.equal((await replayed.challenge(slug, '', { password: 'x' })).component, 'ak-stage-identification')
  assert.equal((await replayed.get('/api/v3/core/users/me/')).status, 403)
})

test('of many requests that would finish one login at once, one makes a session', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, LOGIN)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  await visitor.post(slug, { password: 'x' })
  const url = `/api/v3/flows/executor/${slug}/?query=`
  await Promise.all(Array.from({ length: 10 }, () => visitor.get(url)))
  const sessions = await ctx.db
    .selectFrom('session')
    .select('uuid')
    .where('user', '=', user.id as number)
    .execute()
  assert.equal(sessions.length, 1)
})

test('without a duration the cookie ends with the browser; with one it has a fixed end (R-419, R-420)', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const cookieAfter = async (values: Record<string, unknown>, remember?: boolean) => {
    const { slug } = await aFlow(ctx, ['identification', 'password', await aStage(ctx, 'user_login', values)])
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.username })
    await visitor.post(slug, { password: 'x' })
    const url = `/api/v3/flows/executor/${slug}/?query=`
    const answer =
      remember === undefined ? await visitor.get(url) : (await visitor.get(url), await visitor.post(slug, { remember_me: remember }))
    return answer.cookies.find(cookie => cookie.name === 'authentik_session')!
  }
  const days = (cookie: Shown) => Math.round(((cookie.expires as Date).getTime() - ctx.now().getTime()) / 86_400_000)
  const short = await cookieAfter({})
  assert.deepEqual([short.expires, short.maxAge, short.httpOnly, short.secure, short.sameSite], [undefined, undefined, true, true, 'None'])
  assert.equal(days(await cookieAfter({ session_duration: 'weeks=4' })), 28)
  assert.equal(days(await cookieAfter({ session_duration: 'days=1', remember_me_offset: 'days=9' }, true)), 10)
  assert.equal(days(await cookieAfter({ session_duration: 'days=1', remember_me_offset: 'days=9' }, false)), 1)
})

test('staying signed in is asked for where it is offered, and has to be answered', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, ['identification', 'password', await aStage(ctx, 'user_login', { remember_me_offset: 'days=1' })])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  const asked = await visitor.challenge(slug, '', { password: 'x' })
  assert.deepEqual([asked.component, asked.pending_user], ['ak-stage-user-login', user.username])
  const empty = await visitor.challenge(slug, '', {})
  assert.deepEqual(empty.response_errors, { remember_me: [{ string: 'This field is required.', code: 'required' }] })
  assertDone(await visitor.challenge(slug, '', { remember_me: false }), '/')
})

test('a login leaves its date and an event that says how', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  await new FlowVisitor(app).signIn(user.username as string, 'x')
  const second = new FlowVisitor(app)
  await second.signIn(user.username as string, 'x')
  const { last_login: last } = await ctx.db
    .selectFrom('user')
    .select('last_login')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.ok(last instanceof Date)
  const events = await ctx.db.selectFrom('event').select(['context', 'user']).where('action', '=', 'login').orderBy('created').execute()
  const own = events.filter(event => (event.user as { pk?: number }).pk === user.id).map(event => event.context as Shown)
  assert.deepEqual(
    own.map(context => [context.auth_method, context.auth_method_args]),
    [
      ['password', { known_device: false }],
      ['password', { known_device: true }],
    ],
  )
  const session = await ctx.db
    .selectFrom('session')
    .selectAll()
    .where('user', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(session.auth_method, 'password')
  assert.ok(session.auth_time)
})

test('other sessions end at login where the stage says so', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const first = new FlowVisitor(app)
  await first.signIn(user.username as string, 'x')
  const { slug } = await aFlow(ctx, ['identification', 'password', await aStage(ctx, 'user_login', { terminate_other_sessions: true })])
  const second = new FlowVisitor(app)
  assertDone(await second.signInWith(slug, '', user.username as string, 'x'), '/')
  assert.equal((await first.get('/api/v3/core/users/me/')).status, 403)
  assert.equal((await second.get('/api/v3/core/users/me/')).status, 200)
})

test('an account that is switched off in the middle of a flow does not get in', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, ['identification', 'password', 'dummy', 'user_login'])
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  assert.equal((await visitor.challenge(slug, '', { password: 'x' })).component, 'ak-stage-dummy')
  await ctx.db
    .updateTable('user')
    .set({ is_active: false })
    .where('id', '=', user.id as number)
    .execute()
  const refused = await visitor.challenge(slug, '', {})
  assert.deepEqual([refused.component, refused.error_message], ['ak-stage-access-denied', 'Unknown error'])
})

test('an account that is deleted in the middle of a flow begins it anew', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, LOGIN)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  await ctx.db
    .deleteFrom('user')
    .where('id', '=', user.id as number)
    .execute()
  assert.equal((await visitor.challenge(slug, '', { password: 'x' })).component, 'ak-stage-identification')
})

test('signing out ends the session, and what follows goes on as a visitor', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const visitor = new FlowVisitor(app)
  await visitor.signIn(user.username as string, 'x')
  const old = visitor.cookies.get('authentik_session')!
  const { slug } = await aFlow(ctx, ['user_logout', 'dummy'], { designation: 'invalidation' })
  assert.equal((await visitor.challenge(slug)).component, 'ak-stage-dummy')
  assert.notEqual(visitor.cookies.get('authentik_session'), old)
  assert.equal((await visitor.get('/api/v3/core/users/me/')).status, 403)
  assertDone(await visitor.challenge(slug, '', {}), '/')
  const back = new FlowVisitor(app)
  back.cookies.set('authentik_session', old)
  assert.equal((await back.get('/api/v3/core/users/me/')).status, 403)
  const logout = await ctx.db.selectFrom('event').select('user').where('action', '=', 'logout').execute()
  assert.ok(logout.some(event => (event.user as { pk?: number }).pk === user.id))
})

test('a session deleted elsewhere ends the flow it was in', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  const { slug } = await aFlow(ctx, LOGIN)
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  await ctx.db
    .deleteFrom('session')
    .where('session_hash', '=', hashToken(sessionKey(visitor)))
    .execute()
  assert.equal((await visitor.challenge(slug, '', { password: 'x' })).component, 'ak-stage-identification')
})

test('a session that is bound to its network ends when it is used from elsewhere', async () => {
  const { app, ctx } = await server()
  const user = await aUser(ctx, { password: 'x' })
  for (const [values, status] of [
    [{ network_binding: 'bind_asn' }, 403],
    [{ geoip_binding: 'bind_continent' }, 403],
    [{}, 200],
  ] as const) {
    const { slug } = await aFlow(ctx, ['identification', 'password', await aStage(ctx, 'user_login', values)])
    const visitor = new FlowVisitor(app)
    await visitor.signInWith(slug, '', user.username as string, 'x')
    const me = (address?: string) => visitor.get('/api/v3/core/users/me/', address === undefined ? {} : { 'x-forwarded-for': address })
    assert.equal((await me()).status, 200)
    assert.equal((await me('203.0.113.7')).status, status)
    assert.equal((await me()).status, status)
  }
})

test('sessions that nobody signed in to end after the unauthenticated age (R-422)', async () => {
  const { app, ctx, clock } = await server()
  const { slug } = await aFlow(ctx, ['dummy', 'dummy'])
  const visitor = new FlowVisitor(app)
  const first = await visitor.challenge(slug)
  const second = await visitor.challenge(slug, '', {})
  assert.notEqual(first.name, second.name)
  clock.advance(ctx.config.sessions.unauthenticated_age + 1000)
  try {
    assert.equal((await visitor.challenge(slug)).name, first.name)
  } finally {
    clock.reset()
  }
})
