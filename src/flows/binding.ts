import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../api/crud.ts'
import { invalid, invalidObject } from '../api/errors.ts'
import { choice, computed, flag, integer, reference } from '../api/fields.ts'
import { parseUuid } from '../api/filters.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { named } from '../api/shapes.ts'
import type { Ctx } from '../context.ts'
import { PolicyTarget } from '../policies/target.ts'
import { warnOfShortSessions } from '../sources/session-warning.ts'
import { presentStageObjects, Stage } from '../stages/model.ts'
import { Flow } from './flow.ts'

/** The place of a stage in a flow. */
export const FlowStageBinding: Model = defineModel({
  name: 'FlowStageBinding',
  label: 'authentik_flows.flowstagebinding',
  verboseName: 'Flow Stage Binding',
  table: 'flow_stage_binding',
  pk: 'fsb_uuid',
  base: PolicyTarget,
  baseKey: 'policybindingmodel_ptr_id',
  display: 'fsb_uuid',
  fields: {
    policybindingmodel_ptr_id: computed(Type.String({ format: 'uuid' })),
    target: reference(() => Flow),
    stage: reference(() => Stage),
    stage_obj: computed(named('Stage')),
    evaluate_on_plan: flag(false),
    re_evaluate_policies: flag(true),
    order: integer(),
    invalid_response_action: choice(['retry', 'restart', 'restart_with_context'], 'retry'),
  },
  filters: {
    target: {},
    stage: {},
    order: {},
    evaluate_on_plan: {},
    re_evaluate_policies: {},
    policy_engine_mode: {},
    invalid_response_action: {},
    fsb_uuid: {},
    pbm_uuid: { type: 'uuid', apply: (_, values) => sql<boolean>`policy_target.pbm_uuid = ${uuidOf('pbm_uuid', values[0]!)}` },
    policies: {
      many: true,
      type: 'uuid',
      apply: (_, values) =>
        sql<boolean>`policy_target.pbm_uuid in (select target from policy_binding where policy in (${sql.join(values.map(value => uuidOf('policies', value)))}))`,
    },
  },
  search: ['fsb_uuid'],
  ordering: ['target', 'order'],
  present: async (ctx, rows) => {
    const stages = await presentStageObjects(
      ctx,
      rows.map(row => row.stage as string),
    )
    return rows.map(row => ({ policybindingmodel_ptr_id: row.policybindingmodel_ptr_id, stage_obj: stages.get(row.stage as string) }))
  },
})

function uuidOf(name: string, value: string): string {
  const uuid = parseUuid(value)
  if (uuid === undefined) throw invalid({ [name]: ['Enter a valid UUID.'] })
  return uuid
}

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const after = { evaluate_on_plan: false, re_evaluate_policies: true, ...current, ...values } as Row
  if (!after.evaluate_on_plan && !after.re_evaluate_policies) {
    throw invalid({ evaluate_on_plan: ['Either evaluation on plan or evaluation on run must be enabled'] })
  }
  const same = await ctx.db
    .selectFrom('flow_stage_binding')
    .select('fsb_uuid')
    .where('target', '=', after.target as string)
    .where('stage', '=', after.stage as string)
    .where('order', '=', after.order as number)
    .executeTakeFirst()
  if (same && same.fsb_uuid !== current?.fsb_uuid) throw invalidObject('The fields target, stage, order must make a unique set.')
  return values
}

const saved = (ctx: Ctx, binding: Row): Promise<void> => warnOfShortSessions(ctx, { flow: binding.target as string })

export const flowBindings: Resource = {
  path: '/flows/bindings',
  model: FlowStageBinding,
  operations: crud(FlowStageBinding, { clean, saved }),
}
