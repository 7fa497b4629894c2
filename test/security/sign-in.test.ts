import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { createApp } from '../../src/app.ts'
import type { Row } from '../../src/api/model.ts'
import { sessionCookieValue, startSession } from '../../src/core/session/session.ts'
import { aGroup, aRole, aToken, aUser, unique } from '../builders.ts'
import { aFlow, aStage, FlowVisitor } from '../flows.ts'
import { server } from '../harness.ts'
import { Visitor } from '../visitor.ts'

/** Attacks on sign-in that succeeded elsewhere, each numbered as in the list of abuse cases. */

const ME = '/api/v3/core/users/me/'
const SIGN_IN = 'default-authentication-flow'

async function aPerson(more: Row = {}) {
  const { ctx } = await server()
  const password = unique('a long password')
  return { user: await aUser(ctx, { ...more, password }), password }
}

/** Binds a policy of this text to a target and says what the binding's other values are. */
async function bindPolicy(target: string, expression: string, binding: Row = {}): Promise<void> {
  const { admin } = await server()
  const policy = await admin.post('/api/v3/policies/expression/', { name: unique('policy'), expression })
  assert.equal(policy.status, 201, policy.text)
  const bound = await admin.post('/api/v3/policies/bindings/', { policy: policy.body.pk, target, order: 0, ...binding })
  assert.equal(bound.status, 201, bound.text)
}

test('27 the session id changes at sign-in, and the one from before never becomes signed in', async () => {
  const { app } = await server()
  const { user, password } = await aPerson()
  const visitor = new Visitor(app)
  await visitor.challenge(SIGN_IN, '')
  const before = visitor.cookies.get('authentik_session')!
  await visitor.signIn(String(user.username), password)
  assert.notEqual(visitor.cookies.get('authentik_session'), before)
  assert.equal((await visitor.get(ME)).status, 200)
  const attacker = new Visitor(app)
  attacker.cookies.set('authentik_session', before)
  assert.equal((await attacker.get(ME)).status, 403)
})

test('28 a sign-in that an attacker began is not finished by the victim', async () => {
  const { app, ctx } = await server()
  const { user, password } = await aPerson()
  const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const [attacker, victim] = [new FlowVisitor(app), new FlowVisitor(app)]
  await attacker.challenge(slug)
  await attacker.challenge(slug, '', { uid_field: user.username })
  const shown = await victim.challenge(slug, '', { password })
  assert.equal(shown.component, 'ak-stage-identification', 'the victim begins at the beginning')
  assert.equal((await attacker.get(ME)).status, 403)
  assert.equal((await attacker.challenge(slug)).component, 'ak-stage-password')
})

test('30 the next person at the browser gets a session of their own', async () => {
  const { app, ctx } = await server()
  const [one, two] = [await aPerson(), await aPerson()]
  const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
  const visitor = new FlowVisitor(app)
  const sessionOf = async (user: Row) =>
    (
      await ctx.db
        .selectFrom('session')
        .select('uuid')
        .where('user', '=', user.id as number)
        .execute()
    ).map(row => row.uuid)
  for (const { user, password } of [one, two]) {
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.username })
    await visitor.challenge(slug, '', { password })
    assert.equal((await visitor.get(ME)).body.user.username, user.username)
  }
  assert.deepEqual(await sessionOf(one.user), [], "the first person's session ended")
  assert.equal((await sessionOf(two.user)).length, 1)
})

for (const answer of [
  {},
  { component: 'ak-stage-user-login' },
  { password: '' },
  { password: null },
  { passwort: 'x' },
  { selected_stage: 'x', stage: 'x' },
  [],
]) {
  test(`35 the password stage is not passed by ${JSON.stringify(answer)}`, async () => {
    const { app, ctx } = await server()
    const { user } = await aPerson()
    const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field: user.username })
    const shown = await visitor.challenge(slug, '', answer)
    assert.equal(shown.component, 'ak-stage-password')
    assert.equal((await visitor.get(ME)).status, 403)
  })
}

