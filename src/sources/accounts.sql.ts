import type { Db } from '../db/database.ts'

/** Whose an identifier is at a source: the connection and its account. */
export const connectionOf = (db: Db, source: string, identifier: string): Promise<{ id: number; user: number } | undefined> =>
  db
    .selectFrom('user_source_connection')
    .select(['id', 'user'])
    .where('source', '=', source)
    .where('identifier', '=', identifier)
    .executeTakeFirst()

/** Accounts of people with exactly this value: two at most, since more than one are too many. */
export const accountsWith = async (db: Db, column: 'email' | 'username', value: string): Promise<number[]> =>
  (
    await db
      .selectFrom('user')
      .select('id')
      .where(column, '=', value)
      .where('type', '!=', 'internal_service_account')
      .orderBy('id')
      .limit(2)
      .execute()
  ).map(row => row.id)
