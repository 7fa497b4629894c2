import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../../test/builders.ts'
import { ownServer, server } from '../../../test/harness.ts'
import { signedIn } from '../../../test/signed-in.ts'

const A = '/api/v3/core/users/'

test('a user name is taken once', async () => {
  const { admin } = await server()
  const username = unique('anna')
  assert.equal((await admin.post(A, { username, name: 'Anna' })).status, 201)
  assert.deepEqual((await admin.post(A, { username, name: 'Anna' })).body, { username: ['This field must be unique.'] })
})

test('paths have no empty segments', async () => {
  const { admin } = await server()
  for (const [path, text] of [
    ['/users', 'No leading or trailing slashes allowed.'],
    ['users/', 'No leading or trailing slashes allowed.'],
    ['a//b', 'No empty segments in user path allowed.'],
  ]) {
    assert.deepEqual((await admin.post(A, { username: unique('u'), name: '', path })).body, { path: [text] })
  }
})

test("internal accounts are the program's own", async () => {
  const { admin, ctx } = await server()
  assert.deepEqual((await admin.post(A, { username: unique('u'), name: '', type: 'internal_service_account' })).body, {
    type: ['Setting a user to internal service account is not allowed.'],
  })
  const internal = await aUser(ctx, { type: 'internal_service_account' })
  assert.deepEqual((await admin.patch(`${A}${String(internal.id)}/`, { name: 'x' })).body, {
    non_field_errors: ["Can't modify internal service account users"],
  })
})

for (const method of ['PATCH', 'PUT'] as const) {
  test(`switching an account off with ${method} ends its sessions at once`, async () => {
    const { admin, app, ctx } = await server()
    const user = await aUser(ctx)
    const browser = await signedIn(app, ctx, user)
    assert.equal((await browser.get(`${A}me/`)).status, 200)
    const body = { username: user.username, name: '', is_active: false }
    assert.equal((await admin.request(method, `${A}${String(user.id)}/`, { body })).status, 200)
    assert.equal((await browser.get(`${A}me/`)).status, 403)
    assert.deepEqual(
      await ctx.db
        .selectFrom('session')
        .select('uuid')
        .where('user', '=', user.id as number)
        .execute(),
      [],
    )
  })
}

test('me shows rights, inherited groups and merged settings', async () => {
  const { app, ctx } = await server()
  const top = await aGroup(ctx, { attributes: { settings: { locale: 'de', theme: { base: 'dark' } } } })
  const below = await aGroup(ctx, { parents: [top.group_uuid] })
  const user = await aUser(ctx, { groups: [below.group_uuid], attributes: { settings: { locale: 'fr' } } })
  await aRole(ctx, user, ['authentik_core.view_group'])
  const { body } = await (await signedIn(app, ctx, user)).get(`${A}me/`)
  assert.deepEqual(new Set(body.user.groups.map((group: { pk: string }) => group.pk)), new Set([top.group_uuid, below.group_uuid]))
  assert.deepEqual(body.user.settings, { locale: 'fr', theme: { base: 'dark' } })
  assert.deepEqual(body.user.system_permissions, ['authentik_core.view_group'])
  assert.deepEqual([body.user.is_current, body.users.length, 'original' in body], [true, 1, false])
})

test("a new password ends other sessions, keeps one's own and leaves an event", async () => {
  const { admin, app, ctx } = await server()
  const user = await aUser(ctx, { password: 'the old one' })
  await aRole(ctx, user, ['authentik_core.reset_user_password'])
  const [here, elsewhere] = [await signedIn(app, ctx, user), await signedIn(app, ctx, user)]
  assert.equal((await here.post(`${A}${String(user.id)}/set_password/`, { password: 'the new one' })).status, 204)
  assert.equal((await here.get(`${A}me/`)).status, 200)
  assert.equal((await elsewhere.get(`${A}me/`)).status, 403)
  const { password } = await ctx.db
    .selectFrom('user')
    .select('password')
    .where('id', '=', user.id as number)
    .executeTakeFirstOrThrow()
  assert.equal(await ctx.passwords.verify(password, 'the new one'), true)
  const events = await admin.get(`/api/v3/events/events/?action=password_set&context_model_pk=${String(user.id)}`)
  assert.equal(events.body.pagination.count, 1)
  assert.ok(!events.text.includes('the new one'))
  assert.equal((await admin.post(`${A}${String(user.id)}/set_password/`, { password: 'x'.repeat(513) })).status, 400)
})

