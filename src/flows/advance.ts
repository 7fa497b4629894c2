import type { Ctx } from '../context.ts'
import { flowByKey } from './definition.ts'
import { execute, explanationOf } from './executor.ts'
import type { Plan } from './plan.ts'
import type { Challenge } from './stage.ts'
import { startPlan } from './start.ts'
import type { Visit } from './visit.ts'

/** How far a plan got without anybody's answer. */
export type Advanced =
  /** Where it sends the browser at its end. */
  | { end: 'redirect'; to: string }
  /** A form for the browser to send at its end. */
  | { end: 'form'; fields: Record<string, string> }
  | { end: 'denied'; messages: string[]; explanationId?: string }
  | { end: 'error' }
  /** Something has to be asked, or shown; the plan is kept, and the flow's page goes on with it. */
  | { end: 'asks'; component: string; page: string }

const ended = (challenge: Challenge): Advanced | undefined => {
  switch (challenge.component) {
    case 'xak-flow-redirect':
      return challenge.final_redirect ? { end: 'redirect', to: challenge.to as string } : undefined
    case 'ak-stage-autosubmit':
      return { end: 'form', fields: challenge.attrs as Record<string, string> }
    case 'ak-stage-access-denied':
      return {
        end: 'denied',
        messages: typeof challenge.error_message === 'string' ? [challenge.error_message] : [],
        explanationId: explanationOf(challenge),
      }
    case 'ak-stage-flow-error':
      return { end: 'error' }
    default:
      return undefined
  }
}

/**
 * Runs a plan on the server for as long as nobody has to answer, so that what needs no answer is one plain redirect for the browser.
 * Unlike `runWithoutInterface` it also begins plans of which only the run itself can tell whether they ask: consent that was given before.
 */
export async function advancePlan(ctx: Ctx, visit: Visit, plan: Plan): Promise<Advanced> {
  const page = await startPlan(ctx, visit, plan)
  const definition = (await flowByKey(ctx, plan.flow.flow_uuid as string))!
  const answer = await execute(ctx, definition, { method: 'GET', query: new URLSearchParams() }, visit)
  if (answer.kind !== 'challenge') return { end: 'asks', component: '', page }
  return ended(answer.challenge) ?? { end: 'asks', component: answer.challenge.component, page }
}
