import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aSource, aToken, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { insertObject, withDefaults } from '../api/store.ts'
import type { Row } from '../api/model.ts'
import { transact, type Ctx } from '../context.ts'
import { GroupOAuthSourceConnection, UserOAuthSourceConnection } from './oauth/connection.ts'

const A = '/api/v3/sources/'

const body = (values: Row = {}): Row => ({
  name: unique('Source'),
  slug: unique('source'),
  provider_type: 'github',
  consumer_key: 'key',
  consumer_secret: 'a secret',
  ...values,
})

const connect = (ctx: Ctx, source: Row, user: Row, values: Row = {}): Promise<Row> =>
  transact(ctx, ctx =>
    insertObject(
      ctx,
      UserOAuthSourceConnection,
      withDefaults(ctx, UserOAuthSourceConnection, { source: source.pbm_uuid, user: user.id, identifier: unique('id'), ...values }),
    ),
  )

test('a source is made, read, changed and deleted, and its secret never shown', async () => {
  const { admin } = await server()
  const made = await admin.post(`${A}oauth/`, body({ name: 'GitHub', slug: 'github-of-tests', user_matching_mode: 'email_link' }))
  assert.equal(made.status, 201)
  assert.ok(!made.text.includes('a secret'))
  assert.partialDeepStrictEqual(made.body, {
    name: 'GitHub',
    slug: 'github-of-tests',
    enabled: true,
    promoted: false,
    user_matching_mode: 'email_link',
    group_matching_mode: 'identifier',
    policy_engine_mode: 'any',
    user_path_template: 'goauthentik.io/sources/%(slug)s',
    managed: null,
    pkce: 'none',
    authorization_code_auth_method: 'basic_auth',
    additional_scopes: '',
    authorization_url: null,
    component: 'ak-source-oauth-form',
    meta_model_name: 'authentik_sources_oauth.oauthsource',
    user_property_mappings: [],
  })
  assert.match(made.body.callback_url, /^https?:\/\/[^/]+\/source\/oauth\/callback\/github-of-tests\/$/)
  assert.equal(made.body.type.authorization_url, 'https://github.com/login/oauth/authorize')
  const url = `${A}oauth/github-of-tests/`
  assert.equal((await admin.patch(url, { promoted: true, group_matching_mode: 'name_link' })).body.group_matching_mode, 'name_link')
  const put = await admin.put(url, body({ name: 'GitHub 2', slug: 'github-of-tests' }))
  assert.deepEqual([put.status, put.body.promoted, put.body.name], [200, true, 'GitHub 2'])
  const other = await admin.post(`${A}oauth/`, body({ slug: 'github-of-tests' }))
  assert.deepEqual(other.body, { slug: ['source with this slug already exists.'] })
  assert.equal((await admin.delete(url)).status, 204)
  assert.equal((await admin.get(url)).status, 404)
})

test('sources of every kind stand in one list with the name of their kind; the built-in one stays', async () => {
  const { admin, ctx } = await server()
  const source = await aSource(ctx)
  const one = await admin.get(`${A}all/${String(source.slug)}/`)
  assert.partialDeepStrictEqual(one.body, {
    pk: source.pbm_uuid,
    component: 'ak-source-oauth-form',
    verbose_name: 'OAuth Source',
    meta_model_name: 'authentik_sources_oauth.oauthsource',
  })
  assert.equal(one.body.icon_url, '/static/dist/assets/icons/sources/github.svg')
  assert.ok(!('group_matching_mode' in one.body))
  assert.deepEqual((await admin.get(`${A}all/${String(source.slug)}/used_by/`)).body, [])
  const [builtIn] = (await admin.get(`${A}all/?managed=goauthentik.io/sources/inbuilt`)).body.results
  assert.partialDeepStrictEqual(builtIn, { slug: 'authentik-built-in', component: '', meta_model_name: 'authentik_core.source' })
  assert.equal((await admin.delete(`${A}all/authentik-built-in/`)).status, 405)
  assert.equal((await admin.delete(`${A}all/${String(source.slug)}/`)).status, 204)
  assert.equal((await admin.get(`${A}oauth/${String(source.slug)}/`)).status, 404)
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'model_deleted').execute()
  const deleted = events.map(({ context }) => (context as Row).model as Row | undefined).filter(model => model?.name === source.name)
  assert.deepEqual(
    deleted.map(model => model!.model_name),
    ['oauthsource'],
  )
  const types = (await admin.get(`${A}all/types/`)).body as Row[]
  assert.ok(types.some(type => type.component === 'ak-source-oauth-form'))
})

