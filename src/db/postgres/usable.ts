import { sql } from 'kysely'
import type { Db } from '../database.ts'
import { DatabaseUnusableError } from '../fault.ts'

/** What is asked of a server before anything else. */
export type ServerFacts = { version: string; number: number; encoding: string; database: string; standby: boolean; read_only: boolean }

const OLDEST = 15

/** Why a server or its database cannot be used; undefined when it can. */
export function refusalOf({ version, number, encoding, database, standby, read_only }: ServerFacts): string | undefined {
  if (number < OLDEST * 10_000) return `PostgreSQL ${OLDEST} or later is needed; this server is ${version}.`
  if (encoding !== 'UTF8')
    return `The database ${database} has the encoding ${encoding}, which cannot hold every text. Make one with: create database … encoding 'UTF8' template template0`
  if (standby) return 'The PostgreSQL server is a standby, which can only be read. Name the server that writes.'
  if (read_only) return `The database ${database} can only be read (default_transaction_read_only). Allow this account to write.`
  return undefined
}

/** @throws DatabaseUnusableError */
export async function requireUsable(db: Db): Promise<void> {
  const { rows } = await sql<ServerFacts>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      current_setting('server_encoding') as encoding, current_database()::text as database, pg_is_in_recovery() as standby,
      current_setting('transaction_read_only') = 'on' as read_only`.execute(db)
  const refusal = refusalOf(rows[0]!)
  if (refusal !== undefined) throw new DatabaseUnusableError(refusal)
}
