import { writtenTables, type Model, type Row } from '../api/model.ts'
import { findObject, relatedKeys } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { cached } from '../core/cache.ts'
import { statement } from '../db/statement.ts'

/** A flow with its bindings, by order. */
export type FlowDefinition = { flow: Row; bindings: readonly Row[] }

/** A stored stage: its columns, its many-to-many fields and `kind`, the label of its model. */
export type StageRow = Row & { stage_uuid: string; kind: string; name: string }

const FLOW_TABLES = ['flow', 'flow_stage_binding', 'policy_target', 'stage'] as const

const flowBySlug = statement((db, slug: string) =>
  db
    .selectFrom('flow')
    .innerJoin('policy_target', 'policy_target.pbm_uuid', 'flow.policybindingmodel_ptr_id')
    .selectAll(['flow', 'policy_target'])
    .where('flow.slug', '=', slug),
)

const bindingsOf = statement((db, flow: string) =>
  db
    .selectFrom('flow_stage_binding')
    .innerJoin('policy_target', 'policy_target.pbm_uuid', 'flow_stage_binding.policybindingmodel_ptr_id')
    .selectAll(['flow_stage_binding', 'policy_target'])
    .where('flow_stage_binding.target', '=', flow)
    .orderBy('flow_stage_binding.order')
    .orderBy('flow_stage_binding.fsb_uuid'),
)

/** The flow with this slug, as it is configured now. */
export const flowDefinition = cached(FLOW_TABLES, async (ctx, slug): Promise<FlowDefinition | undefined> => {
  const flow = await flowBySlug.first(ctx.db, slug)
  return flow && { flow, bindings: await bindingsOf.all(ctx.db, flow.flow_uuid) }
})

/** The slug of a flow's key. */
export const flowSlug = cached(
  ['flow'],
  async (ctx, key): Promise<string | undefined> =>
    (await ctx.db.selectFrom('flow').select('slug').where('flow_uuid', '=', key).executeTakeFirst())?.slug,
)

/** The flow with this key, as it is configured now. */
export async function flowByKey(ctx: Ctx, key: string): Promise<FlowDefinition | undefined> {
  const slug = await flowSlug(ctx, key)
  return slug === undefined ? undefined : flowDefinition(ctx, slug)
}

/** Tables that hold what stages say, those of every kind that the program has. */
export const stageTables = ({ stages }: { stages: readonly { model: Model }[] }): string[] => [
  ...new Set(stages.flatMap(({ model }) => writtenTables(model))),
]

/** The stage with this key; undefined when it is gone, or of a kind that this server does not run. */
export const stageByKey = cached(
  ({ registry }) => stageTables(registry),
  async (ctx, key): Promise<StageRow | undefined> => {
    const base = await ctx.db.selectFrom('stage').select('kind').where('stage_uuid', '=', key).executeTakeFirst()
    const model = ctx.registry.stages.find(stage => stage.model.label === base?.kind)?.model
    const row = model && (await findObject(ctx, model, key))
    if (!row) return undefined
    const relations: Row = {}
    for (const [name, field] of Object.entries(model.fields)) {
      if (field.storage === 'relation') relations[name] = (await relatedKeys(ctx, field, [key])).get(key)
    }
    return { ...row, ...relations } as StageRow
  },
)

/** How many plans of this flow stand in memory, ready to be used. */
export const cachedPlans = (ctx: Ctx, slug: string): number => (flowDefinition.keys(ctx).includes(slug) ? 1 : 0)

/** All flows that stand in memory. */
export const cachedFlows = (ctx: Ctx): number => flowDefinition.keys(ctx).length

/** Forgets what is remembered of flows and stages. */
export function forgetFlows(ctx: Ctx): void {
  flowDefinition.clear(ctx)
  flowSlug.clear(ctx)
  stageByKey.clear(ctx)
}
