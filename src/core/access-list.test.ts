import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aToken, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { aPolicy } from '../../test/policies.ts'
import type { Row } from '../api/model.ts'
import { mayOpen } from './access.ts'
import { applicationBySlug } from './application.ts'

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

test('Applications without an address to be opened at can be left out', async () => {
  const { ctx, client } = await server()
  const family = unique('launched')
  const shown = await application(family, 'any', [], { meta_launch_url: 'https://app.example.test/%(username)s' })
  await application(family, 'any', [])
  await application(family, 'any', [], { meta_launch_url: 'blank://blank' })
  await application(family, 'any', [], { meta_launch_url: 'https://app.example.test', meta_hide: true })
  const user = await aUser(ctx)
  const answer = await client(await aToken(ctx, user)).get(`${PATH}?group=${family}&only_with_launch_url=true`)
  assert.deepEqual(
    (answer.body.results as Row[]).map(row => [row.slug, row.launch_url]),
    [[shown, `https://app.example.test/${String(user.username)}`]],
  )
  assert.equal(answer.body.pagination.count, 1)
})
