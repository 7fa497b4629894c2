import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aToken, aUser, unique } from '../../../test/builders.ts'
import { HOST, server } from '../../../test/harness.ts'
import { aPolicy } from '../../../test/policies.ts'
import type { Row } from '../../api/model.ts'
import { mayOpen } from './access.ts'
import { applicationBySlug, tilesFor } from './model.ts'
import { flowKey } from '../../providers/oauth2/fixture.ts'

const PATH = '/api/v3/core/applications/'

async function created(path: string, body: Row): Promise<Row> {
  const { admin } = await server()
  const made = await admin.post(path, body)
  assert.equal(made.status, 201, made.text)
  return made.body as Row
}

/** An application with these bindings, switched on unless they say otherwise. */
async function application(family: string, mode: 'any' | 'all', bindings: Row[], values: Row = {}): Promise<string> {
  const slug = unique(family)
  const { pk } = await created(PATH, { name: slug, slug, group: family, policy_engine_mode: mode, ...values })
  for (const [order, binding] of bindings.entries()) await created('/api/v3/policies/bindings/', { target: pk, order, ...binding })
  return slug
}

test('The list holds the applications that each person may open, whatever is bound to them', async () => {
  const { ctx, client } = await server()
  const family = unique('listed')
  const parent = await aGroup(ctx)
  const child = await aGroup(ctx, { parents: [parent.group_uuid] })
  const other = await aGroup(ctx)
  const [member, loner] = [await aUser(ctx, { groups: [child.group_uuid] }), await aUser(ctx)]
  const idle = await aUser(ctx, { is_active: false })
  const yes = { policy: (await aPolicy('expression', { expression: 'return True' })).pk }
  const no = { policy: (await aPolicy('expression', { expression: 'return False' })).pk }
  const inGroup = { group: parent.group_uuid }
  const inOther = { group: other.group_uuid }
  const sets: Row[][] = [
    [],
    [inGroup],
    [inOther],
    [{ user: loner.id }],
    [{ ...inGroup, enabled: false }],
    [{ ...inGroup, negate: true }],
    [{ ...inOther, negate: true }],
    [inGroup, inOther],
    [inGroup, { ...inOther, negate: true }],
    [{ ...inGroup, enabled: false }, { user: loner.id }],
    [yes],
    [no],
    [yes, inOther],
    [no, inGroup],
    [{ ...yes, enabled: false }],
    [{ ...no, enabled: false }, inGroup],
  ]
  const slugs: string[] = []
  for (const mode of ['any', 'all'] as const) for (const bindings of sets) slugs.push(await application(family, mode, bindings))
  for (const user of [member, loner, idle]) {
    const expected: string[] = []
    for (const slug of slugs) {
      if ((await mayOpen(ctx, (await applicationBySlug(ctx, slug))!, user, { bypass: false })).passing) expected.push(slug)
    }
    const shown = user.is_active
      ? await client(await aToken(ctx, user)).get(`${PATH}?group=${family}&page_size=100&ordering=slug`)
      : await (await server()).admin.get(`${PATH}?group=${family}&page_size=100&ordering=slug&for_user=${String(user.id)}`)
    const found = (shown.body.results as Row[]).map(row => row.slug)
    assert.deepEqual((found as string[]).toSorted(), expected.toSorted(), String(user.username))
    assert.equal(shown.body.pagination.count, expected.length)
    assert.ok(user === idle ? expected.length === 0 : expected.length > 5 && expected.length < slugs.length)
  }
})

test('Pages and searches count what the person may open alone', async () => {
  const { ctx, client } = await server()
  const family = unique('paged')
  const user = await aUser(ctx)
  for (let index = 0; index < 5; index++) await application(family, 'any', index === 2 ? [{ group: (await aGroup(ctx)).group_uuid }] : [])
  const mine = client(await aToken(ctx, user))
  const pages = await Promise.all([1, 2].map(page => mine.get(`${PATH}?search=${family}&page_size=3&page=${page}`)))
  assert.deepEqual(
    pages.map(({ body }) => [body.pagination.count, body.results.length]),
    [
      [4, 3],
      [4, 1],
    ],
  )
})

