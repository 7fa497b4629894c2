import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Ctx } from '../../src/context.ts'
import {
  accountOf,
  aDirectorySource,
  aPerson,
  aTeam,
  groupDn,
  membersOf,
  personDn,
  PEOPLE,
  syncNow,
} from '../../src/sources/ldap/fixture.ts'
import { aRole, aToken, aUser, unique } from '../builders.ts'
import { aFlow, aStage, assertDone, FlowVisitor } from '../flows.ts'
import { ownServer, type TestServer } from '../harness.ts'
import { ADMIN_PASSWORD, startSlapd, type Slapd } from '../slapd.ts'

/** Attacks on directories as sources that succeeded elsewhere, each numbered as in the list of abuse cases. */

let own: TestServer
let slapd: Slapd
let ctx: Ctx
before(async () => {
  own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
  ctx = own.ctx
  slapd = await startSlapd({ memberOf: true })
})
after(() => slapd.stop())

const NAMES = ['*', '*)(uid=*', '(|(uid=*))', '\\2a', 'a\\', 'x)(objectClass=*', 'cn=admin', "' or 1=1 --", '#hash', 'ü+ö=<>;"']

/** RFC 4514 §2.4. */
const escaped = (value: string): string => value.replaceAll(/[,+"\\<>;=#]/g, '\\$&')
const dnOf = (uid: string): string => `uid=${escaped(uid)},${PEOPLE}`

test('57 names that look like filters or as distinguished names are names', async () => {
  await slapd.add(
    aPerson('victim', { userPassword: 'secret' }),
    ...NAMES.map(uid => ({ ...aPerson(uid, { userPassword: `password of ${uid}` }), dn: dnOf(uid), mail: 'x@example.test' })),
    aTeam('admins', [personDn('victim')]),
    ...NAMES.map(uid => ({ ...aTeam(uid, [dnOf(uid)]), dn: `cn=${escaped(uid)},${groupDn('x').slice(5)}`, cn: uid })),
  )
  for (const values of [{}, { lookup_groups_from_user: true, group_membership_field: 'memberOf' }]) {
    const source = await aDirectorySource(ctx, slapd, { ...values, user_matching_mode: 'username_link', delete_not_found_objects: true })
    await ctx.db.updateTable('source').set({ group_matching_mode: 'name_link' }).where('pbm_uuid', '=', source.pbm_uuid).execute()
    const { users, groups } = await syncNow(ctx, source)
    assert.deepEqual([users.skipped, groups.skipped], [0, 0])
    // Each is in their own group alone, by whichever way members are found.
    for (const name of NAMES) assert.deepEqual(await membersOf(ctx, name), [name])
    assert.deepEqual(await membersOf(ctx, 'admins'), ['victim'])
  }

  const { slug } = await aFlow(ctx, [
    'identification',
    await aStage(ctx, 'password', { backends: ['authentik.sources.ldap.auth.LDAPBackend'] }),
    'user_login',
  ])
  const signIn = async (uid_field: string, password: string) => {
    const visitor = new FlowVisitor(own.app)
    await visitor.challenge(slug)
    await visitor.challenge(slug, '', { uid_field })
    return visitor.challenge(slug, '', { component: 'ak-stage-password', password })
  }
  for (const name of NAMES) assertDone(await signIn(name, `password of ${name}`), '/')
  for (const name of [...NAMES, 'vic*', 'victim)(uid=*', `victim,${PEOPLE}`, personDn('victim')])
    assert.equal((await signIn(name, 'secret')).component, 'ak-stage-password', name)
  assertDone(await signIn('victim', 'secret'), '/')
  assert.equal((await accountOf(ctx, 'victim'))!.is_active, true)
})

test('58 what a directory shows is for whoever may change the source', async () => {
  const source = await aDirectorySource(ctx, slapd, { enabled: false })
  const path = (what: string) => `/api/v3/sources/ldap/${source.slug}/${what}/`
  const caller = async (...permissions: string[]) => {
    const user = await aUser(ctx)
    if (permissions.length > 0) await aRole(ctx, user, permissions)
    return own.client(await aToken(ctx, user))
  }
  const cases = [
    [own.client(), 403, 403],
    // Who may not see the source is not told that it is there.
    [await caller(), 404, 404],
    [await caller('authentik_core.view_user', 'authentik_core.view_source'), 404, 404],
    [await caller('authentik_sources_ldap.view_ldapsource'), 403, 200],
    [await caller('authentik_sources_ldap.view_ldapsource', 'authentik_sources_ldap.change_ldapsource'), 200, 200],
  ] as const
  for (const [client, debug, status] of cases) {
    assert.equal((await client.get(path('debug'))).status, debug)
    assert.equal((await client.get(path('sync/status'))).status, status)
  }
  const { text } = await own.admin.get(path('debug'))
  assert.ok(text.includes('victim') || text.includes('@example.test'))
  assert.ok(!text.includes('userPassword') && !text.includes('secret'))
})

test('58 the password of the source is shown to nobody, and stands in no event', async () => {
  const source = await aDirectorySource(ctx, slapd)
  const { slug } = source
  await own.admin.patch(`/api/v3/sources/ldap/${slug}/`, { bind_password: unique('another password') })
  await own.admin.patch(`/api/v3/sources/ldap/${slug}/`, { bind_password: ADMIN_PASSWORD })
  for (const path of ['', `${slug}/`, `${slug}/used_by/`]) {
    const { text } = await own.admin.get(`/api/v3/sources/ldap/${path}`)
    assert.ok(!text.includes(ADMIN_PASSWORD) && !text.includes('bind_password'))
  }
  const events = await ctx.db.selectFrom('event').select('context').execute()
  assert.ok(!JSON.stringify(events).includes(ADMIN_PASSWORD))
  const row = await ctx.db
    .selectFrom('source_ldap')
    .select('bind_password')
    .where('pbm_uuid', '=', source.pbm_uuid)
    .executeTakeFirstOrThrow()
  assert.ok(!row.bind_password.includes(ADMIN_PASSWORD))
})
