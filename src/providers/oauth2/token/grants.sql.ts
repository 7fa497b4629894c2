import type { Selectable } from 'kysely'
import type { Row } from '../../../api/model.ts'
import type { DB, Db } from '../../../db/database.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { statement } from '../../../db/statement.ts'
import { earlierHandle } from './earlier.sql.ts'
import { accessHandle, secretHandle } from './handle.ts'
import type { RequestedClaims } from '../claims/requested.ts'

type Requested = { requested_claims: RequestedClaims | null }
type Lists = { scope: string[]; amr: string[] } & Requested
type Told = { scope: string[]; claims: Row } & Requested
export type CodeRow = Omit<Selectable<DB['oauth2_code']>, keyof Lists> & Lists
export type RefreshTokenRow = Omit<Selectable<DB['oauth2_refresh_token']>, keyof Lists | 'claims'> & Lists & { claims: Row }
export type AccessTokenRow = WithSession<Omit<Selectable<DB['oauth2_access_token']>, keyof Told> & Told>

/** What is asked together with a grant: `living_session` is its browser session if that lives, else null. */
type WithSession<R> = R & { living_session: string | null }

const codeByHandle = statement((db, family: string, hash: string, now: Date) =>
  db
    .selectFrom('oauth2_code as code')
    .leftJoin('session', join => join.onRef('session.session_hash', '=', 'code.session_hash').on('session.expires', '>', now))
    .selectAll('code')
    .select('session.session_hash as living_session')
    .where('code.family', '=', family)
    .where('code.code_hash', '=', hash),
)

/** The row of a code, spent or not; undefined when it was never given out or its session is gone. */
export const findCode = async (db: Db, code: string, now: Date): Promise<WithSession<CodeRow> | undefined> => {
  const at = secretHandle(code)
  return at && ((await codeByHandle.take(db, at.family, at.hash, now))[0] as WithSession<CodeRow> | undefined)
}

const unspentCode = statement((db, id: number, now: Date, used: Date) =>
  db
    .updateTable('oauth2_code')
    .set({ used_at: used })
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('expires', '>', now)
    .returning('id'),
)

/**
 * Spends a code: returns a row to the one caller that got there first, none to all others.
 * One statement, so that two exchanges running at once cannot both win.
 */
export const spendCode = ({ id }: CodeRow, now: Date): PlannedWrite => unspentCode.planned(id, now, now)

/** A refresh token as it comes back; its claims are of no use then. */
export type PresentedRefreshToken = WithSession<Omit<RefreshTokenRow, 'claims' | 'token_hash'>>

const refreshTokenByHandle = statement((db, family: string, hash: string, now: Date) =>
  db
    .selectFrom('oauth2_refresh_token as token')
    .leftJoin('session', join => join.onRef('session.session_hash', '=', 'token.session_hash').on('session.expires', '>', now))
    .select(['token.id', 'token.provider', 'token.user', 'token.family', 'token.scope', 'token.requested_claims', 'token.nonce'])
    .select(['token.consented', 'token.consent_until', 'token.session_hash', 'token.sid', 'token.auth_time', 'token.amr', 'token.acr'])
    .select(['token.jkt', 'token.x5t', 'token.expires', 'token.used_at', 'token.revoked_at', 'session.session_hash as living_session'])
    .where('token.family', '=', family)
    .where('token.token_hash', '=', hash),
)

/** The row of a refresh token, good or not. */
export const findRefreshToken = async (db: Db, token: string, now: Date): Promise<PresentedRefreshToken | undefined> => {
  const at = secretHandle(token) ?? (await earlierHandle(db, token))
  return at && ((await refreshTokenByHandle.take(db, at.family, at.hash, now))[0] as PresentedRefreshToken | undefined)
}

/** What is changed of a refresh token that is still good. */
const goodRefreshToken = (db: Db, id: number, now: Date) =>
  db
    .updateTable('oauth2_refresh_token')
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires', '>', now)
    .returning('id')

const unspentRefreshToken = statement((db, id: number, now: Date, used: Date) => goodRefreshToken(db, id, now).set({ used_at: used }))

/** Spends a refresh token that is replaced; one winner, as with codes. */
export const spendRefreshToken = ({ id }: PresentedRefreshToken, now: Date): PlannedWrite => unspentRefreshToken.planned(id, now, now)

const heldRefreshToken = statement(
  (db, id: number, now: Date) => goodRefreshToken(db, id, now).set(eb => ({ used_at: eb.ref('used_at') })), // a column without an index
)

/** A refresh token that is kept: returns a row when it is still good at the moment the new access token is stored. Locks it until the transaction ends. */
export const holdRefreshToken = ({ id }: PresentedRefreshToken, now: Date): PlannedWrite => heldRefreshToken.planned(id, now)

const accessTokenByHandle = statement((db, family: string, hash: string, now: Date) =>
  db
    .selectFrom('oauth2_access_token as token')
    .leftJoin('session', join => join.onRef('session.session_hash', '=', 'token.session_hash').on('session.expires', '>', now))
    .selectAll('token')
    .select('session.session_hash as living_session')
    .where('token.family', '=', family)
    .where('token.token_hash', '=', hash),
)

/** The row of an access token, good or not. */
export const findAccessToken = async (db: Db, token: string, now: Date): Promise<AccessTokenRow | undefined> => {
  const at = accessHandle(token) ?? (await earlierHandle(db, token))
  return at && ((await accessTokenByHandle.take(db, at.family, at.hash, now))[0] as AccessTokenRow | undefined)
}

const heldAccessToken = statement((db, id: number, now: Date) =>
  db
    .updateTable('oauth2_access_token')
    .set(eb => ({ revoked_at: eb.ref('revoked_at') }))
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where('expires', '>', now)
    .returning('id'),
)

/** Returns a row when an access token is still good at the moment something is made of it. Locks it until the transaction ends. */
export const holdAccessToken = ({ id }: AccessTokenRow, now: Date): PlannedWrite => heldAccessToken.planned(id, now)

/**
 * Ends everything that one code bought, RFC 6749 §4.1.2 and RFC 9700 §4.14.2; returns how many tokens that were. Asks again until nothing
 * is left: a rotation that commits while one statement waits for it adds a token which only the next statement sees.
 */
export async function revokeFamily(db: Db, family: string, now: Date): Promise<number> {
  for (let total = 0; ;) {
    const refresh = await db
      .updateTable('oauth2_refresh_token')
      .set({ revoked_at: now })
      .where('family', '=', family)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    const access = await db
      .updateTable('oauth2_access_token')
      .set({ revoked_at: now })
      .where('family', '=', family)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    const ended = Number(access.numUpdatedRows + refresh.numUpdatedRows)
    if (ended === 0) return total
    total += ended
  }
}

/** Whether a session lives. */
export const sessionLives = async (db: Db, hash: string | null, now: Date): Promise<boolean> =>
  hash !== null && (await livingSession.first(db, hash, now)) !== undefined

const livingSession = statement((db, hash: string, now: Date) =>
  db.selectFrom('session').select('session_hash').where('session_hash', '=', hash).where('expires', '>', now),
)
