import type pg from 'pg'
import { setTimeout as delay } from 'node:timers/promises'

/** Worth waiting for: no server yet, no name yet, starting up, shutting down, all connections taken. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ENOENT',
  'EPIPE',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08006',
  '08001',
])

/** Whether a server that could not be reached may be reachable soon, or another in its place. */
export const isPassing = (error: unknown): boolean => {
  const { code, message } = error as { code?: string; message?: string }
  if (code !== undefined) return PASSING.has(code)
  // `pg` gives these no code; several addresses that all refuse come as one error without a text.
  return error instanceof AggregateError || /timeout|terminated unexpectedly/i.test(message ?? '')
}

/**
 * Waits until the server answers, with pauses that grow and differ between processes, and one connection at a time: many
 * processes that start at once must not knock it over.
 */
export const connectPatiently = async (
  connect: () => Promise<pg.PoolClient>,
  { within, elapsed, report }: { within: number; elapsed: () => number; report: (error: unknown) => void },
): Promise<void> => {
  const until = elapsed() + within
  for (let pause = 200; ; pause = Math.min(pause * 2, 5000)) {
    try {
      const client = await connect()
      client.release()
      return
    } catch (error) {
      if (!isPassing(error) || elapsed() + pause >= until) throw error
      report(error)
    }
    // eslint-disable-next-line signet/ambient -- keeps processes that start together apart; decides nothing
    await delay(pause * (0.5 + Math.random()))
  }
}
