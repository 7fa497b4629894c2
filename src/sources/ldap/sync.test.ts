import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { aGroup, aUser, unique } from '../../../test/builders.ts'
import { ownServer, type TestServer } from '../../../test/harness.ts'
import { signedIn } from '../../../test/signed-in.ts'
import { startSlapd, type Slapd } from '../../../test/slapd.ts'
import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { updateObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { groupsOf } from '../../core/group/membership.ts'
import {
  accountOf,
  aDirectorySource,
  aPerson,
  aTeam,
  groupDn,
  GROUPS,
  membersOf,
  PEOPLE,
  personDn,
  stockMappings,
  syncNow,
} from './fixture.ts'
import { LDAPSourcePropertyMapping } from './mapping.ts'
import { LDAPSource } from './model.ts'

let own: TestServer
/** Its people say which groups they are in; its groups list whoever is in the groups within them. */
let slapd: Slapd
/** Its groups list what was written into them, and its entries may be Active Directory's. */
let plain: Slapd
let ctx: Ctx
before(async () => {
  own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1,localhost', SIGNET_LDAP__PAGE_SIZE: '3' })
  slapd = await startSlapd({ memberOf: true })
  plain = await startSlapd()
  ctx = own.ctx
})
after(async () => {
  await slapd.stop()
  await plain.stop()
})

const set = (source: Row, values: Row) => updateObject(ctx, LDAPSource, source.pbm_uuid, values)
const onlyPerson = (uid: string) => ({ user_object_filter: `(uid=${uid})`, sync_groups: false })

const aMapping = async (expression: string): Promise<string> =>
  (await createObject(ctx, LDAPSourcePropertyMapping, { name: unique('mapping'), expression })).pm_uuid as string

/** All that a synchronisation may write. */
const everything = async () => {
  const tables = [
    'user',
    'user_source_connection',
    'user_ldap_source_connection',
    'group_source_connection',
    'source_ldap',
    'event',
  ] as const
  return Promise.all(tables.map(table => ctx.db.selectFrom(table).selectAll().execute()))
}

const nothing = { created: 0, linked: 0, updated: 0, removed: 0, skipped: 0 }

test('people, groups and their members come over; the second time nothing changes', async () => {
  const uids = Array.from({ length: 8 }, (_, index) => `first${index}`)
  await slapd.add(...uids.map(uid => aPerson(uid)), aTeam('first-a', uids.slice(0, 5).map(personDn)), aTeam('first-b', uids.map(personDn)))
  const source = await aDirectorySource(ctx, slapd, {
    user_object_filter: '(&(objectClass=inetOrgPerson)(uid=first*))',
    group_object_filter: '(cn=first-*)',
  })
  const first = await syncNow(ctx, source)
  assert.deepEqual(first, {
    users: { ...nothing, created: 8 },
    groups: { ...nothing, created: 2 },
    members: { added: 13, removed: 0 },
    warnings: [],
  })
  const account = (await accountOf(ctx, 'first3'))!
  assert.partialDeepStrictEqual(account, {
    name: 'Person first3',
    email: 'first3@example.test',
    is_active: true,
    path: `goauthentik.io/sources/${source.slug}`,
    attributes: { distinguishedName: personDn('first3') },
    password: '!',
  })
  assert.match((account.attributes as Row).ldap_uniq as string, /^[\da-f-]{36}$/)
  assert.deepEqual(await membersOf(ctx, 'first-a'), uids.slice(0, 5))

  let told = 0
  const stop = own.deps.database.feed.onChange(['group', 'user_group', 'group_parent', 'source_ldap'], () => told++)
  const before = await everything()
  const second = await syncNow(ctx, source)
  stop()
  assert.deepEqual(second, { users: nothing, groups: nothing, members: { added: 0, removed: 0 }, warnings: [] })
  assert.deepEqual([await everything(), told], [before, 0])

  await slapd.set(personDn('first3'), { cn: 'Renamed', mail: 'new@example.test' })
  await slapd.set(groupDn('first-a'), { member: [personDn('first0'), personDn('first7')] })
  const third = await syncNow(ctx, source)
  assert.deepEqual([third.users, third.groups, third.members], [{ ...nothing, updated: 1 }, nothing, { added: 1, removed: 4 }])
  assert.partialDeepStrictEqual(await accountOf(ctx, 'first3'), { name: 'Renamed', email: 'new@example.test' })
  assert.deepEqual(await membersOf(ctx, 'first-a'), ['first0', 'first7'])
})

test('who was put into a group here stays in it', async () => {
  await slapd.add(aPerson('guest-1'), aTeam('guests', [personDn('guest-1')]))
  const source = await aDirectorySource(ctx, slapd, { user_object_filter: '(uid=guest-1)', group_object_filter: '(cn=guests)' })
  await syncNow(ctx, source)
  const { group_uuid } = await ctx.db.selectFrom('group').select('group_uuid').where('name', '=', 'guests').executeTakeFirstOrThrow()
  const local = await aUser(ctx, { groups: [group_uuid] })
  assert.deepEqual((await syncNow(ctx, source)).members, { added: 0, removed: 0 })
  assert.deepEqual(await membersOf(ctx, 'guests'), ['guest-1', local.username as string].toSorted())
})

test('groups within groups are groups below groups, and circles come to an end', async () => {
  await plain.add(
    aPerson('nested'),
    aTeam('inner', [personDn('nested'), groupDn('outer')]),
    aTeam('middle', [groupDn('inner')]),
    aTeam('outer', [groupDn('middle'), 'cn=nobody,dc=elsewhere']),
  )
  const parent = await aGroup(ctx)
  const source = await aDirectorySource(ctx, plain, {
    user_object_filter: '(uid=nested)',
    group_object_filter: '(|(cn=inner)(cn=middle)(cn=outer))',
    sync_group_hierarchy: true,
    sync_parent_group: parent.group_uuid,
  })
  const { warnings } = await syncNow(ctx, source)
  assert.deepEqual(warnings, ['Groups contain each other; one of the ways round is left out'])
  const user = (await accountOf(ctx, 'nested'))!
  assert.deepEqual(
    (await groupsOf(ctx.db, user.id as number)).map(group => group.name),
    ['inner', 'middle', 'outer', parent.name as string].toSorted(),
  )
  assert.deepEqual((await syncNow(ctx, source)).members, { added: 0, removed: 0 })
  await plain.set(groupDn('middle'), { member: personDn('nested') })
  await syncNow(ctx, source)
  const edges = await ctx.db
    .selectFrom('group_parent')
    .innerJoin('group as c', 'c.group_uuid', 'group_parent.child')
    .innerJoin('group as p', 'p.group_uuid', 'group_parent.parent')
    .where('c.name', '=', 'inner')
    .select('p.name')
    .execute()
  assert.ok(!edges.some(({ name }) => name === 'middle'))
})

test('people say themselves which groups they are in, nested ones too', async () => {
  await slapd.add(
    aPerson('said-1'),
    aPerson('said-2'),
    aTeam('said(inner)*', [personDn('said-1')]),
    aTeam('said-outer', [groupDn('said(inner)*'), personDn('said-2')]),
  )
  const source = await aDirectorySource(ctx, slapd, {
    user_object_filter: '(uid=said-*)',
    group_object_filter: '(cn=said*)',
    group_membership_field: 'memberOf',
    lookup_groups_from_user: true,
  })
  await syncNow(ctx, source)
  assert.deepEqual(await membersOf(ctx, 'said(inner)*'), ['said-1'])
  assert.deepEqual(await membersOf(ctx, 'said-outer'), ['said-1', 'said-2'])
})

test('groups name their members by another attribute where they are told to', async () => {
  await slapd.add(aPerson('posix-1'), aPerson('posix-2'), {
    dn: `cn=posix,${GROUPS}`,
    objectClass: 'posixGroup',
    cn: 'posix',
    gidNumber: '5000',
    memberUid: ['posix-1', 'POSIX-2', 'posix-3'],
  })
  const source = await aDirectorySource(ctx, slapd, {
    user_object_filter: '(uid=posix-*)',
    group_object_filter: '(objectClass=posixGroup)',
    group_membership_field: 'memberUid',
    user_membership_attribute: 'uid',
  })
  await syncNow(ctx, source)
  assert.deepEqual(await membersOf(ctx, 'posix'), ['posix-1', 'posix-2'])
})

test('accounts that are switched off in the directory are off here, and their sessions end', async () => {
  await slapd.add(aPerson('locked'))
  const source = await aDirectorySource(ctx, slapd, onlyPerson('locked'))
  await syncNow(ctx, source)
  const browser = await signedIn(own.app, ctx, (await accountOf(ctx, 'locked'))!)
  assert.equal((await browser.get('/api/v3/core/users/me/')).status, 200)
  await slapd.set(personDn('locked'), { pwdAccountLockedTime: '000001010000Z' })
  assert.equal((await syncNow(ctx, source)).users.updated, 1)
  assert.equal((await accountOf(ctx, 'locked'))!.is_active, false)
  assert.equal((await browser.get('/api/v3/core/users/me/')).status, 403)
  assert.deepEqual((await syncNow(ctx, source)).users, nothing)
  await slapd.set(personDn('locked'), { pwdAccountLockedTime: [] })
  await syncNow(ctx, source)
  assert.equal((await accountOf(ctx, 'locked'))!.is_active, true)
  // Who was switched off here is not switched on by a directory that knows nothing of it.
  await ctx.db.updateTable('user').set({ is_active: false }).where('username', '=', 'locked').execute()
  await syncNow(ctx, source)
  assert.equal((await accountOf(ctx, 'locked'))!.is_active, false)
})

test('an entry that is gone ends the sessions of its account, which stays', async () => {
  await slapd.add(aPerson('leaver'), aPerson('leaver-2'))
  const source = await aDirectorySource(ctx, slapd, { user_object_filter: '(uid=leaver*)', sync_groups: false })
  await syncNow(ctx, source)
  const browser = await signedIn(own.app, ctx, (await accountOf(ctx, 'leaver'))!)
  await slapd.remove(personDn('leaver'))
  assert.equal((await syncNow(ctx, source)).users.removed, 1)
  assert.equal((await browser.get('/api/v3/core/users/me/')).status, 403)
  assert.equal((await accountOf(ctx, 'leaver'))!.is_active, true)
  assert.deepEqual((await syncNow(ctx, source)).users, nothing)
  // A directory that shows nobody is broken, rather than empty.
  await slapd.remove(personDn('leaver-2'))
  const emptied = await syncNow(ctx, source)
  assert.deepEqual([emptied.users, emptied.warnings.length], [nothing, 1])
})

test('an entry that is gone takes its account along where that is asked for, but no account that was here before', async () => {
  const before = await aUser(ctx, { username: 'gone-linked', email: 'gone-linked@example.test' })
  await slapd.add(
    aPerson('gone-own'),
    aPerson('gone-linked'),
    aPerson('gone-stays'),
    aTeam('gone-team', [personDn('gone-stays')]),
    aTeam('gone-other', [personDn('gone-stays')]),
  )
  const source = await aDirectorySource(ctx, slapd, {
    user_object_filter: '(uid=gone-*)',
    group_object_filter: '(cn=gone-*)',
    user_matching_mode: 'username_link',
    delete_not_found_objects: true,
  })
  assert.deepEqual((await syncNow(ctx, source)).users, { ...nothing, created: 2, linked: 1, updated: 1 })
  const browser = await signedIn(own.app, ctx, (await accountOf(ctx, 'gone-own'))!)
  await slapd.remove(personDn('gone-own'), personDn('gone-linked'), groupDn('gone-other'))
  const { users, groups } = await syncNow(ctx, source)
  assert.deepEqual([users.removed, groups.removed], [2, 1])
  assert.equal(await accountOf(ctx, 'gone-own'), undefined)
  assert.equal((await browser.get('/api/v3/core/users/me/')).status, 403)
  assert.equal((await accountOf(ctx, 'gone-linked'))!.id, before.id)
  assert.ok(await accountOf(ctx, 'gone-stays'))
  assert.equal(await ctx.db.selectFrom('group').select('name').where('name', '=', 'gone-other').executeTakeFirst(), undefined)
})

test('a search that fails removes nobody', async () => {
  await slapd.add(aPerson('safe'))
  const source = await aDirectorySource(ctx, slapd, { ...onlyPerson('safe'), delete_not_found_objects: true })
  await syncNow(ctx, source)
  await set(source, { bind_password: 'wrong' })
  await assert.rejects(syncNow(ctx, source), /name or password are wrong/)
  await set(source, { bind_cn: '', bind_password: '', additional_user_dn: 'ou=nowhere' })
  await assert.rejects(syncNow(ctx, source))
  assert.ok(await accountOf(ctx, 'safe'))
})

test('accounts are found by what the matching mode compares, or not at all', async () => {
  await slapd.add(aPerson('match-me'))
  const modes = async (mode: string, username: string, email: string) => {
    await ctx.db.deleteFrom('user').where('username', 'in', ['match-me', 'other-name']).execute()
    const there = await aUser(ctx, { username, email, password: 'kept' })
    const source = await aDirectorySource(ctx, slapd, { ...onlyPerson('match-me'), user_matching_mode: mode })
    const { users } = await syncNow(ctx, source)
    const linked = await ctx.db.selectFrom('user_source_connection').select('user').where('source', '=', source.pbm_uuid).executeTakeFirst()
    await ctx.db.deleteFrom('source').where('pbm_uuid', '=', source.pbm_uuid).execute()
    return users.skipped ? 'denied' : linked?.user === there.id ? 'linked' : 'created'
  }
  const same = 'match-me@example.test'
  assert.equal(await modes('identifier', 'match-me', same), 'denied')
  assert.equal(await modes('identifier', 'other-name', same), 'created')
  assert.equal(await modes('username_link', 'match-me', 'x@example.test'), 'linked')
  assert.equal(await modes('username_deny', 'match-me', 'x@example.test'), 'denied')
  assert.equal(await modes('email_link', 'other-name', same), 'linked')
  assert.equal(await modes('email_deny', 'other-name', same), 'denied')
  assert.equal(await modes('email_link', 'other-name', 'x@example.test'), 'created')
})

test('mappings say what an account is; what they raise or get wrong keeps out an entry, or all', async () => {
  await slapd.add(
    aPerson('mapped', { description: ['one', 'two'], employeeNumber: '7' }),
    aPerson('mapped-skip'),
    aPerson('mapped-bad', { mail: 'no address' }),
  )
  const source = await aDirectorySource(ctx, slapd, {
    user_object_filter: '(uid=mapped*)',
    sync_groups: false,
    user_property_mappings: [
      await aMapping(
        'if "mapped-skip" in ldap.get("uid"):\n    raise SkipObject()\nreturn {"username": ldap.get("uid"), "name": None, "email": ldap.get("mail")}',
      ),
      await aMapping(
        'return {"path": source.get_user_path() + "/x", "attributes": {"words": ldap["description"] if "description" in ldap else None, "number": list_flatten(ldap.get("employeeNumber")), "dn": dn, "since": ldap["createTimestamp"]}}',
      ),
    ],
  })
  const { users, warnings } = await syncNow(ctx, source)
  assert.deepEqual([users, warnings.length], [{ ...nothing, created: 2 }, 1])
  assert.match(warnings[0]!, /email "no address" cannot be kept/)
  const account = (await accountOf(ctx, 'mapped'))!
  assert.partialDeepStrictEqual(account, {
    name: 'mapped',
    path: `goauthentik.io/sources/${source.slug}/x`,
    attributes: { words: ['one', 'two'], number: '7', dn: personDn('mapped') },
  })
  assert.match((account.attributes as Row).since as string, /^20\d\d-/)
  // What was written here stays, unless the directory says something else.
  await ctx.db
    .updateTable('user')
    .set({ attributes: JSON.stringify({ ...(account.attributes as Row), words: ['changed'], own: true }) })
    .where('username', '=', 'mapped')
    .execute()
  assert.equal((await syncNow(ctx, source)).users.updated, 1)
  assert.partialDeepStrictEqual((await accountOf(ctx, 'mapped'))!.attributes, { words: ['one', 'two'], own: true })

  await set(source, { user_property_mappings: [await aMapping('return {"username": nobody}')], delete_not_found_objects: true })
  await assert.rejects(syncNow(ctx, source))
  assert.ok(await accountOf(ctx, 'mapped'))
})

test('an entry without what identifies it, or with a name that is taken, is left out with a word', async () => {
  await aUser(ctx, { username: 'taken' })
  await slapd.add(aPerson('taken'), aPerson('taken-not'))
  const source = await aDirectorySource(ctx, slapd, { user_object_filter: '(uid=taken*)', sync_groups: false })
  const { users, warnings } = await syncNow(ctx, source)
  assert.deepEqual(users, { ...nothing, created: 1, skipped: 1 })
  assert.match(warnings[0]!, /Another account is called taken/)
  await set(source, { object_uniqueness_field: 'employeeNumber' })
  assert.equal((await syncNow(ctx, source)).users.skipped, 2)
})

test('an entry that moves or is renamed stays the same account', async () => {
  await slapd.add(aPerson('mover'), aTeam('movers', [personDn('mover')]))
  const source = await aDirectorySource(ctx, slapd, { user_object_filter: '(|(uid=mover)(uid=moved))', group_object_filter: '(cn=movers)' })
  await syncNow(ctx, source)
  const { id } = (await accountOf(ctx, 'mover'))!
  await slapd.rename(personDn('mover'), 'uid=moved')
  await slapd.set(groupDn('movers'), { member: `uid=moved,${PEOPLE}` })
  await syncNow(ctx, source)
  assert.equal((await accountOf(ctx, 'moved'))!.id, id)
  assert.deepEqual(await membersOf(ctx, 'movers'), ['moved'])
})

test('Active Directory’s way to say things is understood', async () => {
  const held = { instanceType: '4', nTSecurityDescriptor: Buffer.from([1]), objectCategory: 'cn=person,cn=schema' }
  const dn = `cn=Ada Lovelace,${PEOPLE}`
  await plain.add(
    {
      dn,
      objectClass: 'user',
      cn: 'Ada Lovelace',
      sn: 'Lovelace',
      ...held,
      userPrincipalName: 'ad-ada@example.test',
      userAccountControl: '512',
      pwdLastSet: '133801000000000000',
    },
    { dn: groupDn('AD Team'), objectClass: 'group', cn: 'AD Team', groupType: '-2147483646', member: dn, ...held },
  )
  const source = await aDirectorySource(ctx, plain, {
    user_object_filter: '(objectClass=user)',
    group_object_filter: '(objectClass=group)',
    object_uniqueness_field: 'cn',
    user_property_mappings: [
      ...(await stockMappings(ctx, 'ms-userprincipalname', 'openldap-cn', 'ms-sn', 'ms-givenName', 'default-dn-path')),
      await aMapping('return {"username": ldap["userPrincipalName"].split("@")[0]}'),
    ],
  })
  await syncNow(ctx, source)
  const account = (await accountOf(ctx, 'ad-ada'))!
  assert.partialDeepStrictEqual(account, {
    name: 'Ada Lovelace',
    path: `goauthentik.io/sources/${source.slug}/people`,
    attributes: { ldap_uniq: 'Ada Lovelace', sn: 'Lovelace', upn: 'ad-ada@example.test' },
  })
  assert.deepEqual(await membersOf(ctx, 'AD Team'), ['ad-ada'])
  await plain.set(dn, { userAccountControl: '514' })
  await syncNow(ctx, source)
  assert.equal((await accountOf(ctx, 'ad-ada'))!.is_active, false)
})
