import { crud } from '../api/crud.ts'
import { text } from '../api/fields.ts'
import { defineModel, type Model } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { cleanExpression } from '../policies/expression/check.ts'
import { PropertyMapping } from './mapping.ts'

/** Claims that a granted scope adds to tokens and userinfo; its description is what consent shows. */
export const ScopeMapping: Model = defineModel({
  name: 'ScopeMapping',
  label: 'authentik_providers_oauth2.scopemapping',
  verboseName: 'Scope Mapping',
  table: 'scope_mapping',
  pk: 'pm_uuid',
  base: PropertyMapping,
  component: 'ak-property-mapping-provider-scope-form',
  fields: {
    scope_name: text({ check: (value: string) => (/\s/.test(value) ? 'Value must not contain spaces.' : undefined) }),
    description: text({ default: '' }),
  },
  filters: { scope_name: {} },
  ordering: ['scope_name', 'name'],
})

export const scopeMappings: Resource = {
  path: '/propertymappings/provider/scope',
  model: ScopeMapping,
  operations: crud(ScopeMapping, { clean: cleanExpression }),
}