test('password hashes are taken in the forms that can be checked, and no other', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const url = `${A}${String(user.id)}/set_password_hash/`
  for (const password of [
    'plain text',
    '',
    '!',
    '$2b$12$abcdefghijklmnopqrstuv',
    'pbkdf2_sha256$1$x$AAAA',
    '$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA',
  ]) {
    assert.equal((await admin.post(url, { password })).status, 400, password)
  }
  for (const hash of [await ctx.passwords.hash('secret'), 'pbkdf2_sha256$1000$salt$TUPqCBzHHCpHYZB8NFf+91pFVzFqkEdoL1CtskDbAGo='])
    assert.equal((await admin.post(url, { password: hash })).status, 204)
})

test('a service account gets a password of its own, which is no API token', async () => {
  const { admin, client, ctx } = await server()
  const name = unique('Back up Robot')
  const { status, body } = await admin.post(`${A}service_account/`, { name, create_group: true })
  assert.equal(status, 200)
  const user = (await admin.get(`${A}${String(body.user_pk)}/`)).body
  assert.partialDeepStrictEqual(user, {
    username: name,
    type: 'service_account',
    path: 'goauthentik.io/service-accounts',
    groups: [body.group_pk],
    attributes: { 'goauthentik.io/user/token-expires': true },
  })
  const token = await ctx.db.selectFrom('token').selectAll().where('user', '=', body.user_pk).executeTakeFirstOrThrow()
  assert.equal(token.intent, 'app_password')
  assert.match(token.identifier, /^service-account-back-up-robot-.*-password$/)
  assert.equal(Math.round((token.expires!.getTime() - Date.now()) / 86_400_000), 360)
  assert.equal((await client(body.token).get(`${A}me/`)).status, 403)
  assert.deepEqual((await admin.post(`${A}service_account/`, { name })).body, { name: ['This field must be unique.'] })
  const grouped = unique('grouped')
  await aGroup(ctx, { name: grouped })
  assert.deepEqual((await admin.post(`${A}service_account/`, { name: grouped, create_group: true })).body, {
    non_field_errors: ['A user/group with these details already exists'],
  })
  assert.equal(await ctx.db.selectFrom('user').select('id').where('username', '=', grouped).executeTakeFirst(), undefined)
  const endless = (await admin.post(`${A}service_account/`, { name: unique('endless'), expiring: false })).body
  assert.equal(
    (await ctx.db.selectFrom('token').select('expires').where('user', '=', endless.user_pk).executeTakeFirstOrThrow()).expires,
    null,
  )
})

test("an administrator looks through another's eyes, and stays responsible", async () => {
  const { app, ctx, admin } = await server()
  const [boss, user] = [await aUser(ctx), await aUser(ctx)]
  await aRole(ctx, boss, ['authentik_core.impersonate', 'authentik_core.view_user'])
  const browser = await signedIn(app, ctx, boss)
  const url = `${A}${String(user.id)}/impersonate/`
  assert.deepEqual((await browser.post(url, {})).body, { reason: ['This field is required.'] })
  assert.equal((await browser.post(`${A}${String(boss.id)}/impersonate/`, { reason: 'me' })).status, 401)
  const started = await browser.post(url, { reason: 'helping' })
  assert.equal(started.status, 204)
  assert.ok(started.cookies.some(cookie => cookie.name === 'authentik_session'))
  const me = (await browser.get(`${A}me/`)).body
  assert.deepEqual([me.user.pk, me.original.pk, me.original.is_current], [user.id, boss.id, false])
  assert.equal((await browser.post(`/api/v3/core/tokens/`, { identifier: unique('made') })).status, 201)
  const [event] = (await admin.get(`/api/v3/events/events/?username=${String(boss.username)}&action=model_created`)).body.results
  assert.partialDeepStrictEqual(event.user, { pk: boss.id, on_behalf_of: { pk: user.id } })
  assert.equal((await browser.get(`${A}impersonate_end/`)).status, 204)
  assert.equal((await browser.get(`${A}me/`)).body.user.pk, boss.id)
  assert.equal((await browser.get(`${A}impersonate_end/`)).status, 204)
  const actions = (await admin.get(`/api/v3/events/events/?username=${String(boss.username)}&action=impersonation`)).body.results
  assert.deepEqual(actions.map((entry: { action: string }) => entry.action).sort(), ['impersonation_ended', 'impersonation_started'])
})

