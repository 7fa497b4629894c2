import { Buffer } from 'node:buffer'
import type { Ctx } from '../../context.ts'
import { presentObject } from '../../api/present.ts'
import { notFound } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import { mayTouch } from '../../api/permissions.ts'
import type { Session } from '../../core/session/session.ts'
import { maskSecrets } from '../../lib/mask.ts'
import { FlowStageBinding } from '../binding.ts'
import type { FlowDefinition } from '../definition.ts'
import { describe } from '../describe.ts'
import { Flow } from '../flow.ts'
import { historyOf, INSPECT } from '../history.ts'
import { loadPlan, type Plan, type PlannedStage } from '../plan.ts'
import { PLAN } from '../visit.ts'

const NOWHERE = '00000000-0000-0000-0000-000000000000'

/** Stands where there is no binding: clients demand one. */
const noBinding = (name = ''): Row => ({
  pk: NOWHERE,
  policybindingmodel_ptr_id: NOWHERE,
  target: NOWHERE,
  stage: NOWHERE,
  stage_obj: { pk: NOWHERE, name, component: '', verbose_name: name, verbose_name_plural: name, meta_model_name: '', flow_set: [] },
  order: 0,
})

async function presentPlace(ctx: Ctx, place: PlannedStage | undefined): Promise<Row> {
  if (place?.kind === 'bound') return presentObject(ctx, FlowStageBinding, place.binding)
  return noBinding(place === undefined ? '' : place.kind === 'added' ? place.stage.name : place.name)
}

const presentPlan = async (ctx: Ctx, plan: Plan, session: Session): Promise<Row> => ({
  current_stage: await presentPlace(ctx, plan.stages[0]),
  next_planned_stage: await presentPlace(ctx, plan.stages[1]),
  plan_context: maskSecrets(describe(plan.context)),
  // The SHA-256 of the session's key, which is how the key is stored anyway.
  session_id: Buffer.from(session.session_hash, 'base64url').toString('hex'),
})

/**
 * Where the caller's browser stands in a flow, and the steps that led there. Undefined when it is in no such flow and was in none.
 * Values that look secret are masked. @throws 404 for whoever may not inspect the flow
 */
export async function inspect(ctx: Ctx, { flow }: FlowDefinition): Promise<Row | undefined> {
  if (!(await mayTouch(ctx, Flow, flow.flow_uuid as string, INSPECT))) throw notFound('Flow')
  const session = ctx.caller.session as Session | null
  if (!session) return undefined
  const current = await loadPlan(ctx, session.data[PLAN])
  const own = current?.flow.flow_uuid === flow.flow_uuid ? current : undefined
  const history = historyOf(session.data)
  const steps = history && history.flow === flow.flow_uuid ? history.plans : []
  const plans: Row[] = []
  for (const step of steps) {
    const plan = await loadPlan(ctx, step)
    if (plan) plans.push(await presentPlan(ctx, plan, session))
  }
  if (own) return { plans, current_plan: await presentPlan(ctx, own, session), is_completed: false }
  return plans.length === 0 ? undefined : { plans, current_plan: plans.at(-1), is_completed: true }
}
