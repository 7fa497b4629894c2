import type { Selectable } from 'kysely'
import type { DB, Db } from '../../../db/database.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { statement } from '../../../db/statement.ts'

export type NoticeRow = Selectable<DB['oauth2_logout_notice']>

const notice = statement((db, session: string, provider: number, issuer: string, sub: string, sid: string, due: Date) =>
  db
    .insertInto('oauth2_logout_notice')
    .values({ session, provider, issuer, sub, sid, due })
    .onConflict(conflict => conflict.columns(['session', 'provider']).doNothing()),
)

/** Notes that a client has to hear of the end of a session; once, however many tokens it gets from it. */
export const noteClient = ({
  session,
  provider,
  issuer,
  sub,
  sid,
  due,
}: Pick<NoticeRow, 'session' | 'provider' | 'issuer' | 'sub' | 'sid' | 'due'>): PlannedWrite =>
  notice.planned(session, provider, issuer, sub, sid, due)

/** Notices of sessions that are gone or over. */
const ofEnded = (db: Db, now: Date) =>
  db
    .selectFrom('oauth2_logout_notice as notice')
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('session')
            .select('session.uuid')
            .whereRef('session.uuid', '=', 'notice.session')
            .where('session.expires', '>', now),
        ),
      ),
    )

/** Notices that are due: the session is gone or over, and the last try is long enough ago. */
export const dueNotices = (db: Db, now: Date, limit: number): Promise<NoticeRow[]> =>
  ofEnded(db, now).selectAll('notice').where('notice.due', '<=', now).orderBy('notice.due').limit(limit).execute()

/** When the next further try is due; undefined when none is. */
export const nextTryAt = async (db: Db, now: Date): Promise<Date | undefined> =>
  (await ofEnded(db, now).select('notice.due').where('notice.due', '>', now).orderBy('notice.due').limit(1).executeTakeFirst())?.due

/** Takes a notice for one try: true for one of many that want it at once. */
export const takeNotice = async (db: Db, { id, due, tries }: NoticeRow, until: Date): Promise<boolean> =>
  (await db
    .updateTable('oauth2_logout_notice')
    .set({ due: until, tries: tries + 1 })
    .where('id', '=', id)
    .where('due', '=', due)
    .where('tries', '=', tries)
    .returning('id')
    .executeTakeFirst()) !== undefined

export const dropNotice = async (db: Db, id: number): Promise<void> => {
  await db.deleteFrom('oauth2_logout_notice').where('id', '=', id).execute()
}

/** Who takes part in a session and wants to hear of its end; all of them, or one client. */
export const noticesOf = (db: Db, session: string, provider?: number): Promise<NoticeRow[]> =>
  db
    .selectFrom('oauth2_logout_notice')
    .selectAll()
    .where('session', '=', session)
    .$if(provider !== undefined, query => query.where('provider', '=', provider!))
    .orderBy('id')
    .execute()

/**
 * Makes one client's notice due although the session goes on: it is then of a session that is gone. When the client takes part again, that is
 * noted anew.
 */
export const endPart = async (db: Db, part: { session: string; provider: number; gone: string; now: Date }): Promise<void> => {
  await db
    .updateTable('oauth2_logout_notice')
    .set({ session: part.gone, due: part.now })
    .where('session', '=', part.session)
    .where('provider', '=', part.provider)
    .execute()
}
