import type { Ctx } from '../../context.ts'
import { enqueue } from '../../tasks/queue.ts'
import { nextRun } from '../../tasks/schedules.ts'

/** Name of the job that synchronises one directory. */
export const SYNC_JOB = 'ldap_sync'

type Queued = { pbm_uuid: string }

const uidOf = ({ pbm_uuid }: Queued): string => `${SYNC_JOB}:${pbm_uuid}`

/** Tasks of one directory. */
const tasksOf = (ctx: Ctx, source: Queued) => ctx.db.selectFrom('task').where('actor_name', '=', SYNC_JOB).where('uid', '=', uidOf(source))

/** Gives a directory a schedule of its own: every hour, each at another minute. */
export async function keepSchedule(ctx: Ctx, source: Queued): Promise<void> {
  const minute = parseInt(source.pbm_uuid.slice(0, 4), 16) % 60
  const crontab = `${minute} * * * *`
  await ctx.db
    .insertInto('schedule')
    .values({
      id: ctx.uuid(),
      identifier: uidOf(source),
      actor_name: SYNC_JOB,
      crontab,
      default_crontab: crontab,
      paused: false,
      next_run: nextRun(crontab, ctx.now()),
      source: source.pbm_uuid,
    })
    .onConflict(conflict => conflict.column('identifier').doNothing())
    .execute()
}

/** Has a directory synchronised, unless that waits to be done already. */
export async function queueSync(ctx: Ctx, source: Queued, eta?: Date): Promise<void> {
  if (await tasksOf(ctx, source).select('message_id').where('state', '=', 'queued').limit(1).executeTakeFirst()) return
  const schedule = await ctx.db.selectFrom('schedule').select('id').where('identifier', '=', uidOf(source)).executeTakeFirst()
  const about = { uid: uidOf(source), ...(schedule && { schedule: schedule.id }), ...(eta && { eta }) }
  await enqueue(ctx, SYNC_JOB, { source: source.pbm_uuid }, about)
}

export const leaseOf = ({ pbm_uuid }: Queued): string => `ldap_sync ${pbm_uuid}`

/** How the last synchronisation ended, and whether one is under way, as the API tells it. */
export async function syncStatus(ctx: Ctx, source: Queued) {
  const lease = await ctx.db
    .selectFrom('lease')
    .select('name')
    .where('name', '=', leaseOf(source))
    .where('expires', '>', ctx.now())
    .executeTakeFirst()
  const last = await tasksOf(ctx, source).select('aggregated_status').orderBy('mtime', 'desc').limit(1).executeTakeFirst()
  const good = await tasksOf(ctx, source).select('mtime').where('state', '=', 'done').orderBy('mtime', 'desc').limit(1).executeTakeFirst()
  return {
    is_running: lease !== undefined,
    ...(good && { last_successful_sync: good.mtime }),
    ...(last && { last_sync_status: last.aggregated_status }),
  }
}
