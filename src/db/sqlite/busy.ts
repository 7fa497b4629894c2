import { setTimeout as delay } from 'node:timers/promises'
import { markUnavailable } from '../fault.ts'

/** How long a write waits for another process to finish writing: ms, and the clock that measures them. */
export type Patience = { within: number; elapsed: () => number }

/** Another process kept the database for longer than a write waits. Nothing was done. */
export class DatabaseBusyError extends Error {
  constructor(cause: unknown) {
    super('the database is being written by another process', { cause })
    markUnavailable(this)
  }
}

/** Whether another process, or another connection, keeps the database. */
export const isBusy = (error: unknown): boolean => {
  const code = (error as { errcode?: number }).errcode
  return code !== undefined && (code & 0xff) === 5
}

/** Runs a statement that takes the write lock; as long as it is refused nothing has happened, so that it can be run again. */
export const whenFree = async <T>(work: () => T, { within, elapsed }: Patience): Promise<T> => {
  const until = elapsed() + within
  for (let wait = 2; ; wait = Math.min(wait * 2, 50)) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error)) throw error
      if (elapsed() >= until) throw new DatabaseBusyError(error)
    }
    await delay(wait)
  }
}