test('types of providers without addresses want those of the source', async () => {
  const { admin } = await server()
  const made = await admin.post(`${A}oauth/`, body({ provider_type: 'openidconnect' }))
  assert.deepEqual([made.status, made.body], [400, { non_field_errors: ['authorization_url is required for provider OpenID Connect'] }])
  const whole = body({
    provider_type: 'openidconnect',
    authorization_url: 'https://up.example.test/authorize',
    access_token_url: 'https://up.example.test/token',
    profile_url: 'https://up.example.test/userinfo',
  })
  assert.equal((await admin.post(`${A}oauth/`, whole)).status, 201)
  const emptied = await admin.patch(`${A}oauth/${String(whole.slug)}/`, { access_token_url: null })
  assert.deepEqual(emptied.body, { non_field_errors: ['access_token_url is required for provider OpenID Connect'] })
  for (const [field, value] of [
    ['provider_type', 'nothing'],
    ['authorization_url', 'javascript:alert(1)'],
    ['profile_url', 'file:///etc/passwd'],
    ['icon', 'javascript:alert(1)'],
    ['oidc_jwks', { keys: 1 }],
    ['slug', 'a b'],
    ['user_matching_mode', 'anything'],
  ] as const) {
    const refused = await admin.post(`${A}oauth/`, body({ [field]: value }))
    assert.deepEqual([refused.status, Object.keys(refused.body)], [400, [field]], field)
  }
})

test('all types of providers are told, one by its name, and the generic one for a name that nothing has', async () => {
  const { admin } = await server()
  const all = (await admin.get(`${A}oauth/source_types/`)).body as Row[]
  assert.equal(all.length, 16)
  const [google] = (await admin.get(`${A}oauth/source_types/?name=google`)).body as Row[]
  assert.partialDeepStrictEqual(google, {
    verbose_name: 'Google',
    urls_customizable: false,
    profile_url: 'https://www.googleapis.com/oauth2/v1/userinfo',
  })
  assert.equal(((await admin.get(`${A}oauth/source_types/?name=x`)).body as Row[])[0]!.name, 'openidconnect')
})

test('lists of OAuth sources are narrowed by what stands in them', async () => {
  const { admin, ctx } = await server()
  const keys = await aSource(ctx, { oidc_jwks: { keys: [] }, consumer_key: unique('key') })
  const bare = await aSource(ctx, { consumer_key: keys.consumer_key, provider_type: 'google' })
  const found = async (query: string) =>
    ((await admin.get(`${A}oauth/?consumer_key=${String(keys.consumer_key)}&${query}`)).body.results as Row[]).map(row => row.pk)
  assert.deepEqual(await found('has_jwks=true'), [keys.pbm_uuid])
  assert.deepEqual(await found('has_jwks=false'), [bare.pbm_uuid])
  assert.deepEqual(await found('provider_type=google'), [bare.pbm_uuid])
  assert.deepEqual(await found(`pbm_uuid=${String(bare.pbm_uuid)}`), [bare.pbm_uuid])
  assert.deepEqual(await found('enabled=false'), [])
})

test('connections are seen and broken by their owner, and say who is who to nobody else (abuse 52)', async () => {
  const { client, ctx } = await server()
  const source = await aSource(ctx)
  const [mine, theirs] = [await aUser(ctx), await aUser(ctx)]
  const own = await connect(ctx, source, mine, { access_token: 'upstream token' })
  const foreign = await connect(ctx, source, theirs)
  const me = client(await aToken(ctx, mine))
  for (const kind of ['all', 'oauth']) {
    const url = `${A}user_connections/${kind}/`
    const listed = await me.get(url)
    assert.deepEqual(
      (listed.body.results as Row[]).map(row => row.pk),
      [own.id],
    )
    assert.ok(!listed.text.includes('upstream token'))
    assert.partialDeepStrictEqual(listed.body.results[0], { user: mine.id, source: source.pbm_uuid, source_obj: { slug: source.slug } })
    assert.equal((await me.get(`${url}${String(foreign.id)}/`)).status, 404)
    assert.equal((await me.delete(`${url}${String(foreign.id)}/`)).status, 404)
    assert.equal((await me.patch(`${url}${String(own.id)}/`, { identifier: 'somebody-else' })).status, 403)
    assert.equal((await me.post(url, { source: source.pbm_uuid, identifier: 'somebody-else', user: mine.id })).status, 405)
  }
  assert.equal((await me.delete(`${A}user_connections/oauth/${String(own.id)}/`)).status, 204)
  assert.deepEqual((await me.get(`${A}user_connections/all/`)).body.results, [])
})

