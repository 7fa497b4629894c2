import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { aParty, aSignedInBrowser, type Party } from '../../src/providers/oauth2/fixture.ts'
import { aGroup, aUser, unique } from '../builders.ts'
import { server, type Client } from '../harness.ts'
import { signedIn } from '../signed-in.ts'

/** Who may open what: trees of groups, kinds of accounts, hosts; and what is left after objects are deleted. */

const A = '/api/v3'

const bind = async (admin: Client, target: unknown, what: Row, more: Row = {}) => {
  const made = await admin.post(`${A}/policies/bindings/`, {
    target,
    order: 0,
    enabled: true,
    negate: false,
    timeout: 30,
    ...what,
    ...more,
  })
  assert.equal(made.status, 201, made.text)
  return made.body as Row & { pk: string }
}

test('R-403 a binding of the parent admits members of its children, and makes nobody a superuser', async () => {
  const { admin, ctx, app } = await server()
  const parent = await admin.post(`${A}/core/groups/`, { name: unique('Allow Login Users') })
  const child = async (name: string) =>
    (await admin.post(`${A}/core/groups/`, { name: unique(name), parents: [parent.body.pk] })).body as Row
  const children = [await child('VPN Users'), await child('Server Admins'), await child('App Users')]
  const slug = unique('app')
  const application = await admin.post(`${A}/core/applications/`, { name: slug, slug })
  await bind(admin, application.body.pk, { group: parent.body.pk })
  const passes = async (user: Row) =>
    (await admin.get(`${A}/core/applications/${slug}/check_access/?for_user=${String(user.id)}`)).body.passing
  for (const group of children) {
    const user = await aUser(ctx, { groups: [group.pk] })
    assert.equal(await passes(user), true, String(group.name))
    const me = await (await signedIn(app, ctx, user)).get(`${A}/core/users/me/`)
    assert.equal(me.body.user.is_superuser, false)
  }
  assert.equal(await passes(await aUser(ctx)), false)
  assert.equal(await passes(await aUser(ctx, { groups: [(await aGroup(ctx)).group_uuid] })), false)
  assert.equal(parent.body.is_superuser, false)
})

test('R-404 internal and external accounts open applications; the library is for internal ones alone', async () => {
  const party = await aParty()
  const { ctx } = party.server
  for (const type of ['internal', 'external']) {
    const user = await aUser(ctx, { type })
    const { browser } = await aSignedInBrowser(user)
    assert.ok((await party.tokens(browser)).id_token, type)
    const library = await browser.get('/if/user/')
    if (type === 'internal') assert.equal(library.status, 200)
    else {
      assert.match(library.text, /Interface can only be accessed by internal users\.|Permission denied|can only be/i)
      assert.doesNotMatch(library.text, /class="application"/)
    }
  }
})

const HOSTS = Array.from({ length: 15 }, (_, index) => `service-${index}.example.test`)

/** What the operator wrote: hosts that are for administrators, one that has groups of its own, and the rest for everybody. */
const restriction = (admins: string, prefix: string) => `
from urllib.parse import urlparse

restricted = ${JSON.stringify(HOSTS)}
address = context.get("oauth_redirect_uri") or request.http_request.GET.get("redirect_uri", "")
host = urlparse(address).hostname

if host == "k8s.example.test":
    names = [group.name for group in request.user.all_groups()]
    return "${admins}" in names or any(name.startswith("${prefix}") for name in names)
if host in restricted:
    if ak_is_group_member(request.user, name="${admins}"):
        return True
    ak_message("This host is for administrators.")
    return False
return True
`

