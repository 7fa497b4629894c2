import { text } from '../api/fields.ts'
import { defineModel, type Model } from '../api/model.ts'

/** Turns a person into claims, attributes or headers: an expression and what consumes it. */
export const PropertyMapping: Model = defineModel({
  name: 'PropertyMapping',
  label: 'authentik_core.propertymapping',
  verboseName: 'Property Mapping',
  uniqueName: 'property mapping',
  table: 'property_mapping',
  pk: 'pm_uuid',
  component: '',
  fields: {
    managed: text({ nullable: true, unique: true }),
    name: text({ unique: true }),
    expression: text(),
  },
  filters: { managed: { many: true }, managed__isnull: {}, name: {} },
  search: ['name'],
  ordering: ['name'],
})
