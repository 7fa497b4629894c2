import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import { isReturnPath } from '../../flows/addresses.ts'
import { freshnessOf } from '../../flows/freshness.ts'
import { isStored } from '../../flows/objects.ts'
import { Plan } from '../../flows/plan.ts'
import { defineStage, denied, redirect } from '../../flows/stage.ts'
import { createFlowToken } from '../../flows/token.ts'
import { parseDuration } from '../../lib/duration.ts'
import { SourceError } from '../../sources/oauth/error.ts'
import { Source } from '../../sources/source.ts'
import { takenBy } from '../invitation/carry.ts'
import { SourceStage } from './model.ts'

const NO_SOURCE = 'There is no way to this source.'

export const source = defineStage({
  model: SourceStage,
  async challenge({ ctx, place, plan, query, stage, visit }) {
    const base = await findObject(ctx, Source, stage.source)
    const kind = ctx.registry.sources.find(({ model }) => model.label === base?.kind)
    const row = base?.enabled && kind?.begin ? await findObject(ctx, kind.model, stage.source) : undefined
    if (!row) return denied(NO_SOURCE)
    // What is left of this flow waits where the browser cannot reach it, and goes on once.
    const waiting = new Plan(
      plan.flow,
      plan.stages.filter(one => one !== place),
      plan.context,
    )
    const pending = plan.context.pending_user as Row | null | undefined
    const token = await createFlowToken(ctx, waiting, {
      user: isStored(pending, 'id') ? pending : null,
      expires: new Date(ctx.now().getTime() + Math.max(0, parseDuration(stage.resume_timeout as string))),
    })
    const next = query.get('next')
    const invitation = await takenBy(ctx, plan)
    const fresh = freshnessOf(plan)
    try {
      const to = await kind!.begin!(ctx, visit, row, {
        query: { ...(next !== null && isReturnPath(ctx, next) && { next }) },
        ...(invitation && { invitation }),
        ...(fresh && { fresh }),
        resume: { token, flow: plan.flow.flow_uuid as string, failures: stage.resume_on_match_failures as string[] },
      })
      return redirect(to)
    } catch (error) {
      if (error instanceof SourceError) return denied(error.message)
      throw error
    }
  },
})
