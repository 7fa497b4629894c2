import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import type { Database } from '../db/database.ts'
import { afterCommit } from '../db/database.ts'
import type { Job, LogLine } from './job.ts'

export type Task = {
  message_id: string
  actor_name: string
  args: Record<string, unknown>
  uid: string
  retries: number
  previous_logs: LogLine[]
}

/** How long a process keeps a task without a sign of life. */
export const LEASE = 60_000 // ms
/** Lines that a task keeps of its former runs. */
const KEPT_LINES = 100

const wakers = new WeakMap<Database, Set<() => void>>()

/** Calls `wake` after tasks were queued in this process. Returns a function that ends it. */
export function onQueued(database: Database, wake: () => void): () => void {
  const known = wakers.get(database) ?? new Set()
  wakers.set(database, known.add(wake))
  return () => void known.delete(wake)
}

/**
 * Queues a task; in a transaction it exists with its commit. It runs at least once.
 * @param options.uid what it is about, for people
 * @param options.eta not before then
 */
export async function enqueue(
  ctx: Ctx,
  job: string,
  args: Readonly<Record<string, unknown>> = {},
  options: { uid?: string; eta?: Date; schedule?: string } = {},
): Promise<string> {
  const now = ctx.now()
  const message_id = ctx.uuid()
  const { uid = '', eta = now, schedule = null } = options
  await ctx.db
    .insertInto('task')
    .values({
      message_id,
      actor_name: job,
      args: JSON.stringify(ctx.unnoticed ? { ...args, unnoticed: true } : args),
      state: 'queued',
      aggregated_status: 'queued',
      uid,
      schedule,
      created: now,
      mtime: now,
      eta,
      retries: 0,
      logs: '[]',
      previous_logs: '[]',
      lease_owner: null,
      lease_until: null,
    })
    .execute()
  wakeRunners(ctx)
  return message_id
}

/** Tells the runners of this process, after the commit, that there is something for them. */
export const wakeRunners = (ctx: Pick<Ctx, 'db' | 'database'>): void =>
  afterCommit(ctx.db, () => wakers.get(ctx.database)?.forEach(wake => wake()))

const claimable = (now: Date) =>
  sql<boolean>`((task.state = 'queued' and task.eta <= ${now}) or (task.state = 'running' and task.lease_until < ${now}))`

/**
 * Takes the next task that is due, or one whose process has died. Each goes to one caller: the update decides who was first.
 * @param jobs the names that this program knows; tasks of other versions are left to them
 */
export async function claim(ctx: Ctx, owner: string, jobs: readonly string[]): Promise<Task | undefined> {
  const now = ctx.now()
  const candidates = await ctx.db
    .selectFrom('task')
    .select('message_id')
    .where(claimable(now))
    .where('actor_name', 'in', [...jobs])
    .orderBy('eta')
    .limit(5)
    .execute()
  for (const { message_id } of candidates) {
    const task = await ctx.db
      .updateTable('task')
      .set({
        // Whoever had it before did not come to an end: that was a try.
        retries: sql<number>`case when state = 'running' then retries + 1 else retries end`,
        state: 'running',
        aggregated_status: 'running',
        lease_owner: owner,
        lease_until: new Date(now.getTime() + LEASE),
        mtime: now,
      })
      .where('message_id', '=', message_id)
      .where(claimable(now))
      .returning(['message_id', 'actor_name', 'args', 'uid', 'retries', 'previous_logs'])
      .executeTakeFirst()
    if (task) return task as unknown as Task
  }
  return undefined
}

/** Keeps a task that is still running; false when it was lost to somebody else. */
export async function renew(ctx: Ctx, owner: string, messageId: string): Promise<boolean> {
  const kept = await ctx.db
    .updateTable('task')
    .set({ lease_until: new Date(ctx.now().getTime() + LEASE) })
    .where('message_id', '=', messageId)
    .where('lease_owner', '=', owner)
    .where('state', '=', 'running')
    .executeTakeFirst()
  return kept.numUpdatedRows > 0n
}

/** Forgets a task that ended well. */
export async function forget(ctx: Ctx, owner: string, messageId: string): Promise<void> {
  await ctx.db.deleteFrom('task').where('message_id', '=', messageId).where('lease_owner', '=', owner).execute()
}

/** Whether a task of this job waits or runs. */
async function isUnderWay(ctx: Ctx, job: string): Promise<boolean> {
  const task = ctx.db.selectFrom('task').select('message_id').where('actor_name', '=', job)
  return (await task.where('state', 'in', ['queued', 'running']).limit(1).executeTakeFirst()) !== undefined
}

/** Those of the jobs that have work which nobody queued, and are not under way. */
export async function idlePending(ctx: Ctx, jobs: readonly Job[]): Promise<Job[]> {
  const found: Job[] = []
  for (const job of jobs) if (job.pending && (await job.pending(ctx)) && !(await isUnderWay(ctx, job.name))) found.push(job)
  return found
}

/** Gives a task back with what became of it: done, to be tried again at `retryAt`, or given up. */
export async function settle(
  ctx: Ctx,
  owner: string,
  task: Task,
  outcome: { logs: LogLine[]; failed: boolean; retryAt?: Date },
): Promise<void> {
  const { logs, failed, retryAt } = outcome
  const worst = (['error', 'warning'] as const).find(level => logs.some(line => line.log_level === level)) ?? 'info'
  await ctx.db
    .updateTable('task')
    .set({
      state: retryAt ? 'queued' : failed ? 'rejected' : 'done',
      aggregated_status: retryAt ? 'queued' : failed ? 'error' : worst === 'info' ? 'done' : worst,
      logs: JSON.stringify(logs),
      previous_logs: JSON.stringify([...task.previous_logs, ...(retryAt ? logs : [])].slice(-KEPT_LINES)),
      ...(retryAt && { eta: retryAt, retries: task.retries + 1 }),
      lease_owner: null,
      lease_until: null,
      mtime: ctx.now(),
    })
    .where('message_id', '=', task.message_id)
    .where('lease_owner', '=', owner)
    .execute()
}

/** When the next task of these jobs can be claimed; undefined when none waits. */
export async function nextTaskAt(ctx: Ctx, jobs: readonly string[]): Promise<Date | undefined> {
  const of = (state: string) =>
    ctx.db
      .selectFrom('task')
      .where('state', '=', state)
      .where('actor_name', 'in', [...jobs])
      .limit(1)
  const queued = await of('queued').select('eta as at').orderBy('eta').executeTakeFirst()
  const running = await of('running').select('lease_until as at').orderBy('lease_until').executeTakeFirst()
  return [queued?.at, running?.at].filter(at => at instanceof Date).sort((a, b) => a.getTime() - b.getTime())[0]
}
