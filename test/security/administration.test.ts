import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openApiDocument } from '../../src/api/openapi.ts'
import type { Row } from '../../src/api/model.ts'
import { registry } from '../../src/registry.ts'
import { aGroup, aToken, aUser, unique } from '../builders.ts'
import { sampleObject } from '../contract/samples.ts'
import { server } from '../harness.ts'
import { holder, modelOf } from './holder.ts'
import { signedIn } from '../signed-in.ts'

const A = '/api/v3'

const grant = async (role: string, permission: string, model: string, key: unknown): Promise<void> => {
  const { ctx } = await server()
  await ctx.db
    .insertInto('role_object_permission')
    .values({ role, permission, model, object_pk: String(key) })
    .execute()
}

const OPEN = new Set([
  'GET /schema/',
  'GET /root/config/',
  'GET /core/brands/current/',
  'GET /policies/geoip_iso3166/', // a list of countries, which forms show
  'POST /stages/authenticator/duo/{stage_uuid}/enrollment_status/', // whoever is in that stage's flow, by their session
  'GET /flows/executor/{slug}/',
  'POST /flows/executor/{slug}/',
])

type Line = { line: string; method: string; url: string }

const everyOperation = (): Line[] =>
  Object.entries((openApiDocument(registry) as { paths: Record<string, Record<string, unknown>> }).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(word => {
      const method = word.toUpperCase()
      const key = /\{(id|user_id)\}/.test(path)
        ? '1'
        : path.includes('uuid}') || path.includes('{pk}')
          ? '11111111-1111-4111-8111-111111111111'
          : 'name'
      return { line: `${method} ${path}`, method, url: `${A}${path.replaceAll(/\{\w+\}/g, key)}` }
    }),
  )

describe('the matrix of permissions (abuse case 73)', () => {
  test('nobody may do anything without signing in, except what must be open', async () => {
    const { client } = await server()
    for (const { line, method, url } of everyOperation()) {
      if (OPEN.has(line)) continue
      const answer = await client().request(method, url, method === 'GET' || method === 'DELETE' ? {} : { body: {} })
      assert.deepEqual([answer.status, answer.body], [403, { detail: 'Authentication credentials were not provided.' }], line)
    }
  })

  test('a wrong token is refused everywhere, open operations included', async () => {
    const { client } = await server()
    for (const { line, method, url } of everyOperation()) {
      const answer = await client('wrong').request(method, url, method === 'GET' || method === 'DELETE' ? {} : { body: {} })
      assert.deepEqual([answer.status, answer.body], [403, { detail: 'Token invalid/expired' }], line)
    }
  })

  /** What everybody who is signed in may do: look at themselves, at what there is in general, and at their own things. */
  const EVERYBODY = new Set([
    'GET /core/users/me/',
    'GET /core/users/paths/',
    'GET /core/users/impersonate_end/',
    'GET /core/applications/',
    'GET /core/tokens/',
    'POST /core/tokens/',
    'GET /core/authenticated_sessions/',
    'GET /core/user_consent/',
    'GET /rbac/permissions/',
    'GET /admin/version/',
    'GET /admin/apps/',
    'GET /admin/models/',
    'GET /stages/email/templates/',
    'GET /events/events/actions/',
    'GET /events/events/volume/',
    'GET /events/events/top_per_user/',
    'GET /events/events/stats/',
    'GET /stages/all/user_settings/',
    'GET /sources/all/user_settings/',
    'GET /events/notifications/',
    'POST /events/notifications/mark_all_seen/',
    'POST /signet/explain/', // the right depends on whom and what it asks about
  ])
  const OWN = /^GET \/(?:oauth2|authenticators|sources\/user_connections)\/|^GET \/signet\/authenticators\/deleted\/|[/_]types\/$/

  test('somebody without any permission gets no further than that', async () => {
    const { api } = await holder()
    for (const { line, method, url } of everyOperation()) {
      if (OPEN.has(line)) continue
      const answer = await api.request(method, url, method === 'GET' || method === 'DELETE' ? {} : { body: {} })
      if (EVERYBODY.has(line) || OWN.test(line)) {
        assert.ok(answer.status < 500, `${line}: ${answer.status}`)
        continue
      }
      assert.ok([403, 404, 400].includes(answer.status), `${line}: ${answer.status} ${answer.text.slice(0, 300)}`)
      if (answer.status === 400)
        assert.doesNotMatch(
          line,
          /^(?:POST|PUT|PATCH|DELETE) (?!\/(?:core\/(?:tokens|authenticated_sessions)|rbac\/permissions))/,
          `${line}: asked for a body before it asked who may ${answer.text.slice(0, 200)}`,
        )
    }
  })

  test('events are counted only for those who may see them', async () => {
    const { api } = await holder()
    for (const path of ['volume', 'top_per_user']) assert.deepEqual((await api.get(`${A}/events/events/${path}/`)).body, [])
    assert.equal((await api.get(`${A}/events/events/stats/`)).body.unique_users, 0)
  })
})

