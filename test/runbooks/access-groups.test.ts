import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { adminsGroup, aGroup, aToken, aUser, unique } from '../builders.ts'
import { server, type Client } from '../harness.ts'
import { Visitor } from '../visitor.ts'

/** What operators do to gate applications by groups, with the bodies their scripts send. */

const A = '/api/v3'

async function anApplication(admin: Client, values: Row = {}): Promise<{ pk: string; slug: string; name: string }> {
  const slug = unique('app')
  const created = await admin.post(`${A}/core/applications/`, { name: slug, slug, ...values })
  assert.equal(created.status, 201, JSON.stringify(created.body))
  return created.body
}

const bind = (admin: Client, target: string, group: unknown, more: Row = {}) =>
  admin.post(`${A}/policies/bindings/`, { group, target, order: 0, enabled: true, negate: false, timeout: 30, ...more })

const passes = async (admin: Client, slug: string, user: Row) =>
  (await admin.get(`${A}/core/applications/${slug}/check_access/?for_user=${String(user.id)}`)).body.passing as boolean

test('R-101: the token gate answers with a count, a wrong token with 403', async () => {
  const { admin, client } = await server()
  assert.equal(typeof (await admin.get(`${A}/core/groups/?page_size=1`)).body.pagination.count, 'number')
  assert.equal((await client('wrong').get(`${A}/core/groups/?page_size=1`)).status, 403)
})

test('R-101: an expired token is refused with 403', async () => {
  const { client, ctx } = await server()
  const token = await aToken(ctx, await aUser(ctx), { expiring: true, expires: new Date(ctx.now().getTime() - 1000) })
  const { status, body } = await client(token).get(`${A}/core/users/me/`)
  assert.deepEqual([status, body], [403, { detail: 'Token invalid/expired' }])
})

test('R-102: a group is created once', async () => {
  const { admin } = await server()
  const name = unique('finance-users')
  const created = await admin.post(`${A}/core/groups/`, { name })
  assert.equal(created.status, 201)
  assert.equal(created.body.name, name)
  assert.match(created.body.pk, /^[0-9a-f-]{36}$/)
  const again = await admin.post(`${A}/core/groups/`, { name })
  assert.deepEqual([again.status, again.body], [400, { name: ['Group with this name already exists.'] }])
})

test('R-103: a group is bound to an application that is found by its slug', async () => {
  const { admin, ctx } = await server()
  const { slug } = await anApplication(admin)
  const found = await admin.get(`${A}/core/applications/?slug=${slug}&superuser_full_list=true`)
  const { pk } = found.body.results[0]
  assert.match(pk, /^[0-9a-f-]{36}$/)
  const group = await aGroup(ctx)
  const bound = await bind(admin, pk, group.group_uuid)
  assert.equal(bound.status, 201)
  assert.equal(bound.body.group_obj.name, group.name)
  assert.equal(bound.body.target, pk)
  assert.equal(bound.body.policy_obj, null)
  const listed = await admin.get(`${A}/policies/bindings/?target=${pk}`)
  assert.deepEqual(
    listed.body.results.map((row: Row) => row.pk),
    [bound.body.pk],
  )
  assert.equal((await bind(admin, pk, (await aGroup(ctx)).group_uuid)).status, 201, 'a second group may share the order')
})

test('R-103: a binding names what is wrong with it', async () => {
  const { admin, ctx } = await server()
  const { pk } = await anApplication(admin)
  const group = await aGroup(ctx)
  const nowhere = '00000000-0000-4000-8000-000000000000'
  assert.deepEqual((await bind(admin, nowhere, group.group_uuid)).body, { target: [`Invalid pk "${nowhere}" - object does not exist.`] })
  assert.deepEqual((await bind(admin, pk, nowhere)).body, { group: [`Invalid pk "${nowhere}" - object does not exist.`] })
  assert.deepEqual((await bind(admin, pk, null)).body, { non_field_errors: ["One of 'group', 'policy', 'user' must be set."] })
  assert.deepEqual((await bind(admin, pk, group.group_uuid, { user: (await aUser(ctx)).id })).body, {
    non_field_errors: ["Only one of 'group', 'policy', 'user' can be set."],
  })
  const missing = await admin.post(`${A}/policies/bindings/`, { group: group.group_uuid, target: pk })
  assert.deepEqual(missing.body, { order: ['This field is required.'] })
  assert.equal((await admin.get(`${A}/policies/bindings/?target=${nowhere}`)).status, 400)
})

