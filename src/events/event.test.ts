import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aRole, aToken, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { recordEvent } from './record.ts'
import { contextText } from './tidy.ts'

const A = '/api/v3/events/events/'

test('every write leaves an entry with who, what, from where and until when', async () => {
  const { admin } = await server()
  const name = unique('noted')
  const group = (await admin.post('/api/v3/core/groups/', { name })).body.pk as string
  await admin.patch(`/api/v3/core/groups/${group}/`, { attributes: { colour: 'red', api_key: 'hidden-value' } })
  await admin.delete(`/api/v3/core/groups/${group}/`)
  const { results } = (await admin.get(`${A}?context_model_pk=${group}&ordering=created`)).body
  assert.deepEqual(
    results.map((entry: { action: string }) => entry.action),
    ['model_created', 'model_updated', 'model_deleted'],
  )
  const [created, updated] = results
  assert.partialDeepStrictEqual(created, {
    user: { username: 'test-admin' },
    context: {
      model: { app: 'authentik_core', model_name: 'group', name },
      http_request: { method: 'POST', path: '/api/v3/core/groups/' },
    },
  })
  assert.equal(Math.round((Date.parse(created.expires) - Date.parse(created.created)) / 86_400_000), 365)
  assert.equal(updated.context.diff.attributes.new.colour, 'red')
  assert.ok(!JSON.stringify(results).includes('hidden-value'))
})

test('an entry names the brand that was asked, and lists can be narrowed to it', async () => {
  const { admin, ctx } = await server()
  const domain = `${unique('brand')}.example.test`
  const brand = (await admin.post('/api/v3/core/brands/', { domain })).body.brand_uuid as string
  const name = unique('noted')
  for (const host of ['id.example.test', `login.${domain}`])
    assert.equal((await admin.post('/api/v3/core/groups/', { name: `${name}-${host}` }, { host })).status, 201)
  const { results } = (await admin.get(`${A}?search=${name}&ordering=created`)).body
  assert.deepEqual(
    results.map((entry: { brand: object }) => entry.brand),
    [
      {
        app: 'authentik_brands',
        model_name: 'brand',
        name: 'Default brand',
        pk: (results[0] as { brand: { pk: string } }).brand.pk,
      },
      { app: 'authentik_brands', model_name: 'brand', name: `Brand ${domain}`, pk: brand.replaceAll('-', '') },
    ],
  )
  assert.equal((await admin.get(`${A}?brand_name=${encodeURIComponent(`Brand ${domain}`)}`)).body.pagination.count, 1)
  // What no request asked for has none.
  await recordEvent(ctx, 'custom_test', { mark: name })
  assert.deepEqual((await admin.get(`${A}?search=${name}&action=custom_test`)).body.results[0].brand, {})
})

test('filters look into contexts, on both databases', async () => {
  const { admin, ctx } = await server()
  const [app, device] = [unique('app'), unique('device')]
  const user = await aUser(ctx)
  await recordEvent(ctx, 'authorize_application', { authorized_application: { pk: app, name: 'Wiki' }, device: { pk: device } }, { user })
  const count = async (query: string) => (await admin.get(`${A}?${query}`)).body.pagination.count as number
  for (const query of [
    `context_authorized_app=${app}`,
    `context_device=${device}`,
    `username=${String(user.username)}`,
    `username=${String(user.username)}&action=AUTHORIZE`,
    `search=${app}`,
    `username=${String(user.username)}&actions=login&actions=authorize_application`,
  ]) {
    assert.equal(await count(query), 1, query)
  }
  for (const query of [
    `context_authorized_app=${app}x`,
    `username=${String(user.username)}&actions=login`,
    `username=${String(user.username)}&context_model_app=authentik_core`,
  ])
    assert.equal(await count(query), 0, query)
  const [top] = (await admin.get(`${A}top_per_user/?username=${String(user.username)}`)).body
  assert.deepEqual(top, {
    application: { app: 'authentik_core', model_name: 'application', pk: app, name: 'Wiki' },
    counted_events: 1,
    unique_users: 1,
  })
  const stats = (await admin.get(`${A}stats/?username=${String(user.username)}&count_steps=hours=1&count_steps=days=1`)).body
  assert.deepEqual(stats, { unique_users: 1, count_step: { 'hours=1': 1, 'days=1': 1 } })
  const volume = (await admin.get(`${A}volume/?username=${String(user.username)}`)).body
  assert.deepEqual(
    volume.map((entry: { action: string; count: number }) => [entry.action, entry.count]),
    [['authorize_application', 1]],
  )
})

test('entries that others send are masked, and nobody rewrites or deletes one', async () => {
  const { admin, ctx, client } = await server()
  const sent = await admin.post(A, { action: 'custom_backup', app: 'backup', context: { password: 'hidden-value', size: 5 } })
  assert.equal(sent.status, 201)
  assert.deepEqual(sent.body.context, { password: '********************', size: 5 })
  assert.deepEqual((await admin.post(A, { action: 'nonsense', app: 'x' })).body, { action: ['"nonsense" is not a valid choice.'] })
  for (const method of ['PUT', 'PATCH', 'DELETE'])
    assert.equal((await admin.request(method, `${A}${String(sent.body.pk)}/`, { body: {} })).status, 405)
  const user = await aUser(ctx)
  await aRole(ctx, user, ['authentik_events.view_event'])
  assert.equal((await client(await aToken(ctx, user)).post(A, { action: 'login', app: 'x' })).status, 403)
})

test('what visitors say of themselves is kept in bounds', async () => {
  const { ctx, admin } = await server()
  const user = await aUser(ctx)
  const request = {
    id: 'x',
    method: 'GET',
    path: '/\0\ud800',
    query: 'a=%00%ED%A0%80&token=hidden-value',
    clientIp: '192.0.2.1',
    userAgent: '\0',
    origin: '',
    host: '',
    headers: {},
  }
  await recordEvent(
    { ...ctx, request },
    'login_failed',
    { username: 'x'.repeat(1_000_000), list: Array.from({ length: 5000 }, () => 'y') },
    { user },
  )
  const [entry] = (await admin.get(`${A}?username=${String(user.username)}`)).body.results
  assert.ok(JSON.stringify(entry).length < 70_000)
  assert.equal(entry.context.http_request.args.token, '********************')
  assert.equal(
    contextText({
      model: { pk: '1' },
      rest: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'z'.repeat(8000)])),
    }),
    '{"model":{"pk":"1"},"truncated":true}',
  )
})

test('a group of no interest to the caller leaves no trace in their log', async () => {
  const { ctx, client } = await server()
  const user = await aUser(ctx)
  await aGroup(ctx)
  assert.equal((await client(await aToken(ctx, user)).get(A)).status, 403)
})
