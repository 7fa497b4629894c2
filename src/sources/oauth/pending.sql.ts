import type { Row } from '../../api/model.ts'
import { hashToken } from '../../crypto/secrets.ts'
import type { Db } from '../../db/database.ts'
import type { Back } from '../arrive.ts'

/** How long somebody may be away at the source: ms. */
export const AWAY = 3_600_000
/** Ways to sources that one browser may have begun; the oldest go. */
const MOST = 20

/** What a person was doing when they left for the source, and when (ms), and where the answer was asked to come to; JSON. */
export type Away = Back & { redirect_uri: string; left: number }

/** Keeps what a browser was doing under a state, for that source and that browser alone. The state itself is not stored. */
export async function leave(
  db: Db,
  { state, source, session, data, now }: { state: string; source: string; session: string; data: Away; now: Date },
): Promise<void> {
  const older = await db
    .selectFrom('source_pending')
    .select('state_hash')
    .where('session', '=', session)
    .orderBy('created', 'desc')
    .offset(MOST - 1)
    .limit(MOST)
    .execute()
  if (older.length > 0) {
    const hashes = older.map(row => row.state_hash)
    await db.deleteFrom('source_pending').where('state_hash', 'in', hashes).execute()
  }
  await db
    .insertInto('source_pending')
    .values({
      state_hash: hashToken(state),
      source,
      session,
      data: JSON.stringify(data),
      created: now,
      expires: new Date(now.getTime() + AWAY),
    })
    .execute()
}

/**
 * Spends a state: what was kept under it goes to the one caller that asks first, in the browser that left. Undefined for all others,
 * whose asking changes nothing. The source is the caller's to compare; a state that comes back from another one is spent all the same.
 */
export const comeBack = async (
  db: Db,
  { state, session, now }: { state: string; session: string; now: Date },
): Promise<{ source: string; data: Away } | undefined> => {
  const row = await db
    .deleteFrom('source_pending')
    .where('state_hash', '=', hashToken(state))
    .where('session', '=', session)
    .where('expires', '>', now)
    .returning(['source', 'data'])
    .executeTakeFirst()
  return row && { source: row.source, data: row.data as Row as Away }
}