test('R-104: no binding lets everybody in, one group its members, two groups the members of either', async () => {
  const { admin, ctx } = await server()
  const { pk, slug } = await anApplication(admin, { policy_engine_mode: 'any' })
  const [one, two] = [await aGroup(ctx), await aGroup(ctx)]
  const [inOne, inTwo, outside] = [
    await aUser(ctx, { groups: [one.group_uuid] }),
    await aUser(ctx, { groups: [two.group_uuid] }),
    await aUser(ctx),
  ]
  assert.equal(await passes(admin, slug, outside), true)
  await bind(admin, pk, one.group_uuid)
  assert.deepEqual([await passes(admin, slug, inOne), await passes(admin, slug, inTwo)], [true, false])
  await bind(admin, pk, two.group_uuid)
  assert.deepEqual([await passes(admin, slug, inTwo), await passes(admin, slug, outside)], [true, false])
})

test('R-104: a member of a child group counts as a member of its parent', async () => {
  const { admin, ctx } = await server()
  const { pk, slug } = await anApplication(admin)
  const parent = await aGroup(ctx)
  const child = await aGroup(ctx, { parents: [parent.group_uuid] })
  const member = await aUser(ctx, { groups: [child.group_uuid] })
  await bind(admin, pk, parent.group_uuid)
  assert.equal(await passes(admin, slug, member), true)
})

test('R-104: superusers pass without a binding while the setting says so', async () => {
  const { admin, ctx } = await server()
  const { pk, slug } = await anApplication(admin)
  await bind(admin, pk, (await aGroup(ctx)).group_uuid)
  const superuser = await aUser(ctx, { groups: [await adminsGroup(ctx)] })
  assert.equal(await passes(admin, slug, superuser), true)
  await admin.patch(`${A}/admin/settings/`, { superuser_bypass: false })
  assert.equal(await passes(admin, slug, superuser), false)
  await admin.patch(`${A}/admin/settings/`, { superuser_bypass: true })
})

test('R-105: the user that a search finds is only taken when the name is exactly the one wanted', async () => {
  const { admin, ctx } = await server()
  const name = unique('demo')
  await aUser(ctx, { username: `${name}-admin` })
  await aUser(ctx, { username: name })
  const fuzzy = await admin.get(`${A}/core/users/?search=${name}`)
  assert.equal(fuzzy.body.results.length, 2)
  const exact = await admin.get(`${A}/core/users/?username=${name}`)
  assert.deepEqual(
    exact.body.results.map((user: Row) => user.username),
    [name],
  )
})

test('R-105, R-106: members are added and removed by replacing the list', async () => {
  const { admin, ctx } = await server()
  const [old, fresh] = [await aUser(ctx), await aUser(ctx)]
  const group = await aGroup(ctx, { users: [old.id] })
  const url = `${A}/core/groups/${String(group.group_uuid)}/`
  assert.deepEqual((await admin.get(url)).body.users, [old.id])
  const added = await admin.patch(url, { users: [old.id, fresh.id] })
  assert.equal(added.status, 200)
  assert.deepEqual(new Set(added.body.users_obj.map((user: Row) => user.username)), new Set([old.username, fresh.username]))
  assert.deepEqual((await admin.patch(url, { users: [fresh.id] })).body.users, [fresh.id])
  assert.deepEqual((await admin.patch(url, { users: [999_999_999] })).body, { users: ['Invalid pk "999999999" - object does not exist.'] })
  assert.deepEqual((await admin.patch(url, { users: ['five'] })).body, { users: ['Incorrect type. Expected pk value, received str.'] })
  assert.deepEqual((await admin.patch(url, { users: [] })).body.users, [])
})

