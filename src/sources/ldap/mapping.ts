import { crud } from '../../api/crud.ts'
import { defineModel, type Model } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { PropertyMapping } from '../../mappings/mapping.ts'
import { cleanExpression } from '../../policies/expression/check.ts'

/** Turns an entry of a directory into properties of an account, or of a group. */
export const LDAPSourcePropertyMapping: Model = defineModel({
  name: 'LDAPSourcePropertyMapping',
  label: 'authentik_sources_ldap.ldapsourcepropertymapping',
  verboseName: 'LDAP Source Property Mapping',
  description: 'Turns an entry of a directory into properties of an account or group.',
  table: 'ldap_source_mapping',
  pk: 'pm_uuid',
  base: PropertyMapping,
  component: 'ak-property-mapping-source-ldap-form',
  fields: {},
})

export const ldapSourceMappings: Resource = {
  path: '/propertymappings/source/ldap',
  model: LDAPSourcePropertyMapping,
  operations: crud(LDAPSourcePropertyMapping, { clean: cleanExpression }),
}
