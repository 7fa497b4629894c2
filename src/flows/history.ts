import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { holds } from '../api/permissions.ts'
import { maskSecrets } from '../lib/mask.ts'
import { savePlan, type Plan } from './plan.ts'
import type { Visit } from './visit.ts'

/**
 * What a flow looked like before each of its steps, for the inspector. Kept only for those who may inspect flows, or who opened the page
 * with `?inspector` and may be allowed to once they are signed in: for everybody else it would make sessions larger for nothing.
 */

/** Where sessions keep it; expressions know the name. */
const HISTORY = 'authentik/flows/history'
/** Steps that are kept. */
const MOST = 32

export type History = { flow: string; plans: Row[] }

export const INSPECT = 'authentik_flows.inspect_flow'

const isWatched = (ctx: Ctx, query: URLSearchParams): boolean => query.has('inspector') || holds(ctx, INSPECT)

/** The steps of the flow that the browser ran last. */
export const historyOf = (data: Row): History | undefined => data[HISTORY] as History | undefined

/** Keeps a plan as it stands before its first stage is taken off. The session is written by whoever stores the plan next. */
export function keepStep(ctx: Ctx, visit: Visit, plan: Plan, query: URLSearchParams): void {
  if (!visit.session || !isWatched(ctx, query)) return
  const flow = plan.flow.flow_uuid as string
  const known = historyOf(visit.session.data)
  const before = known?.flow === flow ? known.plans : []
  // Passwords that were typed must not outlive the plan that needed them.
  const saved = savePlan(ctx, plan)
  const plans = [...before, { ...saved, context: maskSecrets(saved.context) }].slice(-MOST)
  visit.session.data = { ...visit.session.data, [HISTORY]: { flow, plans } satisfies History }
}

/** Forgets the steps: a flow begins anew. */
export function forgetSteps(visit: Visit): void {
  if (!visit.session || !(HISTORY in visit.session.data)) return
  const { [HISTORY]: _, ...rest } = visit.session.data
  visit.session.data = rest
}