describe('rights on single objects', () => {
  test('a right on one object lets somebody see, change and list that one', async () => {
    const { ctx } = await server()
    const { api, role } = await holder()
    const [one, other] = [await aGroup(ctx), await aGroup(ctx)]
    const url = (group: Row) => `${A}/core/groups/${String(group.group_uuid)}/`
    assert.equal((await api.get(`${A}/core/groups/`)).status, 403, 'nothing to see is a refusal, not an empty list')
    await grant(role, 'authentik_core.view_group', 'authentik_core.group', one.group_uuid)
    const list = await api.get(`${A}/core/groups/`)
    assert.deepEqual([list.status, list.body.results.map((group: Row) => group.pk)], [200, [one.group_uuid]])
    assert.equal((await api.get(url(one))).status, 200)
    assert.equal((await api.get(url(other))).status, 404)
    assert.equal((await api.patch(url(one), { attributes: { a: 1 } })).status, 403)
    await grant(role, 'authentik_core.change_group', 'authentik_core.group', one.group_uuid)
    assert.equal((await api.patch(url(one), { attributes: { a: 1 } })).status, 200)
    assert.equal((await api.patch(url(other), { attributes: { a: 1 } })).status, 404)
  })

  test('objects that a body names are checked like those in the address (abuse case 69)', async () => {
    const { ctx } = await server()
    const { api, role } = await holder(
      'authentik_policies.add_policybinding',
      'authentik_policies.view_policybinding',
      'authentik_policies.change_policybinding',
      'authentik_core.view_group',
    )
    const [mine, theirs] = [
      await sampleObject(ctx, modelOf('authentik_core.application')),
      await sampleObject(ctx, modelOf('authentik_core.application')),
    ]
    await grant(role, 'authentik_core.view_application', 'authentik_core.application', mine.pbm_uuid)
    await grant(role, 'authentik_core.change_application', 'authentik_core.application', mine.pbm_uuid)
    const group = (await aGroup(ctx)).group_uuid
    const made = await api.post(`${A}/policies/bindings/`, { target: mine.pbm_uuid, group, order: 1 })
    assert.equal(made.status, 201, made.text)
    const refused = await api.post(`${A}/policies/bindings/`, { target: theirs.pbm_uuid, group, order: 1 })
    assert.ok([400, 403].includes(refused.status), refused.text)
    const moved = await api.patch(`${A}/policies/bindings/${String(made.body.pk)}/`, { target: theirs.pbm_uuid })
    assert.ok([400, 403].includes(moved.status), moved.text)
    // Accounts that the caller may not see do not exist for them.
    const stranger = await aUser(ctx)
    const hidden = await api.post(`${A}/policies/bindings/`, { target: mine.pbm_uuid, user: stranger.id, order: 2 })
    assert.deepEqual([hidden.status, hidden.body], [400, { user: [`Invalid pk "${String(stranger.id)}" - object does not exist.`] }])
  })

  test("a token is never made for, or turned into, another's (abuse case 69)", async () => {
    const { ctx } = await server()
    const { api, user } = await holder(
      'authentik_core.add_token',
      'authentik_core.change_token',
      'authentik_core.view_token',
      'authentik_core.view_user',
    )
    const victim = await aUser(ctx)
    const made = await api.post(`${A}/core/tokens/`, { identifier: unique('t'), user: victim.id })
    assert.deepEqual([made.status, made.body.user], [201, user.id])
    const turned = await api.patch(`${A}/core/tokens/${String(made.body.identifier)}/`, { user: victim.id })
    assert.deepEqual([turned.status, turned.body], [400, { user: ['User cannot be changed'] }])
  })
})

