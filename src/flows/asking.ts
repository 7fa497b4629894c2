import type { Asking } from '../../web/flow/challenge.ts'
import type { Row } from '../api/model.ts'
import { denied, type Outcome, type Run } from './stage.ts'
import { PLAN, type Visit } from './visit.ts'

export type { Asking }

/**
 * Under which a plan's context says which application waits for its end. The page of the flow is told of it beside the challenge, since the
 * contract's challenges have no room for it.
 */
export const ASKING = 'signet/asking'

/** Who waits for the flow that this browser is in; undefined: nobody. */
export const askingOf = (visit: Visit): Asking | undefined =>
  (visit.session?.data[PLAN] as { context?: Row } | undefined)?.context?.[ASKING] as Asking | undefined

/** What a person's no means: whoever asked has a stage at the end of the plan, and that stage knows. */
export async function declined(run: Run): Promise<Outcome> {
  for (const place of run.plan.stages.toReversed()) {
    if (place.kind !== 'memory') continue
    const asker = run.ctx.registry.memoryStages.find(({ kind }) => kind === place.name)
    if (asker?.decline) return asker.decline({ ...run, stage: place.data, place })
  }
  return denied('Request has been denied.')
}
