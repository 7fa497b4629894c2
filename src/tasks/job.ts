import type { Config } from '../config.ts'
import type { Ctx } from '../context.ts'

export type LogLevel = 'info' | 'warning' | 'error'

/** A line that a run leaves for administrators, as the API shows it. */
export type LogLine = { timestamp: string; log_level: LogLevel; logger: string; event: string; attributes: Record<string, unknown> }

export type Run = {
  /** Aborted when the time limit is over or the program ends. */
  signal: AbortSignal
  log: (level: LogLevel, event: string, attributes?: Record<string, unknown>) => void
}

/** Work that nobody waits for. */
export type Job = {
  /** As tasks and schedules are called on the wire. */
  name: string
  description: string
  /** When it runs by itself, UTC. */
  schedule?: {
    crontab: string
    /** ms: by how much an installation may be late, so that not all of them do the same thing in the same minute. */
    jitter?: number
  }
  /** Whether work waits that nobody queued: rows of the job's own. It is run then, unless it is under way already; what it does calls no rule. */
  pending?: (ctx: Ctx) => Promise<boolean>
  /** When such work is due next, where that is known beforehand: a further try. */
  pendingAt?: (ctx: Ctx) => Promise<Date | undefined>
  /** Its tasks are forgotten when they end well: there are so many that they would bury the others. */
  brief?: true
  /** How often it is tried again after a failure; default: the setting. */
  maxRetries?: number
  /** ms after which a run counts as failed; default: the setting. */
  timeLimit?: number | ((config: Config) => number)
  /** Throws to fail. It may run twice, when a process dies in the middle: it must stand that. */
  run: (ctx: Ctx, args: Readonly<Record<string, unknown>>, run: Run) => Promise<void>
}
