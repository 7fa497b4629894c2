import { crud } from '../../api/crud.ts'
import { defineModel, type Model } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { PropertyMapping } from '../../mappings/mapping.ts'
import { cleanExpression } from '../../policies/expression/check.ts'

/** Turns what an OAuth provider tells of somebody into properties of an account, or of a group. */
export const OAuthSourcePropertyMapping: Model = defineModel({
  name: 'OAuthSourcePropertyMapping',
  label: 'authentik_sources_oauth.oauthsourcepropertymapping',
  verboseName: 'OAuth Source Property Mapping',
  description: 'Turns what an OAuth provider tells of somebody into properties of an account or group.',
  table: 'oauth_source_mapping',
  pk: 'pm_uuid',
  base: PropertyMapping,
  component: 'ak-property-mapping-source-oauth-form',
  fields: {},
})

export const oauthSourceMappings: Resource = {
  path: '/propertymappings/source/oauth',
  model: OAuthSourcePropertyMapping,
  operations: crud(OAuthSourcePropertyMapping, { clean: cleanExpression }),
}
