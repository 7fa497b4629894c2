import type { Row } from '../../../api/model.ts'
import type { Db } from '../../../db/database.ts'
import { statement } from '../../../db/statement.ts'
import type { RefreshTokenRow } from './grants.sql.ts'
import { accessHandle, secretHandle } from './handle.ts'
import { earlierHandle } from './earlier.sql.ts'

/** What is told of a token that is good right now, in one question: it is asked for every call of somebody's API. */
export type LivingAccessToken = { provider: number; scope: string[]; claims: Row; jkt: string | null; x5t: string | null }

const accessToken = statement((db, family: string, hash: string, now: Date) =>
  db
    .selectFrom('oauth2_access_token as token')
    .innerJoin('user', join => join.onRef('user.id', '=', 'token.user').on('user.is_active', '=', true))
    .leftJoin('session', 'session.session_hash', 'token.session_hash')
    .select(['token.provider', 'token.scope', 'token.claims', 'token.jkt', 'token.x5t'])
    .where('token.family', '=', family)
    .where('token.token_hash', '=', hash)
    .where('token.revoked_at', 'is', null)
    .where('token.expires', '>', now)
    .where(eb => eb.or([eb('token.session_hash', 'is', null), eb('session.expires', '>', now)])),
)

/** The row of an access token, when it is not expired or revoked, its account is active and its session not ended. */
export const livingAccessToken = async (db: Db, token: string, now: Date): Promise<LivingAccessToken | undefined> => {
  const at = accessHandle(token) ?? (await earlierHandle(db, token))
  return at && ((await accessToken.first(db, at.family, at.hash, now)) as LivingAccessToken | undefined)
}

const refreshToken = statement((db, family: string, hash: string, now: Date) =>
  db
    .selectFrom('oauth2_refresh_token as token')
    .innerJoin('user', join => join.onRef('user.id', '=', 'token.user').on('user.is_active', '=', true))
    .selectAll('token')
    .where('token.family', '=', family)
    .where('token.token_hash', '=', hash)
    .where('token.used_at', 'is', null)
    .where('token.revoked_at', 'is', null)
    .where('token.expires', '>', now),
)

/** The row of a refresh token, when it is not expired, used or revoked and its account is active. */
export const livingRefreshToken = async (db: Db, token: string, now: Date): Promise<RefreshTokenRow | undefined> => {
  const at = secretHandle(token) ?? (await earlierHandle(db, token))
  return at && ((await refreshToken.first(db, at.family, at.hash, now)) as RefreshTokenRow | undefined)
}
