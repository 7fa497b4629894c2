import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { explainRefusal } from '../explain/record.ts'
import { bindingDecision, subjectOf, type NoPlan } from './planner.ts'
import type { Plan, PlannedStage } from './plan.ts'

/** How refusals of flows are explained, see src/explain. Each answers the id that the person is shown. */

const flowTarget = (flow: Row) => ({ application: null, flow: flow.flow_uuid as string, name: flow.slug as string })

/** A flow that is not for this person, or holds nothing for them. */
export const explainNoPlan = (ctx: Ctx, flow: Row, { why, messages, decision, user }: NoPlan, surface: string): string =>
  explainRefusal(ctx, {
    kind: 'flow',
    surface,
    target: flowTarget(flow),
    user,
    reason: why,
    requirement: why === 'authentication' ? (flow.authentication as string) : undefined,
    messages,
    decision,
  })

const stageOf = (place: PlannedStage) => {
  if (place.kind === 'memory') return { name: place.name, kind: place.name, binding: null, order: null }
  const { name, kind } = place.stage
  if (place.kind === 'added') return { name, kind, binding: null, order: null }
  return { name, kind, binding: place.binding.fsb_uuid as string, order: place.binding.order as number }
}

/** A flow that was under way and ended at a stage, which stood there since the policies of its binding let it. */
export async function explainStage(ctx: Ctx, plan: Plan, place: PlannedStage, message: string): Promise<string> {
  const decision = place.kind === 'bound' ? await bindingDecision(ctx, plan, place.binding, { dry: true }) : undefined
  return explainRefusal(ctx, {
    kind: 'stage',
    surface: 'flow',
    target: flowTarget(plan.flow),
    user: subjectOf(ctx, plan.context),
    reason: 'stage',
    stage: stageOf(place),
    messages: [message],
    decision,
  })
}
