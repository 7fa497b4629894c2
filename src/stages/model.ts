import { crud } from '../api/crud.ts'
import { presentObjects } from '../api/present.ts'
import { computed, text } from '../api/fields.ts'
import { defineModel, type Model, type ModelSpec, type Row } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { requireCaller } from '../api/permissions.ts'
import { polymorphic, typesRoute, withKindNames } from '../api/polymorphic.ts'
import { listOf } from '../api/shapes.ts'
import { findObjects, selectObjects } from '../api/store.ts'
import { sql } from 'kysely'
import type { Hooks } from '../api/objects.ts'
import type { Ctx } from '../context.ts'
import { pathOf } from '../flows/addresses.ts'
import { Flow, flowSet } from '../flows/flow.ts'

/** What all stages share: a name that no other stage of any kind has, and the flows that use it. */
export const Stage: Model = defineModel({
  name: 'Stage',
  label: 'authentik_flows.stage',
  verboseName: 'stage',
  uniqueName: 'stage',
  table: 'stage',
  pk: 'stage_uuid',
  component: '',
  fields: {
    name: text({ unique: true }),
    flow_set: computed(listOf('FlowSet')),
  },
  filters: ['name'],
  search: ['name'],
  ordering: ['name'],
  present: flowsOfStages,
})

/** `flow_set` of stages: the flows that bind each. Two queries, whatever the number of stages. */
async function flowsOfStages(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  if (rows.length === 0) return []
  const keys = rows.map(row => row.stage_uuid as string)
  const bindings = await ctx.db.selectFrom('flow_stage_binding').select(['target', 'stage']).where('stage', 'in', keys).execute()
  const wanted = [...new Set(bindings.map(binding => binding.target))]
  const flows = wanted.length
    ? ((await selectObjects(ctx.db, Flow).where('flow.flow_uuid', 'in', wanted).orderBy('flow.slug').execute()) as Row[])
    : []
  return keys.map(key => ({
    flow_set: flows
      .filter(flow => bindings.some(binding => binding.stage === key && binding.target === flow.flow_uuid))
      .map(flow => flowSet(ctx, flow)),
  }))
}

/** Stages in their common fields, by key, for `stage_obj`. */
export async function presentStageObjects(ctx: Ctx, keys: string[]): Promise<Map<string, Row>> {
  const distinct = [...new Set(keys)]
  if (distinct.length === 0) return new Map()
  const rows = await findObjects(ctx, Stage, { where: [sql<boolean>`stage.stage_uuid in (${sql.join(distinct)})`] })
  const kinds = new Map(rows.map(row => [row.stage_uuid, row.kind as string]))
  const shown = await withKindNames(ctx, Stage, kinds, await presentObjects(ctx, Stage, rows))
  return new Map(shown.map(stage => [stage.pk as string, stage]))
}

/** Stages of every kind; they are made and changed on the paths of their kinds. */
export const stages: Resource = { path: '/stages/all', model: Stage, operations: polymorphic(Stage) }

/** The stages that people may configure for themselves, by kind and name. */
export async function userSettings(ctx: Ctx): Promise<Row[]> {
  const found: Row[] = []
  for (const { model, settings } of ctx.registry.stages) {
    if (settings === undefined) continue
    const rows = await findObjects(ctx, model, { where: [sql<boolean>`configure_flow is not null`], orderBy: [sql`stage.name`] })
    for (const row of rows) {
      found.push({
        object_uid: row.stage_uuid,
        component: settings,
        title: row.friendly_name || model.verboseName,
        configure_url: pathOf(ctx, `/flows/-/configure/${String(row.stage_uuid)}/`),
      })
    }
  }
  return found
}

export const stageRoutes: Record<string, SpecialOperation> = {
  'GET /stages/all/types/': typesRoute(Stage),
  'GET /stages/all/user_settings/': {
    response: 'UserSetting',
    many: 'list',
    handler: async ctx => {
      requireCaller(ctx)
      return userSettings(ctx)
    },
  },
}

type StageSpec = Pick<ModelSpec, 'name' | 'verboseName' | 'description' | 'fields' | 'filters' | 'present'> & {
  /** `<app label>.<model>`. */
  label: string
  table: string
  component: string
}

/** A kind of stage: shares key and name with the base. */
export const defineStageModel = (spec: StageSpec): Model => defineModel({ ...spec, base: Stage, pk: 'stage_uuid' })

/** The resource of a kind of stage. */
export const stageResource = (path: string, model: Model, hooks: Hooks = {}): Resource => ({ path, model, operations: crud(model, hooks) })