test('36 a policy that throws counts as its failure result: it lets nobody in', async () => {
  const { admin, ctx } = await server()
  const { user } = await aPerson()
  const slug = unique('app')
  const application = await admin.post('/api/v3/core/applications/', { name: slug, slug })
  await bindPolicy(application.body.pk, 'return request.context["nothing"]["here"]')
  const passing = async () => (await admin.get(`/api/v3/core/applications/${slug}/check_access/?for_user=${String(user.id)}`)).body.passing
  assert.equal(await passing(), false)
  const event = await ctx.db
    .selectFrom('event')
    .select('context')
    .where('action', '=', 'policy_exception')
    .orderBy('created', 'desc')
    .executeTakeFirst()
  assert.ok(event, 'and leaves an event')
})

for (const [how, expression] of [
  ['throws', 'raise ValueError("no")'],
  ['never ends', 'while True:\n    pass'],
  ['reads what is not there', 'return context["pending_user"].no_such_field'],
]) {
  test(`36 a policy that ${how} cannot make the password stage be skipped`, async () => {
    const { app, ctx } = await server()
    const { user } = await aPerson()
    const password = await aStage(ctx, 'password')
    const { slug } = await aFlow(ctx, [
      'identification',
      { stage: password, binding: { evaluate_on_plan: false, re_evaluate_policies: true } },
      'user_login',
    ])
    const binding = await ctx.db
      .selectFrom('flow_stage_binding')
      .select('policybindingmodel_ptr_id')
      .where('stage', '=', password.stage_uuid as string)
      .executeTakeFirstOrThrow()
    await bindPolicy(binding.policybindingmodel_ptr_id, expression!, { failure_result: true })
    const visitor = new FlowVisitor(app)
    await visitor.challenge(slug)
    const shown = await visitor.challenge(slug, '', { uid_field: user.username })
    assert.equal(shown.component, 'ak-stage-password')
  })
}

test('40 initial set-up is closed once a superuser has a password, also when that one is gone', async () => {
  const { app, ctx } = await server()
  const admins = await aGroup(ctx, { is_superuser: true })
  const { user } = await aPerson({ groups: [admins.group_uuid] })
  const open = async () => (await new Visitor(app).challenge('initial-setup', '')).component as string
  assert.equal(await open(), 'ak-stage-access-denied')
  await ctx.db
    .deleteFrom('user')
    .where('id', '=', user.id as number)
    .execute()
  assert.equal(await open(), 'ak-stage-access-denied')
})

test('42 known and unknown names get the same answers, and cost the same hash', async () => {
  const { deps } = await server()
  let hashes = 0
  const passwords = {
    ...deps.passwords,
    verify: (...given: Parameters<typeof deps.passwords.verify>) => ((hashes += 1), deps.passwords.verify(...given)),
  }
  const app = await createApp({ ...deps, passwords })
  await app.ready()
  try {
    const { user } = await aPerson()
    const attempt = async (name: string) => {
      const visitor = new Visitor(app)
      const before = hashes
      await visitor.challenge(SIGN_IN, '')
      const identified = await visitor.challenge(SIGN_IN, '', { uid_field: name })
      const refused = await visitor.challenge(SIGN_IN, '', { password: 'wrong' })
      const shape = (challenge: Record<string, unknown>) => ({ ...challenge, pending_user: '', pending_user_avatar: '' })
      return { identified: shape(identified), refused: shape(refused), hashes: hashes - before }
    }
    const [known, unknown] = [await attempt(String(user.username)), await attempt(unique('nobody'))]
    assert.deepEqual(unknown.identified, known.identified)
    assert.deepEqual(unknown.refused, known.refused)
    assert.ok(known.hashes >= 1)
    assert.ok(unknown.hashes >= known.hashes, 'a name that does not exist must not be quicker')
  } finally {
    await app.close()
  }
})

