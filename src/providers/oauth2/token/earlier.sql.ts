import { hashToken } from '../../../crypto/secrets.ts'
import type { Db } from '../../../db/database.ts'
import { statement } from '../../../db/statement.ts'
import type { Handle } from './handle.ts'

const familyOf = statement((db, hash: string) => db.selectFrom('oauth2_earlier_token').select('family').where('token_hash', '=', hash))

/** Where a token would be that names no family: versions before tokens did may have given it out, and their list is as long as those live. */
export async function earlierHandle(db: Db, presented: string): Promise<Handle | undefined> {
  const hash = hashToken(presented)
  const known = await familyOf.first(db, hash)
  return known && { family: known.family, hash }
}