test('not even those who may change connections change whose they are, who that is, or where (abuse 52)', async () => {
  const { admin, ctx } = await server()
  const [source, other] = [await aSource(ctx), await aSource(ctx)]
  const [user, victim] = [await aUser(ctx), await aUser(ctx)]
  const row = await connect(ctx, source, user)
  const group = await aGroup(ctx)
  const of = await transact(ctx, ctx =>
    insertObject(
      ctx,
      GroupOAuthSourceConnection,
      withDefaults(ctx, GroupOAuthSourceConnection, { source: source.pbm_uuid, group: group.group_uuid, identifier: unique('id') }),
    ),
  )
  const wanted = { user: victim.id, identifier: 'another', source: other.pbm_uuid, group: (await aGroup(ctx)).group_uuid }
  for (const kind of ['all', 'oauth']) {
    for (const answer of [
      await admin.patch(`${A}user_connections/${kind}/${String(row.id)}/`, wanted),
      await admin.put(`${A}user_connections/${kind}/${String(row.id)}/`, wanted),
    ]) {
      assert.equal(answer.status, 200)
      assert.partialDeepStrictEqual(answer.body, { user: user.id, identifier: row.identifier, source: source.pbm_uuid })
    }
    const changed = await admin.patch(`${A}group_connections/${kind}/${String(of.id)}/`, wanted)
    assert.partialDeepStrictEqual(changed.body, { group: group.group_uuid, identifier: of.identifier, source: source.pbm_uuid })
  }
})

test('a connection is one of its source and goes with it, its account or its group', async () => {
  const { admin, ctx } = await server()
  const source = await aSource(ctx)
  const user = await aUser(ctx)
  const row = await connect(ctx, source, user)
  const listed = await admin.get(`${A}user_connections/all/?source__slug=${String(source.slug)}&user=${String(user.id)}`)
  assert.deepEqual(
    (listed.body.results as Row[]).map(({ pk }) => pk),
    [row.id],
  )
  await assert.rejects(connect(ctx, source, await aUser(ctx), { identifier: row.identifier }))
  await admin.delete(`${A}all/${String(source.slug)}/`)
  assert.equal((await admin.get(`${A}user_connections/oauth/${String(row.id)}/`)).status, 404)
})

test('people see the sources that they may connect: enabled, allowed by policies, by name', async () => {
  const { client, admin, ctx } = await server()
  const user = await aUser(ctx)
  const [open, off, closed] = [
    await aSource(ctx, { name: 'Z open' }),
    await aSource(ctx, { enabled: false }),
    await aSource(ctx, { name: 'A' }),
  ]
  const group = await aGroup(ctx)
  const bound = await admin.post('/api/v3/policies/bindings/', { target: closed.pbm_uuid, group: group.group_uuid, order: 0 })
  assert.equal(bound.status, 201)
  const me = client(await aToken(ctx, user))
  const shown = async () => {
    const wanted = [open, off, closed].map(({ slug }) => slug)
    return ((await me.get(`${A}all/user_settings/`)).body as Row[]).filter(({ object_uid }) => wanted.includes(object_uid))
  }
  const [only, ...rest] = await shown()
  assert.partialDeepStrictEqual(only, {
    object_uid: open.slug,
    title: 'Z open',
    component: 'ak-user-settings-source-oauth',
    configure_url: `/source/oauth/login/${String(open.slug)}/`,
  })
  assert.deepEqual(rest, [])
  await ctx.db
    .insertInto('user_group')
    .values({ user: user.id as number, group: group.group_uuid as string })
    .execute()
  assert.deepEqual(
    (await shown()).map(({ object_uid }) => object_uid),
    [closed.slug, open.slug],
  )
})

test('sources are for those with the right to them', async () => {
  const { client, ctx, admin } = await server()
  const source = await aSource(ctx)
  const [nobody, reader, changer] = [await aUser(ctx), await aUser(ctx), await aUser(ctx)]
  await aRole(ctx, reader, ['authentik_core.view_source', 'authentik_sources_oauth.view_oauthsource'])
  await aRole(ctx, changer, ['authentik_sources_oauth.view_oauthsource', 'authentik_sources_oauth.change_oauthsource'])
  const as = async (user: Row) => client(await aToken(ctx, user))
  const [none, look, change] = [await as(nobody), await as(reader), await as(changer)]
  const url = `${A}oauth/${String(source.slug)}/`
  assert.equal((await client().get(url)).status, 403)
  assert.deepEqual(
    [(await none.get(url)).status, (await none.get(`${A}oauth/`)).status, (await none.get(`${A}all/`)).status],
    [404, 403, 403],
  )
  assert.equal((await none.post(`${A}oauth/`, body())).status, 403)
  assert.deepEqual([(await look.get(url)).status, (await look.get(`${A}all/${String(source.slug)}/`)).status], [200, 200])
  for (const path of [url, `${A}all/${String(source.slug)}/`]) assert.equal((await look.delete(path)).status, 403)
  assert.equal((await look.patch(url, { enabled: false })).status, 403)
  assert.equal((await change.patch(url, { promoted: true })).status, 200)
  assert.equal((await change.delete(url)).status, 403)
  assert.equal((await admin.delete(url)).status, 204)
})
