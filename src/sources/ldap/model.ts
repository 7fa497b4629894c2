import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../../api/crud.ts'
import { invalid } from '../../api/errors.ts'
import { choice, flag, hidden, reference, sealed, shown, structure, text } from '../../api/fields.ts'
import { parseUuid, type FilterSpec } from '../../api/filters.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import type { Ctx } from '../../context.ts'
import { Group } from '../../core/people.ts'
import { CertificateKeyPair } from '../../crypto/model.ts'
import { pathOf } from '../../flows/addresses.ts'
import { lazy } from '../../lib/lazy.ts'
import type { SourceKind } from '../kind.ts'
import { Source } from '../source.ts'
import { keepSchedule, queueSync } from './queue.ts'

/** A directory as the rest of this folder uses it: the columns of `source` and `source_ldap`. */
export type LdapSource = Row & {
  pbm_uuid: string
  name: string
  slug: string
  enabled: boolean
  user_matching_mode: 'identifier' | 'email_link' | 'email_deny' | 'username_link' | 'username_deny'
  group_matching_mode: 'identifier' | 'name_link' | 'name_deny'
  server_uri: string
  peer_certificate: string | null
  client_certificate: string | null
  bind_cn: string
  bind_password: string
  start_tls: boolean
  sni: boolean
  base_dn: string
  additional_user_dn: string
  additional_group_dn: string
  user_object_filter: string
  group_object_filter: string
  group_membership_field: string
  user_membership_attribute: string
  object_uniqueness_field: string
  lookup_groups_from_user: boolean
  password_login_update_internal_password: boolean
  sync_users: boolean
  sync_users_password: boolean
  sync_groups: boolean
  sync_group_hierarchy: boolean
  sync_parent_group: string | null
  delete_not_found_objects: boolean
}

