import { Cron } from 'croner'
import { createHash } from 'node:crypto'
import { transact, type Ctx } from '../context.ts'
import type { Job } from './job.ts'
import { enqueue } from './queue.ts'

/**
 * When a job is due next after `from`. An installation is late by the same part of the job's jitter every time.
 * @throws Error for a crontab that is none, or that never comes
 */
export function nextRun(crontab: string, from: Date, { jitter = 0, seed = '' }: { jitter?: number; seed?: string } = {}): Date {
  const late = Math.floor((createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32) * jitter)
  const next = new Cron(crontab, { utcOffset: 0 }).nextRun(new Date(from.getTime() - late))
  if (!next) throw new Error(`${crontab} never comes`)
  return new Date(next.getTime() + late)
}

const jitterOf = (ctx: Ctx, job: Job) => ({ jitter: job.schedule?.jitter ?? 0, seed: `${ctx.installId} ${job.name}` })

/**
 * Makes the database's schedules those of the jobs. What an administrator paused or put at other times stays so; otherwise a changed
 * crontab counts at once.
 */
export async function syncSchedules(ctx: Ctx, jobs: readonly Job[]): Promise<void> {
  const known = new Map((await ctx.db.selectFrom('schedule').selectAll().execute()).map(row => [row.identifier, row]))
  for (const job of jobs) {
    const before = known.get(job.name)
    if (!job.schedule || before?.default_crontab === job.schedule.crontab) continue
    const { crontab } = job.schedule
    const moved = before !== undefined && before.default_crontab !== '' && before.crontab !== before.default_crontab
    const next_run = nextRun(crontab, ctx.now(), jitterOf(ctx, job))
    const fresh = { crontab, next_run, default_crontab: crontab }
    await ctx.db
      .insertInto('schedule')
      .values({ id: ctx.uuid(), identifier: job.name, actor_name: job.name, paused: false, source: null, ...fresh })
      .onConflict(conflict => conflict.column('identifier').doUpdateSet(moved ? { default_crontab: crontab } : fresh))
      .execute()
  }
}

/** Queues the job of a schedule. */
export const queueScheduled = (
  ctx: Ctx,
  { id, identifier, actor_name, source }: { id: string; identifier: string; actor_name: string; source: string | null },
): Promise<string> => enqueue(ctx, actor_name, source === null ? {} : { source }, { schedule: id, uid: identifier })

/** Queues what is due by schedule, once among all processes, and not while the former run is still under way. */
export async function queueDue(ctx: Ctx, jobs: readonly Job[]): Promise<void> {
  const now = ctx.now()
  const due = await ctx.db.selectFrom('schedule').selectAll().where('next_run', '<=', now).where('paused', '=', false).execute()
  for (const schedule of due) {
    const job = jobs.find(({ name }) => name === schedule.actor_name)
    if (!job) continue
    await transact(ctx, async ctx => {
      const moved = await ctx.db
        .updateTable('schedule')
        .set({ next_run: nextRun(schedule.crontab, now, jitterOf(ctx, job)) })
        .where('id', '=', schedule.id)
        .where('next_run', '=', schedule.next_run)
        .executeTakeFirst()
      if (moved.numUpdatedRows === 0n) return
      const unfinished = await ctx.db
        .selectFrom('task')
        .select('message_id')
        .where('schedule', '=', schedule.id)
        .where('state', 'in', ['queued', 'running'])
        .executeTakeFirst()
      if (!unfinished) await queueScheduled(ctx, schedule)
    })
  }
}

/** When the next schedule of these jobs is due; undefined when there is none. */
export async function nextScheduleAt(ctx: Ctx, jobs: readonly string[]): Promise<Date | undefined> {
  const schedules = ctx.db
    .selectFrom('schedule')
    .select('next_run')
    .where('paused', '=', false)
    .where('actor_name', 'in', [...jobs])
  return (await schedules.orderBy('next_run').limit(1).executeTakeFirst())?.next_run
}
