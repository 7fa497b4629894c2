import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { livingSession } from '../core/session/session.ts'
import { recordEvent } from '../events/record.ts'
import { isReturnPath, isSafeTarget, pathOf } from './addresses.ts'
import { readAnswer } from './answer.ts'
import type { FlowDefinition } from './definition.ts'
import { forgetFlows } from './definition.ts'
import { forgetSteps, keepStep } from './history.ts'
import { loadPlan, type Plan, type PlanContext, type PlannedStage } from './plan.ts'
import { nextStage, planFlow, type NoPlan } from './planner.ts'
import { explainNoPlan, explainStage } from './refusal.ts'
import { flowInfo, withUser } from './present.ts'
import { restoredPlan, spendToken } from './token.ts'
import { denied, isChallenge, type AnswerErrors, type Challenge, type Outcome, type Run, type StageBehaviour } from './stage.ts'
import { PLAN, storePlan, type Visit } from './visit.ts'
import { KeyedMutex } from '../lib/mutex.ts'
import { stopwatch } from '../lib/stopwatch.ts'
import { Superseded } from './sign-in.ts'

/** One request to a flow. */
export type FlowRequest = {
  method: 'GET' | 'POST'
  /** The answer, parsed; looked at for POST alone. */
  body?: unknown
  /** The query string of the browser's page. */
  query: URLSearchParams
  /** The query string of the request to the executor itself. */
  outerQuery?: URLSearchParams
}

/** Under which an access-denied challenge carries the id of its explanation. */
const EXPLANATION = 'explanation'

/** The id of the explanation that a challenge carries. */
export const explanationOf = (challenge: Challenge): string | undefined =>
  (challenge.response_errors as AnswerErrors | undefined)?.[EXPLANATION]?.[0]?.string

/** What the executor says: something to show, or "ask again", since more of the flow lies ahead. */
export type FlowAnswer = { kind: 'challenge'; challenge: Challenge } | { kind: 'step' }

/** Stages that need nobody are run one after the other within one request, up to this many. */
const MAX_SILENT = 64

const step: FlowAnswer = { kind: 'step' }
const show = (challenge: Challenge): FlowAnswer => ({ kind: 'challenge', challenge })
const goTo = (to: string, final: boolean): FlowAnswer => show({ component: 'xak-flow-redirect', to, final_redirect: final })

/** A flow in progress, for one request. `ctx` follows the browser: whoever a stage signs in is the caller of the next one. */
type Execution = { ctx: Ctx; definition: FlowDefinition; plan: Plan; request: FlowRequest; visit: Visit }

/**
 * Takes one step of a flow: finds or makes the browser's plan, runs the stage that is due, keeps what is left. Session and
 * cookies of `visit` change as the stages say. Everything that goes wrong inside is a challenge too, never an exception.
 */
export async function execute(ctx: Ctx, definition: FlowDefinition, request: FlowRequest, visit: Visit): Promise<FlowAnswer> {
  const hash = visit.session?.session_hash
  if (hash === undefined) return guarded(ctx, definition, request, visit)
  return oneAtATime.run(hash, async () => {
    visit.session = (await livingSession(ctx, hash)) ?? null
    // Its successor's key is in the browser by now, or on its way there.
    return visit.session ? guarded(ctx, definition, request, visit) : step
  })
}

/** Requests of one browser wait for each other, so that two answers cannot be judged by the same plan. */
const oneAtATime = new KeyedMutex<string>()

async function guarded(ctx: Ctx, definition: FlowDefinition, request: FlowRequest, visit: Visit): Promise<FlowAnswer> {
  try {
    return await run(ctx, definition, request, visit)
  } catch (error) {
    // Another request of the same browser was quicker; its cookies are the valid ones.
    if (error instanceof Superseded) {
      visit.cookies.clear()
      return step
    }
    return flowError(ctx, error)
  }
}

async function run(ctx: Ctx, definition: FlowDefinition, request: FlowRequest, visit: Visit): Promise<FlowAnswer> {
  const restored = await restoredPlan(ctx, definition, request.query, visit)
  const kept = restored ?? (await loadPlan(ctx, visit.session?.data[PLAN]))
  const own = kept?.flow.flow_uuid === definition.flow.flow_uuid ? kept : undefined
  // An answer belongs to a plan that is under way; without one, the flow begins.
  const method = own && !restored ? request.method : 'GET'
  if (own) {
    if (method === 'POST' && !(await spendToken(ctx, own))) {
      await storePlan(ctx, visit, null)
      return accessDenied(ctx, definition.flow, {}, request, 'This link was used already.')
    }
    return advance({ ctx, definition, plan: own, request: { ...request, method }, visit })
  }
  forgetSteps(visit)
  const planned = await planFlow(ctx, definition)
  if (!planned.ok) return withoutPlan(ctx, definition, request, visit, planned)
  return advance({ ctx, definition, plan: planned.plan, request: { ...request, method }, visit })
}

const NOT_APPLICABLE = 'Flow does not apply to current user.'