const ADDRESS = /^ldaps?:\/\/(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?\/?$/i

const uriError = (value: string): string | undefined =>
  value.split(',').every(one => ADDRESS.test(one.trim())) ? undefined : 'Enter a valid URL.'

const ATTRIBUTE = /^[a-z][\w.-]*(?:;[\w-]+)*$/i
const attributeError = (value: string): string | undefined => (ATTRIBUTE.test(value) ? undefined : 'Enter the name of an attribute.')
/** The field may carry a matching rule, as Active Directory's nested groups ask for: `memberOf:1.2.840.113556.1.4.1941:`. */
const membershipError = (value: string): string | undefined => attributeError(value.replace(/:[\w.]+:$/, ''))

const filters = [
  'additional_group_dn',
  'additional_user_dn',
  'base_dn',
  'bind_cn',
  'client_certificate',
  'delete_not_found_objects',
  'enabled',
  'group_membership_field',
  'group_object_filter',
  'lookup_groups_from_user',
  'object_uniqueness_field',
  'password_login_update_internal_password',
  'peer_certificate',
  'server_uri',
  'sni',
  'start_tls',
  'sync_group_hierarchy',
  'sync_groups',
  'sync_parent_group',
  'sync_users',
  'sync_users_password',
  'user_membership_attribute',
  'user_object_filter',
]

/** Sources that use one of the mappings. */
const mappingFilter = (kind: 'user' | 'group'): FilterSpec => ({
  many: true,
  type: 'uuid',
  apply: (_, values) => {
    const keys = values.map(value => parseUuid(value))
    if (keys.includes(undefined)) throw invalid({ [`${kind}_property_mappings`]: ['Enter a valid UUID.'] })
    const relation = sql.table(`source_${kind}_property_mapping`)
    return sql<boolean>`source_ldap.pbm_uuid in (select source from ${relation} where mapping in (${sql.join(keys)}))`
  },
})

/** A directory that accounts and groups come from, and that passwords are checked against. */
export const LDAPSource: Model = defineModel({
  name: 'LDAPSource',
  label: 'authentik_sources_ldap.ldapsource',
  verboseName: 'LDAP Source',
  description: 'Federate LDAP Directory with authentik, or create new accounts in LDAP.',
  component: 'ak-source-ldap-form',
  table: 'source_ldap',
  pk: 'pbm_uuid',
  lookup: 'slug',
  base: Source,
  fields: {
    // One address or several, so it is no address to those who look at its form alone.
    server_uri: text({ check: uriError }),
    peer_certificate: reference(() => CertificateKeyPair, { nullable: true }),
    client_certificate: reference(() => CertificateKeyPair, { nullable: true }),
    bind_cn: text({ default: '' }),
    bind_password: hidden(sealed(text({ default: '' }))),
    start_tls: flag(false),
    sni: flag(false),
    base_dn: text(),
    additional_user_dn: text({ default: '' }),
    additional_group_dn: text({ default: '' }),
    user_object_filter: text({ default: '(objectClass=person)', blank: false }),
    group_object_filter: text({ default: '(objectClass=group)', blank: false }),
    group_membership_field: text({ default: 'member', blank: false, check: membershipError }),
    user_membership_attribute: text({ default: 'distinguishedName', blank: false, check: attributeError }),
    object_uniqueness_field: text({ default: 'objectSid', blank: false, check: attributeError }),
    password_login_update_internal_password: flag(false),
    sync_users: flag(true),
    // Writing into a directory is asked for, not assumed.
    sync_users_password: flag(false),
    sync_groups: flag(true),
    sync_parent_group: reference(() => Group, { nullable: true }),
    connectivity: shown(structure(Type.Unsafe({ type: ['object', 'null'] })), () => null),
    lookup_groups_from_user: flag(false),
    delete_not_found_objects: flag(false),
    sync_outgoing_trigger_mode: choice(['none', 'immediate', 'deferred_end'], 'deferred_end'),
    sync_group_hierarchy: flag(false),
  },
  filters: {
    ...Object.fromEntries(filters.map(name => [name, {}])),
    user_property_mappings: mappingFilter('user'),
    group_property_mappings: mappingFilter('group'),
  },
})

const client = lazy(() => import('./client.ts'))

const hasPeople = async (ctx: Ctx, { pbm_uuid }: Row): Promise<boolean> =>
  (await ctx.db
    .selectFrom('user_source_connection')
    .select('id')
    .where('source', '=', pbm_uuid as string)
    .limit(1)
    .executeTakeFirst()) !== undefined

/** Filters must be ones, and passwords are written to one directory at most. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  for (const name of ['user_object_filter', 'group_object_filter'] as const) {
    const filter = values[name] as string | undefined
    if (filter === undefined || filter === current?.[name]) continue
    const { parseFilter, DirectoryError } = await client()
    try {
      parseFilter(filter)
    } catch (error) {
      if (error instanceof DirectoryError) throw invalid({ [name]: ['Enter a valid LDAP filter.'] })
      throw error
    }
  }
  const field = values.object_uniqueness_field
  const deletes = values.delete_not_found_objects ?? current?.delete_not_found_objects
  if (current && deletes && field !== undefined && field !== current.object_uniqueness_field && (await hasPeople(ctx, current)))
    throw invalid({
      object_uniqueness_field: ['Everybody would look like somebody new, and all accounts be deleted. Turn deletion off first.'],
    })
  if (values.sync_users_password === true) {
    let others = ctx.db.selectFrom('source_ldap').select('pbm_uuid').where('sync_users_password', '=', true)
    if (current) others = others.where('pbm_uuid', '!=', current.pbm_uuid as string)
    if (await others.executeTakeFirst())
      throw invalid({ sync_users_password: ['Only a single LDAP Source with password synchronization is allowed'] })
  }
  return values
}

/** What is saved is tried out at once, and kept up to date from then on. */
async function saved(ctx: Ctx, row: Row): Promise<void> {
  const source = row as LdapSource
  await keepSchedule(ctx, source)
  if (source.enabled) await queueSync(ctx, source)
}

export const ldapSources: Resource = { path: '/sources/ldap', model: LDAPSource, operations: crud(LDAPSource, { clean, saved }) }

/** People do not choose a directory on the sign-in page: its passwords are asked for there like any other. */
export const ldapSourceKind: SourceKind = { model: LDAPSource, icon: ctx => pathOf(ctx, '/static/dist/assets/icons/sources/ldap.svg') }
