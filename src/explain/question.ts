import type { Row } from '../api/model.ts'
import { visitor, type Ctx } from '../context.ts'
import { mayOpen } from '../core/application/access.ts'
import { callerFor } from '../core/callers.ts'
import { User } from '../core/people.ts'
import type { FlowDefinition } from '../flows/definition.ts'
import { stageByKey } from '../flows/definition.ts'
import { asObject } from '../flows/objects.ts'
import { Plan, type PlanContext } from '../flows/plan.ts'
import { admission, bindingDecision } from '../flows/planner.ts'
import { inputOf } from './input.ts'
import { traceOf, type Answered, type AskedStage, type Trace, type TracedStage } from './trace.ts'

/**
 * "Would this person get there, and why?" The same engine as everywhere, asked so that nothing comes of it: policies write nothing that
 * stays, leave no events and send no requests.
 */

export type Answer = Trace & { stages: TracedStage[] }

const subject = (user: Row): Answered['user'] => ({ pk: user.id as number, username: user.username as string })

/** Whether somebody may open an application. */
export async function askAboutApplication(ctx: Ctx, application: Row, user: Row, context: Row): Promise<Answer> {
  const asUser: Ctx = { ...ctx, caller: await callerFor(ctx, user) }
  const access = await mayOpen(asUser, application, user, { context, dry: true })
  return traceOf(ctx, {
    kind: 'application',
    target: { application: application.pbm_uuid as string, flow: null, name: application.name as string },
    user: subject(user),
    passing: access.passing,
    reason: access.reason,
    messages: access.messages,
    decision: access,
    input: inputOf(asUser, access.request),
  })
}

/** Flows that people run to be signed in, so before they are. */
const BEFORE_SIGN_IN = new Set(['authentication', 'enrollment', 'recovery'])

/**
 * Whether somebody may run a flow, and which of its stages they would meet.
 * @param signedIn whether they are signed in by then; by default as the flow's designation suggests
 */
export async function askAboutFlow(
  ctx: Ctx,
  { flow, bindings }: FlowDefinition,
  user: Row,
  context: PlanContext,
  signedIn = !BEFORE_SIGN_IN.has(flow.designation as string),
): Promise<Answer> {
  const person = asObject(User, user)
  const asUser: Ctx = { ...ctx, caller: signedIn ? await callerFor(ctx, user) : { ...visitor } }
  const plan = new Plan(flow, [], { ...context, pending_user: person })
  const base = {
    kind: 'flow' as const,
    target: { application: null, flow: flow.flow_uuid as string, name: flow.slug as string },
    user: subject(user),
    input: inputOf(asUser, { user, context: plan.context }),
  }
  if (signedIn && !user.is_active) return traceOf(ctx, { ...base, passing: false, reason: 'inactive', messages: [], decision: null })
  const admitted = await admission(asUser, plan, { dry: true })
  if (!admitted.ok) {
    const requirement = admitted.why === 'authentication' ? { requirement: flow.authentication as string } : {}
    const { why: reason, messages, decision = null } = admitted
    return traceOf(ctx, { ...base, ...requirement, passing: false, reason, messages, decision })
  }
  const { decision } = admitted
  const stages: AskedStage[] = []
  for (const binding of bindings) {
    const stage = await stageByKey(ctx, binding.stage as string)
    if (stage) plan.appendStage({ kind: 'bound', binding, stage, reevaluate: binding.re_evaluate_policies as boolean })
    const said = await bindingDecision(asUser, plan, binding, { dry: true })
    stages.push({
      name: stage?.name ?? String(binding.stage),
      kind: stage?.kind ?? '',
      binding: binding.fsb_uuid as string,
      order: binding.order as number,
      runs: said.passing,
      decision: said,
    })
  }
  const reason = !stages.some(stage => stage.runs) ? 'no_stages' : decision.empty ? 'nothing_bound' : 'policies'
  return traceOf(ctx, { ...base, passing: true, reason, messages: decision.messages, decision }, stages)
}
