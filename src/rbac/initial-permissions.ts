import { Type } from 'typebox'
import { crud } from '../api/crud.ts'
import { invalid } from '../api/errors.ts'
import { computed, reference, structure, text } from '../api/fields.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { named } from '../api/shapes.ts'
import type { Ctx } from '../context.ts'
import { permissionCatalogue, type Permission } from './catalogue.ts'
import { grantsBeyondCaller } from './escalation.ts'
import { Role } from './role.ts'

/** The permissions of these numbers, in their order; numbers of none are left out. */
function permissionsOf(ctx: Ctx, ids: readonly number[]): Permission[] {
  const known = new Map(permissionCatalogue(ctx).map(entry => [entry.id, entry]))
  return ids.flatMap(id => known.get(id) ?? [])
}

const shown = ({ full: _, ...rest }: Permission): Row => rest

/** What a role is given on each object that somebody who has it makes. Which of the permissions are about such an object, their kinds say. */
export const InitialPermissions: Model = defineModel({
  name: 'InitialPermissions',
  label: 'authentik_rbac.initialpermissions',
  verboseName: 'Initial Permissions',
  verboseNamePlural: 'Initial Permissions',
  table: 'initial_permissions',
  pk: 'id',
  keyType: 'integer',
  fields: {
    name: text({ unique: true, maxLength: 150 }),
    role: reference(() => Role),
    permissions: structure(Type.Array(Type.Integer(), { maxItems: 1_000 }), { default: [] }),
    permissions_obj: computed(Type.Array(named('Permission'))),
  },
  filters: ['name'],
  search: ['name'],
  ordering: ['name'],
  present: (ctx, rows) => rows.map(row => ({ permissions_obj: permissionsOf(ctx, row.permissions as number[]).map(shown) })),
})

/** Permissions that there are, and nothing beyond what whoever writes this holds: the next object that they made would give it to them. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const ids = [...new Set((values.permissions ?? current?.permissions ?? []) as number[])]
  const entries = permissionsOf(ctx, ids)
  const unknown = ids.find(id => !entries.some(entry => entry.id === id))
  if (values.permissions !== undefined && unknown !== undefined)
    throw invalid({ permissions: [`Invalid pk "${unknown}" - object does not exist.`] })
  const text = await grantsBeyondCaller(
    ctx,
    entries.map(entry => entry.full),
  )
  if (text !== undefined) throw invalid({ permissions: [text] })
  return values.permissions === undefined ? values : { ...values, permissions: ids }
}

export const initialPermissions: Resource = {
  path: '/rbac/initial_permissions',
  model: InitialPermissions,
  operations: crud(InitialPermissions, { clean }),
}