test('Applications without an address to be opened at can be left out, and have no tile', async () => {
  const { ctx, client } = await server()
  const family = unique('launched')
  const member = await aGroup(ctx)
  const closed = [{ group: (await aGroup(ctx)).group_uuid }]
  const flow = await flowKey(ctx, 'default-provider-authorization-implicit-consent')
  const provider = async (...uris: Row[]) =>
    (await created('/api/v3/providers/oauth2/', { name: unique('launched'), authorization_flow: flow, redirect_uris: uris })).pk
  const strict = (url: string, more: Row = {}) => ({ matching_mode: 'strict', url, ...more })
  const pattern = { matching_mode: 'regex', url: 'https://.*\\.example\\.test/callback' }
  const site = 'https://own.example.test'
  const expected = new Map([
    [
      await application(family, 'any', [], { meta_launch_url: 'https://app.example.test/%(username)s' }),
      'https://app.example.test/{username}',
    ],
    [await application(family, 'any', [], { provider: await provider(strict(`${site}/callback`)) }), site],
    [
      await application(family, 'any', [{ group: member.group_uuid }], { provider: await provider(pattern, strict(`${site}/callback`)) }),
      site,
    ],
  ])
  await application(family, 'any', [])
  await application(family, 'any', [], { provider: await provider() })
  await application(family, 'any', [], { provider: await provider(pattern) })
  await application(family, 'any', [], { provider: await provider(strict('app.example:/callback')) })
  await application(family, 'any', [], { provider: await provider(strict(`${site}/bye`, { redirect_uri_type: 'logout' })) })
  await application(family, 'any', [], { meta_launch_url: 'blank://blank' })
  await application(family, 'any', [], { meta_launch_url: 'https://app.example.test', meta_hide: true })
  await application(family, 'any', closed, { meta_launch_url: 'https://app.example.test' })
  const initiated = await provider(strict('app.example:/callback'))
  await created('/api/v3/signet/oauth2_clients/', { provider: initiated, initiate_login_uri: 'https://begin.example.test/' })
  const slug = await application(family, 'any', [], { provider: initiated })
  expected.set(slug, `https://begin.example.test/?iss=${encodeURIComponent(`https://${HOST}/application/o/${slug}/`)}`)

  const user = await aUser(ctx, { groups: [member.group_uuid] })
  const answer = await client(await aToken(ctx, user)).get(`${PATH}?group=${family}&only_with_launch_url=true&page_size=100`)
  const wanted = new Map([...expected].map(([name, url]) => [name, url.replace('{username}', String(user.username))]))
  assert.deepEqual(new Map((answer.body.results as Row[]).map(row => [row.slug, row.launch_url])), wanted)
  assert.equal(answer.body.pagination.count, expected.size)
  const tiles = (await tilesFor(ctx, user)).filter(tile => tile.group === family)
  assert.deepEqual(new Set(tiles.map(tile => tile.slug)), new Set(wanted.keys()))
})

test('The site that redirect URIs suggest follows them', async () => {
  const { admin, ctx } = await server()
  const flow = await flowKey(ctx, 'default-provider-authorization-implicit-consent')
  const uri = (host: string) => [{ matching_mode: 'strict', url: `https://${host}/callback` }]
  const { pk } = await created('/api/v3/providers/oauth2/', {
    name: unique('moving'),
    authorization_flow: flow,
    redirect_uris: uri('one.example.test'),
  })
  const slug = await application(unique('moving'), 'any', [], { provider: pk })
  const launchUrl = async () => (await admin.get(`${PATH}${slug}/`)).body.launch_url as unknown
  assert.equal(await launchUrl(), 'https://one.example.test')
  await admin.patch(`/api/v3/providers/oauth2/${String(pk)}/`, { redirect_uris: uri('two.example.test') })
  assert.equal(await launchUrl(), 'https://two.example.test')
  await admin.patch(`/api/v3/providers/oauth2/${String(pk)}/`, { access_code_validity: 'minutes=2' })
  assert.equal(await launchUrl(), 'https://two.example.test')
  await admin.patch(`/api/v3/providers/oauth2/${String(pk)}/`, { redirect_uris: [] })
  assert.equal(await launchUrl(), null)
})
