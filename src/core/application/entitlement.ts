import { crud } from '../../api/crud.ts'
import { invalidObject } from '../../api/errors.ts'
import { internal, jsonObject, reference, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { requireObject } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { PolicyTarget } from '../../policies/target.ts'
import { Application } from './model.ts'

const model: Model = defineModel({
  name: 'ApplicationEntitlement',
  label: 'authentik_core.applicationentitlement',
  verboseName: 'Application Entitlement',
  table: 'application_entitlement',
  pk: 'pbm_uuid',
  keyName: 'pbm_uuid',
  base: PolicyTarget,
  fields: {
    name: text(),
    app: reference(() => Application),
    attributes: jsonObject(),
  },
  filters: ['pbm_uuid', 'name', 'app'],
  search: ['name'],
  ordering: ['name'],
})

/**
 * What somebody may do inside an application: a name that the application reads in the claims of the scope `entitlements`. Who has it is
 * decided by the people and groups that are bound to it.
 */
export const ApplicationEntitlement: Model = {
  ...model,
  allFields: { ...model.allFields, policy_engine_mode: internal(PolicyTarget.fields.policy_engine_mode!) },
}

/** A name stands once in an application; whoever names an application must be allowed to change it. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const { app, name } = { ...current, ...values } as { app: string; name: string }
  if (values.app !== undefined) await requireObject(ctx, Application, app, 'change')
  let query = ctx.db.selectFrom('application_entitlement').select('pbm_uuid').where('app', '=', app).where('name', '=', name)
  if (current) query = query.where('pbm_uuid', '!=', current.pbm_uuid as string)
  if (await query.executeTakeFirst()) throw invalidObject('The fields app, name must make a unique set.')
  return values
}

export const applicationEntitlements: Resource = {
  path: '/core/application_entitlements',
  model: ApplicationEntitlement,
  operations: crud(ApplicationEntitlement, { clean }),
}
