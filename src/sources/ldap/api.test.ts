import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { aGroup, unique } from '../../../test/builders.ts'
import { ownServer, type TestServer } from '../../../test/harness.ts'
import { ADMIN, ADMIN_PASSWORD, BASE, startSlapd, type Slapd } from '../../../test/slapd.ts'
import { withLease } from '../../tasks/lease.ts'
import { makeRunner } from '../../tasks/runner.ts'
import { accountOf, aPerson, aTeam, personDn, stockMappings } from './fixture.ts'
import { syncLdapSource } from './jobs.ts'
import { leaseOf } from './queue.ts'

const URL = '/api/v3/sources/ldap/'

let own: TestServer
let slapd: Slapd
before(async () => {
  own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
  slapd = await startSlapd({ entries: [aPerson('api-1'), aPerson('api-2'), aTeam('api-team', [personDn('api-1')])] })
})
after(() => slapd.stop())

const body = (values: object = {}) => {
  const slug = unique('ldap').replaceAll(' ', '-')
  return { name: slug, slug, server_uri: slapd.uri, base_dn: BASE, ...values }
}

const complete = async () =>
  body({
    bind_cn: ADMIN,
    bind_password: ADMIN_PASSWORD,
    object_uniqueness_field: 'entryUUID',
    group_object_filter: '(objectClass=groupOfNames)',
    user_property_mappings: await stockMappings(own.ctx, 'openldap-uid', 'openldap-cn'),
    group_property_mappings: await stockMappings(own.ctx, 'openldap-cn'),
  })

const step = () => makeRunner(own.ctx, [syncLdapSource]).step()
const status = async (slug: string) => (await own.admin.get(`${URL}${slug}/sync/status/`)).body
const scheduleOf = async (pk: string) => (await own.admin.get(`/api/v3/tasks/schedules/?rel_obj_id=${pk}`)).body.results[0]
const tasks = (pk: string) =>
  own.ctx.db
    .selectFrom('task')
    .select(['state', 'aggregated_status'])
    .where('actor_name', '=', 'ldap_sync')
    .where('uid', '=', `ldap_sync:${pk}`)
    .execute()

test('a source that is saved is synchronised, on saving and every hour', async () => {
  const { admin, ctx, clock } = own
  const made = await admin.post(URL, await complete())
  assert.equal(made.status, 201, made.text)
  const { slug, pk } = made.body
  assert.deepEqual(await status(slug), { is_running: false, last_sync_status: 'queued' })
  assert.equal(made.body.connectivity, null)
  assert.equal((await admin.patch(`${URL}${slug}/`, { name: `${slug}!` })).status, 200)
  assert.equal((await tasks(pk)).length, 1, 'one is enough')
  await step()
  assert.ok(await accountOf(ctx, 'api-1'))
  const after = await status(slug)
  assert.partialDeepStrictEqual(after, { is_running: false, last_sync_status: 'done' })
  assert.match(after.last_successful_sync, /^20\d\d-/)
  const shown = (await admin.get(`${URL}${slug}/`)).body
  assert.equal(shown.connectivity[slapd.uri].status, 'ok')
  assert.equal(shown.bind_password, undefined)
  const events = await ctx.db.selectFrom('event').select('context').where('action', '=', 'model_updated').execute()
  assert.ok(events.some(({ context }) => JSON.stringify(context).includes('Synchronised with the directory.')))

  // By the hour, and whenever somebody asks for it.
  const schedule = await scheduleOf(pk)
  assert.partialDeepStrictEqual(schedule, {
    actor_name: 'ldap_sync',
    rel_obj_app_label: 'authentik_sources_ldap',
    rel_obj_model: 'ldapsource',
    last_task_status: 'done',
    paused: false,
  })
  assert.equal((await admin.post(`/api/v3/tasks/schedules/${schedule.id}/send/`)).status, 204)
  assert.equal((await status(slug)).last_sync_status, 'queued')
  await step()
  clock.advance(3_600_000)
  await step()
  assert.deepEqual(
    (await tasks(pk)).map(task => task.state),
    ['done', 'done', 'done'],
  )
  const { results } = (await admin.get(`/api/v3/sources/user_connections/ldap/?source__slug=${slug}`)).body
  assert.deepEqual(results.map((row: { user_obj: { username: string } }) => row.user_obj.username).toSorted(), ['api-1', 'api-2'])
  const group = (await admin.get(`/api/v3/sources/group_connections/ldap/?source__slug=${slug}`)).body.results[0]
  assert.equal(group.group_obj.name, 'api-team')
  await admin.delete(`${URL}${slug}/`)
  assert.equal(await scheduleOf(pk), undefined)
  assert.ok(await accountOf(ctx, 'api-1'), 'people outlive the source')
})