/** No plan could be made. Somebody who is signed in already and opens the sign-in page is sent on. */
async function withoutPlan(ctx: Ctx, { flow }: FlowDefinition, request: FlowRequest, visit: Visit, planned: NoPlan): Promise<FlowAnswer> {
  await storePlan(ctx, visit, null)
  const signedIn = flow.designation === 'authentication' && ctx.caller.user !== null
  if (planned.reason === 'empty' || signedIn) return flowDone(ctx, flow, {}, request)
  const explanation = explainNoPlan(ctx, flow, planned, 'flow')
  const following = request.outerQuery?.get('next')
  if (flow.denied_action !== 'message') {
    if (following && isReturnPath(ctx, following)) return goTo(following, false)
    if (flow.denied_action === 'continue') return goTo(pathOf(ctx, '/'), false)
  }
  return accessDenied(ctx, flow, {}, request, planned.messages.join('\n') || NOT_APPLICABLE, explanation)
}

/** Runs stages until one has something to show or the flow is at its end. */
async function advance(execution: Execution): Promise<FlowAnswer> {
  const { definition, request, visit } = execution
  for (let silent = 0; silent < MAX_SILENT; silent++) {
    const { plan } = execution
    const place = await dueStage(execution)
    if (!place) return finished(execution)
    const run: Run = { ctx: execution.ctx, flow: definition.flow, stage: stageData(place), place, plan, query: request.query, visit }
    const behaviour = behaviourOf(execution.ctx, place)
    const answering = silent === 0 && request.method === 'POST'
    const measure = measured(execution, place, answering ? 'POST' : 'GET')
    const result = answering ? await takeAnswer(behaviour, run, request.body) : await behaviour.challenge(run)
    measure.decided()
    execution.ctx = run.ctx
    const answer = isChallenge(result) ? await presented(execution, result) : await settle(execution, behaviour, run, result, answering)
    measure.settled()
    if (answer) return answer
  }
  throw new Error(`More than ${MAX_SILENT} stages in a row had nothing to ask.`)
}

/** A policy that makes it impossible to go on must not be skipped over; what is remembered of flows may be the reason. */
async function dueStage({ ctx, plan }: Execution): Promise<PlannedStage | undefined> {
  try {
    return await nextStage(ctx, plan)
  } catch (error) {
    forgetFlows(ctx)
    throw error
  }
}

/** Counts the time of a stage by itself, and with what the executor makes of its outcome. */
function measured({ ctx: { metrics }, definition }: Execution, place: PlannedStage, method: string) {
  const elapsed = stopwatch()
  const type = place.kind === 'memory' ? place.name : place.stage.kind
  return {
    decided: () => metrics?.stageAnswered(type, method, elapsed() / 1000),
    settled: () => metrics?.flowStepped(definition.flow.slug as string, type, method, elapsed() / 1000),
  }
}

const stageData = (place: PlannedStage): Row => (place.kind === 'memory' ? place.data : place.stage)

function behaviourOf(ctx: Ctx, place: PlannedStage): StageBehaviour {
  const found =
    place.kind === 'memory'
      ? ctx.registry.memoryStages.find(stage => stage.kind === place.name)
      : ctx.registry.stages.find(stage => stage.model.label === place.stage.kind)
  if (!found) throw new Error(`No stage of kind ${place.kind === 'memory' ? place.name : place.stage.kind} is known.`)
  return found
}

/** Judges an answer. One that was meant for another stage, or that nobody asked for, counts as a look at what is due. */
async function takeAnswer(behaviour: StageBehaviour, run: Run, body: unknown): Promise<Challenge | Outcome> {
  const fields = await behaviour.answer?.(run)
  const meant = typeof body === 'object' && body !== null ? (body as Row).component : undefined
  if (!fields || !behaviour.respond || (meant !== undefined && meant !== behaviour.component)) return behaviour.challenge(run)
  const read = readAnswer(fields, body)
  return 'errors' in read ? { kind: 'retry', errors: read.errors } : behaviour.respond(run, read.values)
}

const restarts = (place: PlannedStage): 'restart' | 'restart_with_context' | undefined => {
  const action = place.kind === 'bound' ? place.binding.invalid_response_action : 'retry'
  return action === 'restart' || action === 'restart_with_context' ? action : undefined
}

