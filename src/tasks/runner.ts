import { setTimeout as delay } from 'node:timers/promises'
import { transact, unnoticed, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Job, LogLevel, LogLine } from './job.ts'
import { claim, enqueue, forget, idlePending, LEASE, nextTaskAt, onQueued, renew, settle, type Task } from './queue.ts'
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
const FIRST_RETRY = 15_000 // ms, doubled with each try
const LONGEST_RETRY = 3_600_000 // ms

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

  const contextOf = (task: Task): Ctx => (task.args.unnoticed === true ? unnoticed(ctx) : ctx)

  async function attempt(job: Job, task: Task): Promise<{ logs: LogLine[]; failed: boolean; retryAt?: Date }> {
    const logs: LogLine[] = []
    const tell = (log_level: LogLevel, event: string, attributes: Record<string, unknown> = {}) =>
      void logs.push({ timestamp: ctx.now().toISOString(), log_level, logger: job.name, event, attributes })
    const own = typeof job.timeLimit === 'function' ? job.timeLimit(config) : job.timeLimit
    const limit = own ?? config.worker.task_default_time_limit
    const over = AbortSignal.timeout(limit)
    const signal = AbortSignal.any([over, ending.signal])
    const lease = setInterval(
      () => void renew(ctx, owner, task.message_id).catch((error: unknown) => log.error({ err: error }, 'lease')),
      LEASE / 3,
    ).unref()
    try {
      const end = new Promise<never>((_resolve, reject) =>
        over.addEventListener('abort', () => reject(new Error(`not done within ${limit / 1_000} s`)), { once: true }),
      )
      await Promise.race([job.run(contextOf(task), task.args, { signal, log: tell }), end])
      return { logs, failed: false }
    } catch (error) {
      log.error({ err: error, job: job.name, task_id: task.message_id, retries: task.retries }, 'job failed')
      tell('error', error instanceof Error ? error.message : String(error))
      const retry = task.retries < (job.maxRetries ?? config.worker.task_max_retries)
      // What the end of the program broke off is not at fault: the next process takes it up at once.
      const wait = ending.signal.aborted ? 0 : Math.min(FIRST_RETRY * 2 ** task.retries, LONGEST_RETRY)
      return { logs, failed: true, ...(retry && { retryAt: new Date(ctx.now().getTime() + wait) }) }
    } finally {
      clearInterval(lease)
    }
  }

  async function run(task: Task): Promise<void> {
    const job = jobs.find(({ name }) => name === task.actor_name)!
    const begun = ctx.now().getTime()
    const outcome = await attempt(job, task)
    await transact(contextOf(task), async ctx => {
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