test('looking is not enough to read a secret: not in lists, details, events or the description of uses (abuse case 70)', async () => {
  const { ctx, admin } = await server()
  const views = [...new Set(registry.models.map(model => `${model.app}.view_${model.modelName}`))]
  const { api } = await holder(...views)
  const pair = (
    await admin.post(`${A}/crypto/certificatekeypairs/generate/`, { common_name: unique('pair'), validity_days: 30, alg: 'ecdsa' })
  ).body
  const { key } = await ctx.db.selectFrom('keypair').select('key_data as key').where('kp_uuid', '=', pair.pk).executeTakeFirstOrThrow()
  const pem = ctx.secrets.open(key)
  const provider = await sampleObject(ctx, modelOf('authentik_providers_oauth2.oauth2provider'))
  const secret = provider.client_secret as string
  assert.ok(secret.length > 40)
  const [person, token] = [await aUser(ctx, { password: 'correct horse' }), unique('token')]
  const tokenKey = await aToken(ctx, person, { identifier: token })
  const hash = (
    await ctx.db
      .selectFrom('user')
      .select('password')
      .where('id', '=', person.id as number)
      .executeTakeFirstOrThrow()
  ).password
  // Changes of secrets are events too.
  const providerUrl = `${A}/providers/oauth2/${String(provider.id)}/`
  const changed = `${secret.slice(0, 100)}${unique('new')}`
  assert.equal((await admin.patch(providerUrl, { client_secret: changed })).body.client_secret, changed)
  assert.equal((await admin.post(`${A}/core/tokens/${token}/set_key/`, { key: `${tokenKey}new` })).status, 204)
  assert.equal((await admin.post(`${A}/core/users/${String(person.id)}/set_password/`, { password: 'battery staple' })).status, 204)
  const read: string[] = []
  for (const { path, operations } of registry.resources) if (operations.list) read.push(`${A}${path}/?page_size=100&ordering=-pk`)
  for (const path of [`crypto/certificatekeypairs/${String(pair.pk)}/`, `core/tokens/${token}/`, `core/users/${String(person.id)}/`])
    read.push(`${A}/${path}`, `${A}/${path}used_by/`)
  read.push(providerUrl, `${providerUrl}used_by/`)
  for (const url of read) {
    const { status, text } = await api.get(url)
    assert.equal(status, 200, `${url}: ${text.slice(0, 200)}`)
    for (const hidden of [pem.slice(40, 80), secret, changed, tokenKey, hash, 'battery staple', 'PRIVATE KEY'])
      assert.ok(!text.includes(hidden), `${url} shows a secret`)
  }
  for (const url of [`crypto/certificatekeypairs/${String(pair.pk)}/view_private_key/`, `core/tokens/${token}/view_key/`])
    assert.equal((await api.get(`${A}/${url}`)).status, 403, url)
  const { value } = (await ctx.db
    .selectFrom('event')
    .select(ctx.db.fn.countAll().as('value'))
    .where('action', '=', 'model_updated')
    .executeTakeFirstOrThrow()) as { value: number | string }
  assert.ok(Number(value) > 0)
  const contexts = (await ctx.db.selectFrom('event').select('context').execute()).map(row => JSON.stringify(row.context)).join('\n')
  for (const hidden of [secret, changed, tokenKey, 'battery staple', 'PRIVATE KEY'])
    assert.ok(!contexts.includes(hidden), 'an event shows a secret')
})