test('R-407 a policy of an application for a whole domain decides by the host that was asked for', async () => {
  const redirect = (host: string) => `https://${host}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true`
  const party: Party = await aParty({
    redirect_uris: [
      {
        matching_mode: 'regex',
        url: 'https://[a-z0-9-]+\\.example\\.test/outpost\\.goauthentik\\.io/callback\\?X-authentik-auth-callback=true',
      },
    ],
  })
  const { admin, ctx } = party.server
  const [admins, prefix] = [unique('Server Admins'), unique('kubernetes')]
  const policy = await admin.post(`${A}/policies/expression/`, {
    name: unique('admin-services-restriction'),
    expression: restriction(admins, prefix),
  })
  assert.equal(policy.status, 201, policy.text)
  await bind(admin, party.application.pk, { policy: policy.body.pk })
  const member = async (name: string) => (await aGroup(ctx, { name })).group_uuid
  const people = {
    admin: await aUser(ctx, { groups: [await member(admins)] }),
    operator: await aUser(ctx, { groups: [await member(`${prefix}-operators`)] }),
    anybody: await aUser(ctx),
  }
  const expected: Record<keyof typeof people, boolean[]> = {
    admin: [true, true, true],
    operator: [false, true, true],
    anybody: [false, false, true],
  }
  const hosts = [HOSTS[7]!, 'k8s.example.test', 'wiki.example.test']
  for (const [who, user] of Object.entries(people)) {
    const { browser } = await aSignedInBrowser(user)
    for (const [index, host] of hosts.entries()) {
      const answer = await party.authorize(browser, { redirect_uri: redirect(host) })
      const location = String(answer.headers.location ?? '')
      const admitted = location.startsWith(`https://${host}/`) && new URL(location).searchParams.has('code')
      assert.equal(admitted, expected[who as keyof typeof people][index], `${who} at ${host}: ${answer.status} ${location}`)
      if (!admitted) assert.match(answer.text, /Permission denied|denied/)
    }
  }
})

test('R-416 what nothing uses is deleted, and takes its bindings along and nothing else', async () => {
  const { admin } = await server()
  const name = unique('cleanup')
  const post = async (path: string, body: Row): Promise<Row & { pk: string }> => {
    const made = await admin.post(`${A}${path}`, body)
    assert.equal(made.status, 201, made.text)
    return made.body as Row & { pk: string }
  }
  const flow = await post('/flows/instances/', { name, slug: name, title: name, designation: 'authentication' })
  const other = await post('/flows/instances/', { name: `${name}-2`, slug: `${name}-2`, title: name, designation: 'authentication' })
  const stage = await post('/stages/deny/', { name })
  const bound = await post('/flows/bindings/', { target: flow.pk, stage: stage.pk, order: 0 })
  const kept = await post('/flows/bindings/', { target: other.pk, stage: stage.pk, order: 0 })
  const policy = await post('/policies/reputation/', { name })
  const group = await post('/core/groups/', { name })
  const role = await post('/rbac/roles/', { name })
  const bindings = [
    await bind(admin, flow.pk, { group: group.pk }),
    await bind(admin, bound.pk, { policy: policy.pk }),
    await bind(admin, other.pk, { policy: policy.pk }),
  ]
  const gone = async (path: string) => assert.equal((await admin.get(`${A}${path}`)).status, 404, path)
  const there = async (path: string) => assert.equal((await admin.get(`${A}${path}`)).status, 200, path)
  const remove = async (path: string) => assert.equal((await admin.delete(`${A}${path}`)).status, 204, path)
  const usedBy = (await admin.get(`${A}/policies/reputation/${policy.pk}/used_by/`)).body as Row[]
  assert.ok(usedBy.every(use => use.model_name === 'policybinding'))

  await remove(`/flows/instances/${name}/`)
  await gone(`/flows/bindings/${bound.pk}/`)
  for (const binding of bindings.slice(0, 2)) await gone(`/policies/bindings/${binding.pk}/`)
  await there(`/policies/bindings/${bindings[2]!.pk}/`)
  for (const path of [`/stages/deny/${stage.pk}/`, `/policies/reputation/${policy.pk}/`, `/core/groups/${group.pk}/`]) await there(path)

  await remove(`/policies/reputation/${policy.pk}/`)
  await gone(`/policies/bindings/${bindings[2]!.pk}/`)
  await there(`/flows/instances/${name}-2/`)
  await remove(`/stages/deny/${stage.pk}/`)
  await gone(`/flows/bindings/${kept.pk}/`)
  await remove(`/core/groups/${group.pk}/`)
  await remove(`/rbac/roles/${role.pk}/`)
  await remove(`/flows/instances/${name}-2/`)
})
