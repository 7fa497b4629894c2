import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import type { LogLevel } from '../../tasks/job.ts'
import { unique } from '../../../test/builders.ts'
import { ADMIN, ADMIN_PASSWORD, BASE, type LdifEntry, type Slapd } from '../../../test/slapd.ts'
import { LDAPSource, type LdapSource } from './model.ts'
import { synchronise } from './sync.ts'

export const PEOPLE = `ou=people,${BASE}`
export const GROUPS = `ou=groups,${BASE}`

export const personDn = (uid: string): string => `uid=${uid},${PEOPLE}`
export const groupDn = (cn: string): string => `cn=${cn},${GROUPS}`

export const aPerson = (uid: string, values: Row = {}): LdifEntry => ({
  dn: personDn(uid),
  objectClass: 'inetOrgPerson',
  uid,
  cn: `Person ${uid}`,
  sn: uid,
  mail: `${uid}@example.test`,
  ...values,
})

export const aTeam = (cn: string, members: readonly string[]): LdifEntry => ({
  dn: groupDn(cn),
  objectClass: 'groupOfNames',
  cn,
  member: members,
})

/** Keys of the mappings that come with the program, by the last part of their `managed`. */
export async function stockMappings(ctx: Ctx, ...names: string[]): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('property_mapping')
    .select('pm_uuid')
    .where(
      'managed',
      'in',
      names.map(name => `goauthentik.io/sources/ldap/${name}`),
    )
    .execute()
  return rows.map(row => row.pm_uuid)
}

/** A source for a directory of `test/slapd.ts`, as its documentation says to set it up for OpenLDAP. */
export async function aDirectorySource(ctx: Ctx, slapd: Pick<Slapd, 'uri'>, values: Row = {}): Promise<LdapSource> {
  const slug = unique('ldap').replaceAll(' ', '-')
  return (await createObject(ctx, LDAPSource, {
    name: slug,
    slug,
    server_uri: slapd.uri,
    bind_cn: ADMIN,
    bind_password: ADMIN_PASSWORD,
    base_dn: BASE,
    additional_user_dn: 'ou=people',
    additional_group_dn: 'ou=groups',
    user_object_filter: '(objectClass=inetOrgPerson)',
    group_object_filter: '(objectClass=groupOfNames)',
    object_uniqueness_field: 'entryUUID',
    user_property_mappings: await stockMappings(ctx, 'openldap-uid', 'openldap-cn', 'default-mail'),
    group_property_mappings: await stockMappings(ctx, 'openldap-cn'),
    ...values,
  })) as LdapSource
}

/** Synchronises; returns what was counted, and what was said with warnings. */
export async function syncNow(ctx: Ctx, source: Row) {
  const current = (await findObject(ctx, LDAPSource, source.pbm_uuid))! as LdapSource
  const warnings: string[] = []
  const log = (level: LogLevel, event: string) => void (level === 'warning' && warnings.push(event))
  const counts = await synchronise(ctx, current, { signal: new AbortController().signal, log })
  return { ...counts, warnings }
}

/** An account by its name. */
export const accountOf = async (ctx: Ctx, username: string): Promise<Row | undefined> =>
  ctx.db.selectFrom('user').selectAll().where('username', '=', username).executeTakeFirst()

/** Names of the members of a group. */
export async function membersOf(ctx: Ctx, group: string): Promise<string[]> {
  const rows = await ctx.db
    .selectFrom('user_group')
    .innerJoin('group', 'group.group_uuid', 'user_group.group')
    .innerJoin('user', 'user.id', 'user_group.user')
    .where('group.name', '=', group)
    .select('user.username')
    .orderBy('user.username')
    .execute()
  return rows.map(row => row.username)
}
