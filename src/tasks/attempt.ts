import { unnoticed, type Ctx } from '../context.ts'
import type { Job, LogLevel, LogLine } from './job.ts'
import { LEASE, renew, type Task } from './queue.ts'

const FIRST_RETRY = 15_000 // ms, doubled with each try
const LONGEST_RETRY = 3_600_000 // ms

/** What became of a task that was tried; `retryAt`: it failed, and is to be tried again. */
export type Attempted = { logs: LogLine[]; failed: boolean; retryAt?: Date }

export const contextOf = (ctx: Ctx, task: Task): Ctx => (task.args.unnoticed === true ? unnoticed(ctx) : ctx)

/**
 * Runs a task's job once, for as long as it may take, and keeps the task ours meanwhile.
 * @param ending told when the program ends
 */
export async function attempt(
  ctx: Ctx,
  job: Job,
  task: Task,
  { owner, ending }: { owner: string; ending: AbortSignal },
): Promise<Attempted> {
  const { config, log } = ctx
  const logs: LogLine[] = []
  const tell = (log_level: LogLevel, event: string, attributes: Record<string, unknown> = {}) =>
    void logs.push({ timestamp: ctx.now().toISOString(), log_level, logger: job.name, event, attributes })
  const own = typeof job.timeLimit === 'function' ? job.timeLimit(config) : job.timeLimit
  const limit = own ?? config.worker.task_default_time_limit
  const over = AbortSignal.timeout(limit)
  const signal = AbortSignal.any([over, ending])
  const lease = setInterval(
    () => void renew(ctx, owner, task.message_id).catch((error: unknown) => log.error({ err: error }, 'lease')),
    LEASE / 3,
  ).unref()
  try {
    const end = new Promise<never>((_resolve, reject) =>
      over.addEventListener('abort', () => reject(new Error(`not done within ${limit / 1_000} s`)), { once: true }),
    )
    await Promise.race([job.run(contextOf(ctx, task), task.args, { signal, log: tell }), end])
    return { logs, failed: false }
  } catch (error) {
    log.error({ err: error, job: job.name, task_id: task.message_id, retries: task.retries }, 'job failed')
    tell('error', error instanceof Error ? error.message : String(error))
    const retry = task.retries < (job.maxRetries ?? config.worker.task_max_retries)
    // What the end of the program broke off is not at fault: the next process takes it up at once.
    const wait = ending.aborted ? 0 : Math.min(FIRST_RETRY * 2 ** task.retries, LONGEST_RETRY)
    return { logs, failed: true, ...(retry && { retryAt: new Date(ctx.now().getTime() + wait) }) }
  } finally {
    clearInterval(lease)
  }
}