test('R-105, R-106: a body that is no JSON changes nothing; one member at a time is added and removed without a list', async () => {
  const { admin, ctx } = await server()
  const [old, fresh] = [await aUser(ctx), await aUser(ctx)]
  const group = await aGroup(ctx, { users: [old.id] })
  const url = `${A}/core/groups/${String(group.group_uuid)}/`
  const users = async () => new Set((await admin.get(url)).body.users as number[])
  const broken = await admin.request('PATCH', url, { payload: '{"users": [, 5]}', headers: { 'content-type': 'application/json' } })
  assert.equal(broken.status, 400)
  assert.match(broken.body.detail, /^JSON parse error - /)
  assert.deepEqual(await users(), new Set([old.id]))
  for (const [action, left] of [
    ['add_user', [old.id, fresh.id]],
    ['remove_user', [old.id]],
  ] as const) {
    const answer = await admin.post(`${url}${action}/`, { pk: fresh.id })
    assert.deepEqual([answer.status, answer.text], [204, ''])
    assert.deepEqual(await users(), new Set(left))
  }
})

test('R-107: removing the last binding opens the application again', async () => {
  const { admin, ctx } = await server()
  const { pk, slug } = await anApplication(admin)
  const outside = await aUser(ctx)
  const { body } = await bind(admin, pk, (await aGroup(ctx)).group_uuid)
  assert.equal(await passes(admin, slug, outside), false)
  const gone = await admin.delete(`${A}/policies/bindings/${body.pk}/`)
  assert.deepEqual([gone.status, gone.text], [204, ''])
  assert.equal(await passes(admin, slug, outside), true)
  assert.equal((await admin.delete(`${A}/policies/bindings/${body.pk}/`)).status, 404)
})

test('R-108: a renamed group keeps its key, its bindings and its members', async () => {
  const { admin, ctx } = await server()
  const { pk, slug } = await anApplication(admin)
  const group = await aGroup(ctx)
  const member = await aUser(ctx, { groups: [group.group_uuid] })
  await bind(admin, pk, group.group_uuid)
  const name = unique('media-users')
  const renamed = await admin.patch(`${A}/core/groups/${String(group.group_uuid)}/`, { name })
  assert.deepEqual([renamed.body.name, renamed.body.pk], [name, group.group_uuid])
  assert.equal((await admin.get(`${A}/policies/bindings/?target=${pk}`)).body.results[0].group_obj.name, name)
  assert.equal(await passes(admin, slug, member), true)
})

test('R-109, R-110: groups and bindings can be audited', async () => {
  const { admin, ctx } = await server()
  const user = await aUser(ctx)
  const group = await aGroup(ctx, { users: [user.id] })
  const listed = (await admin.get(`${A}/core/groups/?page_size=50&name=${String(group.name)}`)).body.results[0]
  assert.deepEqual(
    [listed.name, listed.pk, listed.is_superuser, listed.users_obj.map((row: Row) => row.username)],
    [group.name, group.group_uuid, false, [user.username]],
  )
  const { pk } = await anApplication(admin)
  assert.deepEqual((await admin.get(`${A}/policies/bindings/?target=${pk}`)).body.results, [])
  await admin.post(`${A}/policies/bindings/`, { user: user.id, target: pk, order: 0 })
  const [binding] = (await admin.get(`${A}/policies/bindings/?target=${pk}`)).body.results
  assert.equal(binding.group_obj, null)
  assert.equal(binding.user_obj.username, user.username)
})

test('R-111, R-113, R-114, R-115: the listing shows what the caller may open, at once and without a bypass', async () => {
  const { admin, ctx, client } = await server()
  const { pk, slug } = await anApplication(admin)
  const api = client(await aToken(ctx, await aUser(ctx)))
  const seen = async (who: Client) =>
    (await who.get(`${A}/core/applications/?superuser_full_list=false&slug=${slug}`)).body.results.map((row: Row) => row.slug)
  assert.deepEqual(await seen(api), [slug])
  const { body } = await bind(admin, pk, (await aGroup(ctx)).group_uuid)
  assert.deepEqual(await seen(api), [])
  assert.deepEqual(await seen(admin), [], 'the bypass opens an application but does not fill the library')
  assert.deepEqual((await admin.get(`${A}/core/applications/?superuser_full_list=true&slug=${slug}`)).body.results.length, 1)
  assert.deepEqual(
    (await api.get(`${A}/core/applications/?superuser_full_list=true&slug=${slug}`)).body.results,
    [],
    'only superusers get the full list',
  )
  await admin.delete(`${A}/policies/bindings/${body.pk}/`)
  assert.deepEqual(await seen(api), [slug])
})

