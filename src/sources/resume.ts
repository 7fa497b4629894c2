import type { Row } from '../api/model.ts'
import type { Plan } from '../flows/plan.ts'
import { defineMemoryStage, denied, switchTo } from '../flows/stage.ts'
import { takePlan } from '../flows/token.ts'

/** The last stage of a source's flow that was only a step of another one, which goes on from here. */
export const RESUME = 'source-resume'

export const OVER = 'It took too long to come back from the source. Please begin again.'

/** What a plan keeps of how somebody proved who they are. */
const PROOFS = ['auth_method', 'auth_method_args', 'pending_user_identifier'] as const

/** What the source's flow found out, for the flow that asked; where that one leads to is its own to say. */
function carry(from: Plan, to: Plan): void {
  const { redirect: _, prompt_data: told, is_redirected: __, ...found } = from.context
  const [before, now] = [to.context.pending_user, found.pending_user] as (Row | null | undefined)[]
  // How one person proved themselves says nothing of another.
  if (now && before?.id !== now.id) for (const name of PROOFS) delete to.context[name]
  Object.assign(to.context, found, { prompt_data: { ...(to.context.prompt_data as Row | undefined), ...(told as Row | undefined) } })
}

export const resumeStage = defineMemoryStage({
  kind: RESUME,
  async challenge({ ctx, plan, stage }) {
    const waiting = await takePlan(ctx, stage.token as string)
    if (!waiting) return denied(OVER)
    carry(plan, waiting)
    return switchTo(waiting)
  },
})
