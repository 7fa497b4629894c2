import { crud } from '../api/crud.ts'
import { text } from '../api/fields.ts'
import { defineModel, type Model } from '../api/model.ts'

/** A named set of permissions, given to people directly or through their groups. */
export const Role: Model = defineModel({
  name: 'Role',
  label: 'authentik_rbac.role',
  verboseName: 'Role',
  table: 'role',
  pk: 'role_uuid',
  fields: { name: text({ unique: true, maxLength: 150 }) },
  filters: ['name'],
  search: ['name'],
  ordering: ['name'],
})

export const roleOperations = crud(Role)