test('switching an administrator off ends what they see through others', async () => {
  const { app, ctx, admin } = await server()
  const [boss, user] = [await aUser(ctx), await aUser(ctx)]
  await aRole(ctx, boss, ['authentik_core.impersonate'])
  const browser = await signedIn(app, ctx, boss)
  assert.equal((await browser.post(`${A}${String(user.id)}/impersonate/`, { reason: 'helping' })).status, 204)
  await admin.patch(`${A}${String(boss.id)}/`, { is_active: false })
  assert.equal((await browser.get(`${A}me/`)).status, 403)
})

test('a recovery link wants a recovery flow; without one the error is a plain text', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const domain = `${unique('brand')}.example.test`
  assert.equal((await admin.post('/api/v3/core/brands/', { domain })).status, 201)
  const answer = await admin.post(`${A}${String(user.id)}/recovery/`, {}, { host: domain })
  assert.deepEqual([answer.status, answer.body], [400, { non_field_errors: 'No recovery flow set.' }])
})

test('settings rule impersonation and what is forgotten with an account', async () => {
  const { admin, app, ctx } = await ownServer()
  const boss = await aUser(ctx)
  const user = await aUser(ctx)
  await aRole(ctx, boss, ['authentik_core.impersonate'])
  const browser = await signedIn(app, ctx, boss)
  const url = `${A}${String(user.id)}/impersonate/`
  await admin.patch('/api/v3/admin/settings/', { impersonation: false })
  assert.equal((await browser.post(url, { reason: 'x' })).status, 401)
  await admin.patch('/api/v3/admin/settings/', { impersonation: true, impersonation_require_reason: false, gdpr_compliance: false })
  assert.equal((await browser.post(url, {})).status, 204)
  const events = async (id: unknown) =>
    (await ctx.db.selectFrom('event').select('user').execute()).filter(row => (row.user as { pk: unknown }).pk === id).length
  for (const [gdpr, left] of [
    [false, 1],
    [true, 0],
  ] as const) {
    await admin.patch('/api/v3/admin/settings/', { gdpr_compliance: gdpr })
    const gone = await aUser(ctx)
    const own = await signedIn(app, ctx, gone)
    assert.equal((await own.post('/api/v3/core/tokens/', { identifier: unique('t') })).status, 201)
    assert.equal((await admin.delete(`${A}${String(gone.id)}/`)).status, 204)
    assert.equal(await events(gone.id), left)
  }
})

test('filters of accounts find by group, role, kind, date and attributes', async () => {
  const { admin, ctx } = await server()
  const group = await aGroup(ctx)
  const user = await aUser(ctx, {
    groups: [group.group_uuid],
    type: 'external',
    path: unique('customers'),
    attributes: { settings: { locale: 'de' }, level: 5 },
  })
  const role = await aRole(ctx, user, [])
  await aToken(ctx, user)
  const found = async (query: string) => (await admin.get(`${A}?${query}&username=${String(user.username)}`)).body.results.length as number
  const matching = [
    `groups_by_pk=${String(group.group_uuid)}`,
    `groups_by_name=${String(group.name)}`,
    `roles_by_pk=${role}`,
    'type=external&type=internal',
    `path=${String(user.path)}`,
    'path_startswith=customers',
    'is_active=true',
    'is_superuser=false',
    'last_login__isnull=true',
    'date_joined__gt=2020-01-01T00:00:00Z',
    `uuid=${String(user.uuid)}`,
    `attributes=${encodeURIComponent('{"settings__locale":"de","level":5}')}`,
    `search=${String(user.username)}`,
  ]
  for (const query of matching) assert.equal(await found(query), 1, query)
  for (const query of [
    'type=internal',
    'is_active=false',
    'is_superuser=true',
    'last_login__isnull=false',
    'date_joined__lt=2020-01-01T00:00:00Z',
    `attributes=${encodeURIComponent('{"level":"5"}')}`,
  ])
    assert.equal(await found(query), 0, query)
})
