import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { findObject, findObjects, relatedKeys } from '../api/store.ts'
import { cached } from '../core/cache.ts'
import { sql } from 'kysely'
import { FlowStageBinding } from './binding.ts'
import { Flow } from './flow.ts'

/** A flow with its bindings, by order. */
export type FlowDefinition = { flow: Row; bindings: readonly Row[] }

/** A stored stage: its columns, its many-to-many fields and `kind`, the label of its model. */
export type StageRow = Row & { stage_uuid: string; kind: string; name: string }

const FLOW_TABLES = ['flow', 'flow_stage_binding', 'policy_target', 'stage'] as const

/** The flow with this slug, as it is configured now. */
export const flowDefinition = cached(FLOW_TABLES, async (ctx, slug): Promise<FlowDefinition | undefined> => {
  const flow = await findObject(ctx, Flow, slug, 'slug')
  if (!flow) return undefined
  const bindings = await findObjects(ctx, FlowStageBinding, {
    where: [sql<boolean>`flow_stage_binding.target = ${flow.flow_uuid}`],
    orderBy: [sql`flow_stage_binding."order"`, sql`flow_stage_binding.fsb_uuid`],
  })
  return { flow, bindings }
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

/** Tables of stages beside `stage` itself, which every write to a stage's own table is to be noticed by. */
export const STAGE_TABLES = [
  'stage',
  'stage_password',
  'stage_identification',
  'stage_user_login',
  'stage_user_logout',
  'stage_consent',
  'stage_deny',
  'stage_dummy',
  'stage_redirect',
  'stage_user_write',
  'stage_invitation',
  'stage_email',
  'stage_captcha',
  'stage_user_delete',
  'stage_authenticator_email',
  'stage_authenticator_sms',
  'stage_authenticator_duo',
  'stage_prompt',
  'stage_prompt_field',
  'stage_authenticator_totp',
  'stage_authenticator_static',
  'stage_authenticator_validate',
  'stage_authenticator_validate_configuration',
  'stage_prompt_validation',
  'prompt',
  'stage_authenticator_webauthn',
  'stage_authenticator_webauthn_device_type',
  'stage_authenticator_validate_device_type',
] as const

/** The stage with this key; undefined when it is gone, or of a kind that this server does not run. */
export const stageByKey = cached(STAGE_TABLES, async (ctx, key): Promise<StageRow | undefined> => {
  const base = await ctx.db.selectFrom('stage').select('kind').where('stage_uuid', '=', key).executeTakeFirst()
  const model = ctx.registry.stages.find(stage => stage.model.label === base?.kind)?.model
  const row = model && (await findObject(ctx, model, key))
  if (!row) return undefined
  const relations: Row = {}
  for (const [name, field] of Object.entries(model.fields)) {
    if (field.storage === 'relation') relations[name] = (await relatedKeys(ctx, field, [key])).get(key)
  }
  return { ...row, ...relations } as StageRow
})

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
