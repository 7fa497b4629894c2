import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { evaluatePolicies, type Decision } from '../policies/engine.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { stageByKey, type FlowDefinition } from './definition.ts'
import { Plan, type PlanContext, type PlannedStage } from './plan.ts'
import { SETUP_SLUG, setupPending } from './setup.ts'

/** Why there is no plan, for whoever asks. */
export type NoPlan = {
  ok: false
  /** The flow is not for this person now, or holds no stage for them. */
  reason: 'not_applicable' | 'empty'
  messages: string[]
  why: 'setup' | 'authentication' | 'policies' | 'no_stages'
  /** What the flow's own bindings said, where they were asked. */
  decision?: Decision
  user: Row | null
}

/** A plan, or why there is none. */
export type Planned = { ok: true; plan: Plan } | NoPlan

/** Whether somebody as the request shows them may run a flow that demands this. */
function meetsRequirement(ctx: Ctx, requirement: unknown, context: PlanContext): boolean {
  const { user, superuser } = ctx.caller
  switch (requirement) {
    case 'none':
      return true
    case 'require_authenticated':
      return user !== null
    case 'require_unauthenticated':
      return user === null
    case 'require_superuser':
      return user !== null && superuser
    case 'require_redirect':
      return context.is_redirected !== undefined && context.is_redirected !== null
    case 'require_outpost':
      return context.outpost !== undefined
    case 'require_token':
      return context.is_restored !== undefined
    default:
      return false
  }
}

/** What policies see of a plan, beside its context. */
export const policyContext = (plan: Plan): Row => ({ ...plan.context, flow_plan: plan })

/** The account that a plan is about, else who is signed in. */
export const subjectOf = (ctx: Ctx, context: PlanContext): Row | null => (context.pending_user as Row | undefined) ?? ctx.caller.user

/**
 * Works out which stages of a flow lie ahead of this person. The requirement comes first, then the flow's own policies, then those of
 * bindings that are evaluated while planning. Nothing of it is remembered: what changed a moment ago counts.
 * @param context what the caller knows already (`application`, `pending_user` …); becomes the plan's context
 * @param options.allowEmpty a plan without stages is fine: the caller appends its own
 */
export async function planFlow(
  ctx: Ctx,
  definition: FlowDefinition,
  context: PlanContext = {},
  options: { allowEmpty?: boolean } = {},
): Promise<Planned> {
  const elapsed = stopwatch()
  const { flow, bindings } = definition
  const plan = new Plan(flow, [], { ...context })
  const admitted = await admission(ctx, plan)
  if (!admitted.ok) return admitted
  for (const binding of bindings) {
    const planned = await planBinding(ctx, plan, binding)
    if (planned) plan.appendStage(planned)
  }
  ctx.metrics?.flowPlanned(flow.slug as string, elapsed() / 1000)
  if (plan.hasStages || options.allowEmpty) return { ok: true, plan }
  return { ok: false, reason: 'empty', messages: [], why: 'no_stages', user: subjectOf(ctx, plan.context) }
}

/** Whether the flow of a plan is for this person at all. `dry`: only to tell. */
export async function admission(ctx: Ctx, plan: Plan, options: { dry?: boolean } = {}): Promise<NoPlan | { ok: true; decision: Decision }> {
  const { flow, context } = plan
  const user = subjectOf(ctx, context)
  const refused = (why: NoPlan['why'], messages: string[], decision?: Decision): NoPlan => ({
    ok: false,
    reason: 'not_applicable',
    messages,
    why,
    decision,
    user,
  })
  if (flow.slug === SETUP_SLUG) {
    // Whether set-up may run is not for its own, changeable configuration to say: open until it was done, closed ever after.
    if (!(await setupPending(ctx))) return refused('setup', ['Initial set-up was already completed.'])
  } else if (!meetsRequirement(ctx, flow.authentication, context)) return refused('authentication', [])
  // Policies of the flow itself see what the plan begins with, and not the plan.
  const decision = await evaluatePolicies(ctx, {
    target: flow.policybindingmodel_ptr_id as string,
    user,
    context: { ...context },
    object: flow,
    dry: options.dry,
  })
  return decision.passing ? { ok: true, decision } : refused('policies', decision.messages, decision)
}

/** A stage of the flow that this server cannot run. Going on without it might skip a second factor. */
export class UnknownStageError extends Error {
  constructor(flow: Row, binding: Row) {
    super(`Flow ${String(flow.slug)} binds stage ${String(binding.stage)}, which is of a kind that this server cannot run.`)
    this.name = 'UnknownStageError'
  }
}

async function planBinding(ctx: Ctx, plan: Plan, binding: Row): Promise<PlannedStage | undefined> {
  if (binding.evaluate_on_plan && !(await bindingDecision(ctx, plan, binding)).passing) return undefined
  const stage = await stageByKey(ctx, binding.stage as string)
  if (!stage) throw new UnknownStageError(plan.flow, binding)
  return { kind: 'bound', binding, stage, reevaluate: binding.re_evaluate_policies as boolean }
}

/** What the policies of a stage's binding say. `dry`: only to tell. */
export const bindingDecision = (ctx: Ctx, plan: Plan, binding: Row, options: { dry?: boolean } = {}): Promise<Decision> =>
  evaluatePolicies(ctx, {
    target: binding.policybindingmodel_ptr_id as string,
    user: subjectOf(ctx, plan.context),
    context: policyContext(plan),
    object: binding,
    dry: options.dry,
  })

/**
 * The stage that is due. Stages whose policies are asked again on the way and say no are dropped silently: a binding's
 * policies decide whether the stage is run, never whether the flow is allowed.
 */
export async function nextStage(ctx: Ctx, plan: Plan): Promise<PlannedStage | undefined> {
  for (;;) {
    const [first] = plan.stages
    if (!first) return undefined
    if (first.kind !== 'bound' || !first.reevaluate) return first
    const { passing } = await bindingDecision(ctx, plan, first.binding)
    if (passing) return first
    ctx.log.debug({ flow: plan.flow.slug, stage: first.stage.name }, 'a stage was left out, since its policies say no')
    // A policy may itself have changed the plan (`flow_plan.redirect`), so the dropped stage is looked up.
    const at = plan.stages.indexOf(first)
    if (at >= 0) plan.stages.splice(at, 1)
  }
}
