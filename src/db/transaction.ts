import { sql } from 'kysely'
import { setTimeout as delay } from 'node:timers/promises'
import type { Database, Db } from './database.ts'
import { takesDirectly, type Taker } from './direct.ts'
import { inScope } from './scope.ts'

type State = { callbacks: (() => void)[]; savepoints: number }

const states = new WeakMap<object, State>()

const stateOf = (db: Db): State => {
  const state = states.get(db)
  if (state === undefined) throw new Error('this transaction was not opened by Database.transaction')
  return state
}

/** A prepared plan that another process's migration has made invalid; the same query succeeds when it is prepared anew. */
export const isStalePlan = (error: unknown): boolean =>
  (error as { code?: string }).code === '0A000' && /cached plan must not change result type/.test((error as Error).message)

/** Rolled back by the server through no fault of the caller: 40001 serialization, 40P01 deadlock. */
const canTryAgain = (error: unknown): boolean => {
  const code = (error as { code?: string } | null)?.code
  return code === '40001' || code === '40P01' || isStalePlan(error)
}

/** Tells whoever wanted to hear of the commit. It stands: nobody must take what fails now for a failure of the transaction. */
export const callBack = (callbacks: readonly (() => void)[], report: (error: unknown) => void): void => {
  for (const callback of callbacks) {
    try {
      callback()
    } catch (error) {
      report(error)
    }
  }
}

const ATTEMPTS = 4

/** What `Database.transaction` does; see there. `store` is what marks the inside of a transaction. */
export const runTransaction = async <T>(
  db: Db,
  store: object & { inside?: Taker | undefined },
  report: (error: unknown) => void,
  fn: (trx: Db) => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    const state: State = { callbacks: [], savepoints: 0 }
    try {
      const result = await db.transaction().execute(trx => {
        states.set(trx, state)
        if (store.inside) takesDirectly(trx, store.inside)
        return inScope(store, () => fn(trx))
      })
      callBack(state.callbacks, report)
      return result
    } catch (error) {
      if (attempt === ATTEMPTS || !canTryAgain(error)) throw error
    }
    // eslint-disable-next-line signet/ambient -- keeps the losers of a deadlock apart; decides nothing
    await delay(5 * 2 ** attempt * (0.5 + Math.random()))
  }
}

/** Runs `fn` in the transaction that `db` is, or else in a new one of `database`. */
export const inTransaction = <T>(database: Pick<Database, 'transaction'>, db: Db, fn: (trx: Db) => Promise<T>): Promise<T> =>
  db.isTransaction ? fn(db) : database.transaction(fn)

/**
 * Runs `fn` after the outermost commit, in the order of registration and after the change feed; at once when `db` is no
 * transaction; never when it is rolled back. What `fn` throws is reported, not thrown: the commit stands.
 */
export const afterCommit = (db: Db, fn: () => void): void => {
  if (db.isTransaction) stateOf(db).callbacks.push(fn)
  else fn()
}

/**
 * Runs `fn` inside the open transaction so that its failure undoes only what it did itself: after the error the transaction can
 * go on. (Without this, a failed statement spoils the whole transaction, on both engines.)
 */
export const attempt = async <T>(trx: Db, fn: () => Promise<T>): Promise<T> => {
  const state = stateOf(trx)
  const name = sql.raw(`attempt_${++state.savepoints}`)
  const registered = state.callbacks.length
  await sql`savepoint ${name}`.execute(trx)
  try {
    const result = await fn()
    await sql`release savepoint ${name}`.execute(trx)
    return result
  } catch (error) {
    await sql`rollback to savepoint ${name}`.execute(trx)
    state.callbacks.length = registered
    throw error
  }
}
