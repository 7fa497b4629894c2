import { sql } from 'kysely'
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../db/database.ts'

const WITHIN = 2_000 // ms, below the timeout of common probes

/**
 * A question to the database that many probes may ask at once; a database that is slow to answer is not ready. One that takes no writes,
 * on a full disk say, is: what people have keeps working by reading alone, and every process that could take over has the same database.
 */
export function readiness(database: Pick<Database, 'db'>): () => Promise<boolean> {
  let asking: Promise<boolean> | undefined
  const ask = async () => {
    const limit = new AbortController()
    const answered = sql`select 1`.execute(database.db).then(
      () => true,
      () => false, // the database layer has reported why
    )
    try {
      return await Promise.race([answered, delay(WITHIN, false, { signal: limit.signal, ref: false })])
    } finally {
      limit.abort()
      asking = undefined
    }
  }
  return () => (asking ??= ask())
}