test('system information names no credential of the caller', async () => {
  const { admin, adminToken, ctx } = await server()
  assert.ok(!(await admin.get(`${A}/admin/system/`)).text.includes(adminToken))
  const browser = await signedIn(
    (await server()).app,
    ctx,
    await ctx.db.selectFrom('user').selectAll().where('username', '=', 'test-admin').executeTakeFirstOrThrow(),
  )
  const { status, body } = await browser.get(`${A}/admin/system/`)
  assert.equal(status, 200)
  assert.deepEqual(
    [body.http_headers.cookie, body.http_headers.authorization, body.http_headers['x-authentik-csrf']],
    [undefined, undefined, undefined],
  )
})

describe('delegated managers cannot reach superuser status, or any right that they do not hold (abuse case 71)', () => {
  const MANAGER = [
    'view_user',
    'add_user',
    'change_user',
    'delete_user',
    'reset_user_password',
    'impersonate',
    'view_group',
    'add_group',
    'change_group',
    'add_user_to_group',
  ].map(name => `authentik_core.${name}`)
  const ROLES = ['view_role', 'add_role', 'change_role', 'assign_role_permissions'].map(name => `authentik_rbac.${name}`)

  test('through the hierarchy of groups', async () => {
    const { ctx } = await server()
    const { api, user } = await holder(...MANAGER)
    const top = await aGroup(ctx, { is_superuser: true })
    const below = await aGroup(ctx, { parents: [top.group_uuid] })
    const plain = await aGroup(ctx, { users: [user.id] })
    for (const [method, url, body] of [
      ['PATCH', `core/groups/${String(below.group_uuid)}/`, { users: [user.id] }],
      ['POST', `core/groups/${String(below.group_uuid)}/add_user/`, { pk: user.id }],
      ['PATCH', `core/users/${String(user.id)}/`, { groups: [below.group_uuid] }],
      ['PATCH', `core/groups/${String(plain.group_uuid)}/`, { parents: [below.group_uuid] }],
      ['POST', 'core/groups/', { name: unique('g'), parents: [top.group_uuid] }],
      ['POST', 'core/users/', { username: unique('u'), name: '', groups: [top.group_uuid] }],
    ] as const) {
      assert.equal((await api.request(method, `${A}/${url}`, { body })).status, 400, `${method} ${url}`)
    }
    assert.equal((await api.get(`${A}/core/users/me/`)).body.user.is_superuser, false)
  })

  test('through roles', async () => {
    const { ctx, admin } = await server()
    const { api, user, role } = await holder(...MANAGER, ...ROLES)
    const strong = (await admin.post(`${A}/rbac/roles/`, { name: unique('strong') })).body.pk as string
    const assign = `rbac/permissions/assigned_by_roles/${strong}/assign/`
    assert.equal((await admin.post(`${A}/${assign}`, { permissions: ['authentik_core.enable_group_superuser'] })).status, 200)
    const group = await aGroup(ctx, { roles: [strong] })
    for (const [method, url, body] of [
      ['POST', `rbac/roles/${strong}/add_user/`, { pk: user.id }],
      ['PATCH', `core/users/${String(user.id)}/`, { roles: [strong] }],
      ['PATCH', `core/users/${String(user.id)}/`, { groups: [group.group_uuid] }],
      ['POST', `core/groups/${String(group.group_uuid)}/add_user/`, { pk: user.id }],
      ['POST', 'core/groups/', { name: unique('g'), roles: [strong], users: [user.id] }],
      ['POST', `rbac/permissions/assigned_by_roles/${role}/assign/`, { permissions: ['authentik_core.enable_group_superuser'] }],
    ] as const) {
      assert.equal((await api.request(method, `${A}/${url}`, { body })).status, 400, `${method} ${url}`)
    }
    // What they hold themselves they may hand on.
    assert.equal(
      (await api.post(`${A}/rbac/permissions/assigned_by_roles/${role}/assign/`, { permissions: ['authentik_core.view_user'] })).status,
      200,
    )
  })

  test("through a superuser's account", async () => {
    const { ctx, app } = await server()
    const { api, user } = await holder(...MANAGER)
    const admins = await aGroup(ctx, { is_superuser: true })
    const superuser = await aUser(ctx, { groups: [admins.group_uuid] })
    const url = `${A}/core/users/${String(superuser.id)}/`
    for (const [method, path, body] of [
      ['PATCH', '', { email: 'mine@example.test' }],
      ['POST', 'set_password/', { password: 'mine' }],
      ['POST', 'set_password_hash/', { password: 'mine' }],
      ['POST', 'recovery/', {}],
      ['DELETE', '', undefined],
    ] as const) {
      assert.equal((await api.request(method, `${url}${path}`, { body })).status, 403, `${method} ${path}`)
    }
    const browser = await signedIn(app, ctx, user)
    assert.equal((await browser.post(`${url}impersonate/`, { reason: 'mine' })).status, 403)
  })
})

