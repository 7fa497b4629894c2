import { flowByKey, flowDefinition } from '../../flows/definition.ts'
import { asObject } from '../../flows/objects.ts'
import { Flow } from '../../flows/flow.ts'
import { planFlow } from '../../flows/planner.ts'
import { explainNoPlan } from '../../flows/refusal.ts'
import { defineMemoryStage, defineStage, denied, redirect as redirectTo, switchTo, type Outcome, type Run } from '../../flows/stage.ts'
import { RedirectStage } from './model.ts'

const NO_TARGET = "No target found for Redirect stage. The stage's target_flow may have been deleted."

/** How the plan's context names a flow as target. */
const FLOW_SCHEME = 'ak-flow://'

async function toFlow(run: Run, definition: Awaited<ReturnType<typeof flowDefinition>>): Promise<Outcome> {
  if (!definition) return denied(NO_TARGET)
  const { ctx, flow, plan, stage } = run
  const context = { ...(stage.keep_context ? plan.context : {}), is_redirected: asObject(Flow, flow) }
  const planned = await planFlow(ctx, definition, context)
  if (planned.ok) return switchTo(planned.plan)
  const explanation = explainNoPlan(ctx, definition.flow, planned, 'flow')
  return denied(planned.messages.join('\n') || 'Flow does not apply to current user.', explanation)
}

export const redirect = defineStage({
  model: RedirectStage,
  async challenge(run) {
    const { ctx, plan, stage } = run
    const chosen = plan.context.redirect_stage_target
    if (typeof chosen === 'string' && chosen !== '') {
      return chosen.startsWith(FLOW_SCHEME) ? toFlow(run, await flowDefinition(ctx, chosen.slice(FLOW_SCHEME.length))) : redirectTo(chosen)
    }
    if (stage.mode === 'static') return stage.target_static ? redirectTo(stage.target_static as string) : denied(NO_TARGET)
    return toFlow(run, stage.target_flow ? await flowByKey(ctx, stage.target_flow as string) : undefined)
  },
})

/** What `flow_plan.redirect(url)` puts into a plan. */
export const inPlanRedirect = defineMemoryStage({
  kind: 'redirect',
  challenge: ({ stage }) => redirectTo(String(stage.to), { last: true }),
})