/** Carries out what a stage decided. Undefined: on to the next stage within this request. */
async function settle(
  execution: Execution,
  behaviour: StageBehaviour,
  run: Run,
  outcome: Outcome,
  answering: boolean,
): Promise<FlowAnswer | undefined> {
  const { ctx, definition, plan, request, visit } = execution
  const { place } = run
  switch (outcome.kind) {
    case 'next': {
      keepStep(ctx, visit, plan, request.query)
      plan.stages.splice(plan.stages.indexOf(place), 1)
      if (!plan.hasStages) return finished(execution)
      await storePlan(ctx, visit, plan, request.query)
      return answering ? step : undefined
    }
    case 'retry': {
      if (restarts(place)) return restart(execution, place)
      const again = await behaviour.challenge(run)
      if (isChallenge(again)) return presented(execution, again, outcome.errors)
      return settle(execution, behaviour, run, again, answering)
    }
    case 'denied': {
      if (restarts(place)) return restart(execution, place)
      await storePlan(ctx, visit, null)
      const message = outcome.message || 'Unknown error'
      const explanation = outcome.explanation ?? (await explainStage(ctx, plan, place, message))
      return accessDenied(ctx, definition.flow, plan.context, request, message, explanation)
    }
    case 'redirect': {
      if (!isSafeTarget(outcome.to)) return settle(execution, behaviour, run, denied('Invalid redirect target.'), answering)
      await storePlan(ctx, visit, outcome.last ? null : plan, request.query)
      return goTo(outcome.to, outcome.last)
    }
    case 'finish':
      await storePlan(ctx, visit, null)
      return show(await dressed(execution, outcome.challenge))
    case 'switch': {
      await storePlan(ctx, visit, outcome.plan, request.query)
      const query = request.query.toString()
      return goTo(pathOf(ctx, `/if/flow/${String(outcome.plan.flow.slug)}/`) + (query && `?${query}`), false)
    }
  }
}

/** Plans the flow anew; with `restart_with_context`, what was gathered is kept. */
async function restart(execution: Execution, place: PlannedStage): Promise<FlowAnswer> {
  const { ctx, definition, plan, request, visit } = execution
  const context: PlanContext = restarts(place) === 'restart_with_context' ? plan.context : {}
  const planned = await planFlow(ctx, definition, context)
  if (!planned.ok) return withoutPlan(ctx, definition, request, visit, planned)
  await storePlan(ctx, visit, planned.plan, request.query)
  return step
}

/** A challenge with the common parts around it. */
async function dressed({ ctx, definition, plan, request }: Execution, challenge: Challenge, errors?: AnswerErrors): Promise<Challenge> {
  const { component, ...fields } = challenge
  return {
    flow_info: await flowInfo(ctx, definition.flow, plan.context, request.query),
    component,
    ...(errors && { response_errors: errors }),
    ...fields,
  }
}

async function presented(execution: Execution, challenge: Challenge, errors?: AnswerErrors): Promise<FlowAnswer> {
  await storePlan(execution.ctx, execution.visit, execution.plan, execution.request.query)
  return show(await dressed(execution, challenge, errors))
}

async function finished({ ctx, definition, plan, request, visit }: Execution): Promise<FlowAnswer> {
  await storePlan(ctx, visit, null)
  return flowDone(ctx, definition.flow, plan.context, request)
}

/** The end of a flow: where the plan says, else where the page's `next` says if that is a path of ours, else the start page. */
async function flowDone(ctx: Ctx, flow: Row, context: PlanContext, request: FlowRequest): Promise<FlowAnswer> {
  const chosen = context.redirect
  if (typeof chosen === 'string' && chosen !== '') {
    return isSafeTarget(chosen) ? goTo(chosen, true) : accessDenied(ctx, flow, context, request, 'Invalid redirect target.')
  }
  const following = request.query.get('next')
  if (following === null || following === '') return goTo(pathOf(ctx, '/'), true)
  return isReturnPath(ctx, following) ? goTo(following, true) : accessDenied(ctx, flow, context, request, 'Invalid next URL')
}

/**
 * The end of a flow with a refusal. The id of its explanation goes where the contract has room for it: among the errors, under a name
 * that no field has.
 */
async function accessDenied(
  ctx: Ctx,
  flow: Row,
  context: PlanContext,
  request: FlowRequest,
  message: string,
  explanation?: string,
): Promise<FlowAnswer> {
  return show({
    flow_info: await flowInfo(ctx, flow, context, request.query),
    component: 'ak-stage-access-denied',
    ...(explanation !== undefined && { response_errors: { [EXPLANATION]: [{ string: explanation, code: EXPLANATION }] } }),
    ...(await withUser({ ctx, plan: { context } as Plan })),
    error_message: message,
  })
}

/** What broke is for the log and the audit log; only those who may debug see it in the browser. */
async function flowError(ctx: Ctx, error: unknown): Promise<FlowAnswer> {
  const { caller, request } = ctx
  ctx.log.error({ err: error, request_id: request?.id }, 'system exception during flow execution')
  const text = error instanceof Error ? error.message : String(error)
  await recordEvent(ctx, 'system_exception', { message: 'System exception during flow execution.', exception: text })
  return unexplainedError(
    ctx,
    caller.superuser || isDebugger(caller.user) ? { error: text, traceback: (error as Error).stack ?? text } : {},
  )
}

/** A request that could not even be read. */
export const unexplainedError = (ctx: Ctx, details: Row = {}): FlowAnswer =>
  show({ component: 'ak-stage-flow-error', request_id: ctx.request?.id ?? '', ...details })

const isDebugger = (user: Row | null): boolean => (user?.attributes as Row | undefined)?.['goauthentik.io/user/debug'] === true