test('59 a session cookie that is malformed, truncated, foreign or oversized is a visitor', async () => {
  const { app, ctx } = await server()
  const { user } = await aPerson()
  const { key } = await startSession(ctx, { user: user.id as number })
  const good = sessionCookieValue(ctx, key, user)
  const withCookie = async (value: string) => {
    const visitor = new Visitor(app)
    visitor.cookies.set('authentik_session', value)
    return (await visitor.get(ME)).status
  }
  assert.equal(await withCookie(good), 200)
  const [head, body, signature] = good.split('.') as [string, string, string]
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const foreign = `${head}.${Buffer.from(JSON.stringify({ sid: key, iss: 'somebody', authenticated: true })).toString('base64url')}.${signature}`
  const bad = [
    good.slice(0, -1),
    good.slice(1),
    `${head}.${body}.`,
    `${none}.${body}.`,
    `${none}.${body}.${signature}`,
    foreign,
    key,
    `${good}.x`,
    'x'.repeat(9_000),
    '..',
    '%00',
    '{}',
    good.toUpperCase(),
  ]
  for (const value of bad) assert.equal(await withCookie(value), 403, value.slice(0, 60))
})

test('62, 64 forwarded headers count only from trusted networks, and the audited address is the last untrusted hop', async () => {
  const { app, ctx } = await server()
  const { user, password } = await aPerson()
  const seen = async (remoteAddress: string, headers: Record<string, string>) => {
    const wrong = { uid_field: user.username, password }
    const cookies: string[] = []
    const call = async (method: 'GET' | 'POST', payload?: unknown) => {
      const answer = await app.inject({
        method,
        url: `/api/v3/flows/executor/${SIGN_IN}/?query=`,
        remoteAddress,
        headers: { host: 'id.example.test', cookie: cookies.join('; '), ...headers },
        ...(payload !== undefined && { payload: payload as object }),
      })
      for (const { name, value } of answer.cookies) cookies.push(`${name}=${value}`)
    }
    await call('GET')
    await call('POST', wrong)
    await call('POST', { password: 'wrong' })
    const events = await ctx.db
      .selectFrom('event')
      .select(['client_ip', 'context'])
      .where('action', '=', 'login_failed')
      .orderBy('created', 'desc')
      .execute()
    return events.find(({ context }) => JSON.stringify(context).includes(JSON.stringify(user.username)))?.client_ip
  }
  assert.equal(await seen('203.0.113.7', { 'x-forwarded-for': '198.51.100.1' }), '203.0.113.7', 'a stranger speaks for itself')
  assert.equal(await seen('10.0.0.2', { 'x-forwarded-for': '198.51.100.1' }), '198.51.100.1')
  assert.equal(
    await seen('10.0.0.2', { 'x-forwarded-for': '1.2.3.4, 198.51.100.1, 10.0.0.3' }),
    '198.51.100.1',
    'what stands before it was written by the client',
  )
  assert.equal(await seen('10.0.0.2', { 'x-forwarded-for': 'garbage' }), '10.0.0.2')
  assert.equal(await seen('10.0.0.2', { 'x-forwarded-for': 'fe80::1%eth0, , ;' }), '10.0.0.2')
})

test('83 a flood of wrong passwords waits in line and takes no more than its share of the cores', async () => {
  const { deps } = await server()
  const { user } = await aPerson()
  const { password: hash } = await deps.db
    .selectFrom('user')
    .select('password')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  const answered: string[] = []
  const cores = availableParallelism()
  const flood = Array.from({ length: 20 * cores }, () =>
    deps.passwords.verify(hash, 'wrong', '198.51.100.9').then(() => void answered.push('flood')),
  )
  const somebodyElse = deps.passwords.verify(hash, 'wrong', '203.0.113.5').then(() => void answered.push('somebody else'))
  await somebodyElse
  assert.ok(
    answered.indexOf('somebody else') < 6 + 2 * cores,
    `the other client waited for ${answered.indexOf('somebody else')} of the flood`,
  )
  await Promise.all(flood)
})

test('71 a delegated manager of accounts cannot set the password of a superuser', async () => {
  const { ctx, client } = await server()
  const manager = await aUser(ctx)
  await aRole(ctx, manager, ['authentik_core.view_user', 'authentik_core.change_user', 'authentik_core.reset_user_password'])
  const admins = await aGroup(ctx, { is_superuser: true })
  const superuser = await aUser(ctx, { groups: [admins.group_uuid] })
  const api = client(await aToken(ctx, manager))
  assert.equal((await api.post(`/api/v3/core/users/${String(superuser.id)}/set_password/`, { password: 'mine now' })).status, 403)
})
