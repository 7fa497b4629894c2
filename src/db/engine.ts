import { PostgresAdapter, SqliteAdapter } from 'kysely'
import type { Kysely } from 'kysely'

export type Engine = 'sqlite' | 'postgres'

/** Ours allows several connections at once: the driver keeps writers apart, readers need not wait. */
export class OurSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }

  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Which engine a connection or transaction belongs to; for the few places whose SQL must differ. */
// eslint-disable-next-line typescript/no-explicit-any -- whatever its tables
export const engineOf = (db: Pick<Kysely<any>, 'getExecutor'>): Engine =>
  db.getExecutor().adapter instanceof PostgresAdapter ? 'postgres' : 'sqlite'
