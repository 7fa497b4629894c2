import { setTimeout as delay } from 'node:timers/promises'
import { transact, unnoticed, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import type { Metrics } from '../observability/metrics.ts'
import { attempt, contextOf } from './attempt.ts'
import type { Job } from './job.ts'
import { claim, enqueue, forget, idlePending, nextTaskAt, onQueued, settle, type Task } from './queue.ts'
import { nextScheduleAt, queueDue, syncSchedules } from './schedules.ts'

export type Runner = {
  /** Runs everything that is due now; resolves when it ended. Answers when something is due next. */
  step: () => Promise<Date | undefined>
  /** Begins to run what is due when it is. */
  start: () => Promise<void>
  /** Takes nothing more, tells running jobs to end, and waits for them up to `within` ms. What is cut off runs again elsewhere. */
  stop: (within: number) => Promise<void>
}

/** A little after the start, so that what was missed while the program was down does not slow the start itself. */
const FIRST_LOOK = 5_000 // ms
const SHORTEST_WAIT = 20 // ms

/** Runs jobs from the queue, a few at once. Several runners, here or in other processes, share the work. */
export function makeRunner(ctx: Ctx, jobs: readonly Job[], { metrics }: { metrics?: Metrics } = {}): Runner {
  const { config, log } = ctx
  const owner = ctx.uuid()
  const names = jobs.map(job => job.name)
  const ending = new AbortController()
  const running = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let again = false

  async function run(task: Task): Promise<void> {
    const job = jobs.find(({ name }) => name === task.actor_name)!
    const begun = ctx.now().getTime()
    const outcome = await attempt(ctx, job, task, { owner, ending: ending.signal })
    await transact(contextOf(ctx, task), async ctx => {
      if (job.brief && !outcome.failed && outcome.logs.length === 0) await forget(ctx, owner, task.message_id)
      else await settle(ctx, owner, task, outcome)
      if (outcome.failed && !outcome.retryAt)
        await recordEvent(ctx, 'system_exception', { message: `Task ${job.name} failed: ${outcome.logs.at(-1)?.event}` })
    })
    metrics?.taskEnded(job.name, (ctx.now().getTime() - begun) / 1_000)
    for (const status of ['successful', 'error'])
      metrics?.systemTaskStatus.set({ task_name: job.name, status }, Number((status === 'error') === outcome.failed))
  }

  /** Starts what is due, as far as there is room. */
  async function fill(): Promise<void> {
    await queueDue(ctx, jobs)
    for (const job of await idlePending(ctx, jobs)) await enqueue(unnoticed(ctx), job.name)
    while (running.size < config.worker.threads && !ending.signal.aborted) {
      const task = await claim(ctx, owner, names)
      if (!task) return
      const work: Promise<void> = run(task)
        .catch((error: unknown) => log.error({ err: error, job: task.actor_name }, 'the result of a job cannot be stored'))
        .finally(() => {
          running.delete(work)
          if (timer) look()
        })
      running.add(work)
    }
  }

  async function next(): Promise<Date | undefined> {
    if ((await idlePending(ctx, jobs)).length > 0) return ctx.now()
    const own = await Promise.all(jobs.map(async job => job.pendingAt?.(ctx)))
    const times = [await nextTaskAt(ctx, names), await nextScheduleAt(ctx, names), ...own].filter(at => at !== undefined)
    return times.sort((a, b) => a.getTime() - b.getTime())[0]
  }

  /** Looks now and sets the alarm for the next time; asked again meanwhile, it looks once more. */
  function look(): void {
    if (ending.signal.aborted) return
    if (looking) return void (again = true)
    again = false
    looking = fill()
      .then(next)
      .catch((error: unknown) => log.error({ err: error }, 'jobs cannot be looked up'))
      .then(at => {
        looking = undefined
        if (again) return look()
        // Others may queue something in another process, which nobody tells of: hence the longest wait.
        const wait = at === undefined ? config.worker.scheduler_interval : at.getTime() - ctx.now().getTime()
        const full = running.size >= config.worker.threads
        alarm(Math.min(Math.max(wait, full ? 1_000 : SHORTEST_WAIT), config.worker.scheduler_interval))
      })
  }

  function alarm(ms: number): void {
    clearTimeout(timer)
    if (!ending.signal.aborted) timer = setTimeout(look, ms).unref()
  }

  let unsubscribe = () => {}
  return {
    async step() {
      do {
        await fill()
        await Promise.all(running)
      } while (running.size > 0 || isDue(await next(), ctx.now()))
      return next()
    },
    async start() {
      await syncSchedules(ctx, jobs)
      unsubscribe = onQueued(ctx.database, look)
      alarm(FIRST_LOOK)
    },
    async stop(within) {
      unsubscribe()
      clearTimeout(timer)
      timer = undefined
      ending.abort()
      await looking
      const waited = new AbortController()
      await Promise.race([Promise.all(running), delay(within, undefined, { signal: waited.signal }).catch(() => {})])
      waited.abort()
    },
  }
}

const isDue = (at: Date | undefined, now: Date): boolean => at !== undefined && at <= now