test('R-110: every application of the whole list can be audited, in pages', async () => {
  const { admin, ctx } = await server()
  const family = unique('audited')
  const group = await aGroup(ctx)
  const made = [await anApplication(admin, { group: family }), await anApplication(admin, { group: family })]
  await bind(admin, made[1]!.pk, group.group_uuid)
  const found = new Map<string, string[]>()
  for (let page = 1; page > 0;) {
    const { body } = await admin.get(`${A}/core/applications/?superuser_full_list=true&page_size=1&group=${family}&page=${page}`)
    for (const { slug } of body.results as Row[]) {
      const [{ pk }] = (await admin.get(`${A}/core/applications/?slug=${String(slug)}&superuser_full_list=true`)).body.results
      const bindings = (await admin.get(`${A}/policies/bindings/?target=${String(pk)}`)).body.results as Row[]
      found.set(
        slug as string,
        bindings.map(({ group_obj: object }) => (object as Row).name as string),
      )
    }
    page = body.pagination.next as number
  }
  assert.deepEqual(
    found,
    new Map([
      [made[0]!.slug, []],
      [made[1]!.slug, [group.name as string]],
    ]),
  )
})

test('R-113: the library page shows what the list does, and superusers launch the rest all the same', async () => {
  const { admin, ctx, app } = await server()
  const site = `https://${unique('tile')}.example.test`
  const { pk, slug } = await anApplication(admin, { meta_launch_url: `${site}/` })
  await bind(admin, pk, (await aGroup(ctx)).group_uuid)
  const password = 'a good password'
  const at = async (user: Row) => {
    const browser = new Visitor(app)
    assert.equal((await browser.signIn(user.username as string, password)).component, 'xak-flow-redirect')
    return { library: (await browser.get('/if/user/')).text, launched: await browser.get(`/application/launch/${slug}/`) }
  }
  const superuser = await at(await aUser(ctx, { password, groups: [await adminsGroup(ctx)] }))
  assert.equal(superuser.library.includes(site), false)
  assert.deepEqual([superuser.launched.status, superuser.launched.headers.location], [302, `${site}/`])
  const other = await at(await aUser(ctx, { password }))
  assert.equal(other.library.includes(site), false)
  assert.equal(other.launched.headers.location, undefined)
  assert.match(other.launched.text, /Permission denied/)
})

test('R-112: a negated binding keeps members out and lets the others in; a disabled one says nothing', async () => {
  const { admin, ctx } = await server()
  const { pk, slug } = await anApplication(admin)
  const group = await aGroup(ctx)
  const [member, outside] = [await aUser(ctx, { groups: [group.group_uuid] }), await aUser(ctx)]
  const { body } = await bind(admin, pk, group.group_uuid, { negate: true })
  assert.deepEqual([await passes(admin, slug, member), await passes(admin, slug, outside)], [false, true])
  const patched = await admin.patch(`${A}/policies/bindings/${body.pk}/`, { enabled: false })
  assert.deepEqual([patched.status, patched.body.enabled], [200, false])
  assert.equal(await passes(admin, slug, member), true)
})

test('R-116: five category groups and twelve applications behave as the table says', async () => {
  const { admin, ctx } = await server()
  const groups = await Promise.all(Array.from({ length: 5 }, () => aGroup(ctx)))
  const user = await aUser(ctx, { groups: [groups[1]!.group_uuid] })
  const apps: { slug: string; group: number | null }[] = []
  for (let index = 0; index < 12; index++) {
    const { pk, slug } = await anApplication(admin)
    const group = index < 8 ? index % 5 : null
    if (group !== null) await bind(admin, pk, groups[group]!.group_uuid)
    apps.push({ slug, group })
  }
  for (const { slug, group } of apps) assert.equal(await passes(admin, slug, user), group === null || group === 1)
})
