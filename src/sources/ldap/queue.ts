import type { Ctx } from '../../context.ts'
import { enqueue } from '../../tasks/queue.ts'

/** Name of the job that synchronises one directory. */
export const SYNC_JOB = 'ldap_sync'

type Queued = { pbm_uuid: string; slug: string }

const uidOf = ({ slug }: Queued): string => slug

/** Tasks of one directory. */
const tasksOf = (ctx: Ctx, source: Queued) => ctx.db.selectFrom('task').where('actor_name', '=', SYNC_JOB).where('uid', '=', uidOf(source))

/** Has a directory synchronised, unless that waits to be done already. */
export async function queueSync(ctx: Ctx, source: Queued, eta?: Date): Promise<void> {
  if (await tasksOf(ctx, source).select('message_id').where('state', '=', 'queued').limit(1).executeTakeFirst()) return
  await enqueue(ctx, SYNC_JOB, { source: source.pbm_uuid }, { uid: uidOf(source), ...(eta && { eta }) })
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