test('one process synchronises at a time; the other comes again', async () => {
  const { admin, ctx, clock } = own
  const made = await admin.post(URL, { ...(await complete()), sync_users: false, sync_groups: false })
  const { slug } = made.body
  const source = { pbm_uuid: made.body.pk as string }
  await withLease(ctx, leaseOf(source), async () => {
    assert.equal((await status(slug)).is_running, true)
    await step()
  })
  assert.deepEqual((await tasks(source.pbm_uuid)).map(task => task.state).toSorted(), ['done', 'queued'])
  assert.equal((await status(slug)).is_running, false)
  clock.advance(60_000)
  await step()
  assert.deepEqual(
    (await tasks(source.pbm_uuid)).map(task => task.state),
    ['done', 'done'],
  )
  await admin.delete(`${URL}${slug}/`)
})

test('a directory that cannot be reached is said to be so', async () => {
  const { admin } = own
  const { slug, pk } = (await admin.post(URL, body({ server_uri: `ldap://127.0.0.1:1,${slapd.uri}`, base_dn: 'dc=elsewhere' }))).body
  await step()
  const { connectivity } = (await admin.get(`${URL}${slug}/`)).body
  assert.match(connectivity['ldap://127.0.0.1:1'].status, /ECONNREFUSED/)
  assert.equal(connectivity[slapd.uri].status, 'ok')
  const [task] = await tasks(pk)
  assert.equal(task!.state, 'queued', 'tried once more')
  const debug = await admin.get(`${URL}${slug}/debug/`)
  assert.equal(debug.status, 400)
  assert.match(debug.text, /NoSuchObject|result 32/)
  await admin.delete(`${URL}${slug}/`)
})

test('what people are known by does not change while unknown ones are deleted', async () => {
  const { admin } = own
  const { slug } = (await admin.post(URL, { ...(await complete()), user_matching_mode: 'username_link', delete_not_found_objects: true }))
    .body
  const path = `${URL}${slug}/`
  assert.equal((await admin.patch(path, { object_uniqueness_field: 'entryUUID' })).status, 200)
  await step()
  const refused = await admin.patch(path, { object_uniqueness_field: 'uid' })
  assert.deepEqual([refused.status, Object.keys(refused.body)], [400, ['object_uniqueness_field']])
  assert.equal((await admin.patch(path, { object_uniqueness_field: 'uid', delete_not_found_objects: false })).status, 200)
  await admin.delete(path)
})

test('what a source is shows the first entries of', async () => {
  const { admin } = own
  const { slug } = (await admin.post(URL, await complete())).body
  const { body: shown } = await admin.get(`${URL}${slug}/debug/`)
  assert.deepEqual(shown.user.map((entry: { uid: string[] }) => entry.uid[0]).toSorted(), ['api-1', 'api-2'])
  assert.deepEqual(shown.group[0].cn, ['api-team'])
  assert.deepEqual(shown.membership[0].member, [personDn('api-1')])
  await admin.delete(`${URL}${slug}/`)
})

test('settings that cannot work are refused', async () => {
  const { admin, ctx } = own
  const errors = async (values: object) => {
    const answer = await admin.post(URL, body(values))
    assert.equal(answer.status, 400, JSON.stringify(values))
    return Object.keys(answer.body)
  }
  for (const server_uri of ['http://directory', 'ldap://', 'ldap://a,', 'ldap://a b', 'ldap://user@host', 'ldap://host/dc=x'])
    assert.deepEqual(await errors({ server_uri }), ['server_uri'])
  assert.deepEqual(await errors({ user_object_filter: '(uid=*' }), ['user_object_filter'])
  assert.deepEqual(await errors({ group_object_filter: 'nonsense)' }), ['group_object_filter'])
  assert.deepEqual(await errors({ object_uniqueness_field: 'a)(b' }), ['object_uniqueness_field'])
  assert.deepEqual(await errors({ group_membership_field: 'memberOf:1.2:)' }), ['group_membership_field'])
  assert.deepEqual(await errors({ sync_parent_group: ctx.uuid() }), ['sync_parent_group'])
  const group = await aGroup(ctx)
  const good = await admin.post(
    URL,
    body({
      server_uri: 'ldaps://[fd00::1]:636, ldap://directory.example.test',
      group_membership_field: 'memberOf:1.2.840.113556.1.4.1941:',
      sync_parent_group: group.group_uuid,
      sync_users_password: true,
      enabled: false,
    }),
  )
  assert.equal(good.status, 201, good.text)
  const second = await admin.post(URL, body({ sync_users_password: true }))
  assert.deepEqual(second.body, { sync_users_password: ['Only a single LDAP Source with password synchronization is allowed'] })
  assert.equal((await admin.patch(`${URL}${good.body.slug}/`, { sync_users_password: true })).status, 200)
  assert.deepEqual(await tasks(good.body.pk), [])
  await admin.delete(`${URL}${good.body.slug}/`)
})