test('tokens are looked up by their hash, and proofs compared in constant time (abuse case 74)', async () => {
  const { ctx } = await server()
  const key = await aToken(ctx, await aUser(ctx))
  const rows = await ctx.db.selectFrom('token').select(['key_hash', 'key_sealed']).execute()
  assert.ok(rows.every(row => row.key_hash !== key && !row.key_sealed.includes(key)))
})

test('75 a key cannot make or renew keys beyond itself', async () => {
  const { ctx, client } = await server()
  const user = await aUser(ctx)
  const identifier = unique('key')
  const expires = new Date(ctx.now().getTime() + 60_000)
  const api = client(await aToken(ctx, user, { identifier, expiring: true, expires }))
  const own = `${A}/core/tokens/${identifier}/`
  assert.equal((await api.get(own)).status, 200)
  for (const [method, url, body] of [
    ['POST', `${A}/core/tokens/`, { identifier: unique('more') }],
    ['PATCH', own, { description: 'renewed' }],
    ['PATCH', own, { expiring: false }],
    ['PUT', own, { identifier, expires: '2040-01-01T00:00:00Z' }],
    ['POST', `${own}set_key/`, { key: 'chosen by the key itself' }],
    ['GET', `${own}view_key/`, undefined],
  ] as const) {
    assert.equal((await api.request(method, url, { body })).status, 403, `${method} ${url}`)
  }
  const row = await ctx.db
    .selectFrom('token')
    .select(['expires', 'expiring'])
    .where('identifier', '=', identifier)
    .executeTakeFirstOrThrow()
  assert.deepEqual([row.expiring, row.expires!.getTime()], [true, expires.getTime()])
})

test('other origins are told nothing (abuse case 76)', async () => {
  const { admin, client } = await server()
  for (const [api, url] of [
    [admin, `${A}/core/users/me/`],
    [client(), `${A}/root/config/`],
  ] as const) {
    const answer = await api.get(url, { origin: 'https://evil.example' })
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
    const asked = await api.request('OPTIONS', url, { headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' } })
    assert.equal(asked.headers['access-control-allow-origin'], undefined)
  }
})

test("a signed-in browser's writes need the proof that they come from our pages", async () => {
  const { app, ctx } = await server()
  const browser = await signedIn(app, ctx, await aUser(ctx))
  const bare = (headers: Record<string, string>) =>
    browser.request('POST', `${A}/core/tokens/`, { body: { identifier: unique('t') }, headers })
  assert.deepEqual((await bare({ 'x-authentik-csrf': '' })).body, { detail: 'CSRF Failed: CSRF token missing.' })
  assert.deepEqual((await bare({ 'x-authentik-csrf': 'guess' })).body, {
    detail: "CSRF Failed: CSRF token from the 'X-Authentik-Csrf' HTTP header incorrect.",
  })
  assert.equal((await bare({})).status, 201)
})
