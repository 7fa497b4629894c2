import type { Ctx } from '../context.ts'
import { holds } from '../api/permissions.ts'
import { planFlow } from './planner.ts'
import { currentBrand } from '../core/brand/model.ts'
import { flowPath } from './addresses.ts'
import { flowByKey, flowDefinition, type FlowDefinition } from './definition.ts'
import { execute, type FlowAnswer } from './executor.ts'
import { INSPECT } from './history.ts'
import type { Plan } from './plan.ts'
import { storePlan, type Visit } from './visit.ts'

/**
 * How other parts of the program send somebody through a flow: plan it (`planFlow`), append a stage of one's own
 * (`inMemoryStage`), then `startPlan` and redirect, or `runWithoutInterface` where nobody needs to be asked.
 */

/** Keeps the plan for the browser, in the place of whatever it was doing, and answers where the flow's page is. */
export async function startPlan(ctx: Ctx, visit: Visit, plan: Plan, options: { query?: URLSearchParams } = {}): Promise<string> {
  await storePlan(ctx, visit, plan, options.query)
  const query = new URLSearchParams(options.query)
  // Tells the page that it may offer the inspector.
  if (ctx.caller.user !== null && holds(ctx, INSPECT)) query.set('inspector', 'available')
  return flowPath(ctx, String(plan.flow.slug), query.toString())
}

/**
 * Runs a plan at once when no stage of it can ask anything: all are of the given kinds, stored ones by the label of their model and
 * plan-only ones by kind, and none has policies to be asked on the way. Undefined when the browser must see the flow's page;
 * nothing has happened then.
 */
export async function runWithoutInterface(
  ctx: Ctx,
  visit: Visit,
  plan: Plan,
  options: { kinds: readonly string[]; query?: URLSearchParams },
): Promise<(FlowAnswer & { kind: 'challenge' }) | undefined> {
  const silent = plan.stages.every(stage =>
    stage.kind === 'memory'
      ? options.kinds.includes(stage.name)
      : options.kinds.includes(stage.stage.kind) && !(stage.kind === 'bound' && stage.reevaluate),
  )
  const definition = silent ? await flowByKey(ctx, plan.flow.flow_uuid as string) : undefined
  if (!definition) return undefined
  const query = options.query ?? new URLSearchParams()
  await storePlan(ctx, visit, plan, query)
  const answer = await execute(ctx, definition, { method: 'GET', query }, visit)
  return answer.kind === 'challenge' ? answer : undefined
}

type DefaultFlow = 'authentication' | 'invalidation'

/** The flow for signing in or out: the brand's, else the first of that designation that lets this person in. */
export async function defaultFlow(ctx: Ctx, designation: DefaultFlow): Promise<FlowDefinition | undefined> {
  const branded = (await currentBrand(ctx)).flows[`flow_${designation}`]
  if (branded) return flowDefinition(ctx, branded.slug)
  const candidates = await ctx.db.selectFrom('flow').select('slug').where('designation', '=', designation).orderBy('slug').execute()
  for (const { slug } of candidates) {
    const definition = await flowDefinition(ctx, slug)
    if (definition && (await planFlow(ctx, definition, {}, { allowEmpty: true })).ok) return definition
  }
  return undefined
}
