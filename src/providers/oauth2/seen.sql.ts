import type { Db } from '../../db/database.ts'
import { hashToken } from '../../crypto/secrets.ts'

/**
 * Whether this is the first time that somebody shows it, across all processes: one row, one winner.
 * @param what `<purpose> <whose> <identifier>`; kept as a hash
 * @param expires from when on it would be refused by its own age
 */
export const firstTime = async (db: Db, what: string, expires: Date): Promise<boolean> =>
  (await db
    .insertInto('oauth2_seen')
    .values({ seen_hash: hashToken(what), expires })
    .onConflict(conflict => conflict.column('seen_hash').doNothing())
    .returning('seen_hash')
    .executeTakeFirst()) !== undefined
