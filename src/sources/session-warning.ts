import { warn } from '../api/warnings.ts'
import type { Ctx } from '../context.ts'
import { parseDuration } from '../lib/duration.ts'

/** What is known of a login stage in a flow of a source. */
type Found = { source: string; flow: string; stage: string; duration: string; stage_uuid: string }

const found = async (ctx: Ctx, where: { source?: string; flow?: string; stage?: string }): Promise<Found[]> => {
  let query = ctx.db
    .selectFrom('source')
    .innerJoin('flow', join =>
      join.on(on =>
        on.or([
          on('flow.flow_uuid', '=', on.ref('source.authentication_flow')),
          on('flow.flow_uuid', '=', on.ref('source.enrollment_flow')),
        ]),
      ),
    )
    .innerJoin('flow_stage_binding', 'flow_stage_binding.target', 'flow.flow_uuid')
    .innerJoin('stage', 'stage.stage_uuid', 'flow_stage_binding.stage')
    .innerJoin('stage_user_login', 'stage_user_login.stage_uuid', 'stage.stage_uuid')
    .select(['source.name as source', 'flow.slug as flow', 'stage.name as stage', 'stage.stage_uuid', 'session_duration as duration'])
    .where('source.enabled', '=', true)
    .orderBy('flow.slug')
    .orderBy('source.name')
  if (where.source !== undefined) query = query.where('source.pbm_uuid', '=', where.source)
  if (where.flow !== undefined) query = query.where('flow.flow_uuid', '=', where.flow)
  if (where.stage !== undefined) query = query.where('stage.stage_uuid', '=', where.stage)
  return query.execute()
}

const hours = (ms: number): string => `${Math.round((ms / 3_600_000) * 10) / 10} hours`

/**
 * Says, to whoever stores a source, a binding or a login stage, that sign-ins by a source do not last: a stage left at seconds=0 keeps
 * a session only until the browser is closed, and no longer than the server keeps those.
 */
export async function warnOfShortSessions(ctx: Ctx, where: { source?: string; flow?: string; stage?: string }): Promise<void> {
  const told = new Set<string>()
  for (const { source, flow, stage, duration, stage_uuid } of await found(ctx, where)) {
    if (parseDuration(duration) > 0 || told.has(`${flow} ${stage}`)) continue
    told.add(`${flow} ${stage}`)
    warn(
      ctx,
      `Whoever signs in by ${source} has to do it again when the browser is closed, and ${hours(ctx.config.sessions.unauthenticated_age)} after its last use at the latest: session_duration of the login stage ${stage} in the flow ${flow} is ${duration}. Set it to what sign-ins with a password have, such as weeks=4.`,
      { source, flow, stage: stage_uuid },
    )
  }
}
