import { AsyncLocalStorage } from 'node:async_hooks'

/** The transaction within which code runs, so that a write past it is found out instead of waiting for it for ever. */
type Scope = { driver: object; open: boolean }

const scopes = new AsyncLocalStorage<Scope>()

/** Runs `work` as the inside of a transaction of `driver`. */
export const inScope = async <T>(driver: object, work: () => Promise<T>): Promise<T> => {
  const scope: Scope = { driver, open: true }
  try {
    return await scopes.run(scope, work)
  } finally {
    scope.open = false
  }
}

/** @throws Error when the caller is inside a transaction of `driver` and yet writes without it */
export const refuseInsideTransaction = (driver: object): void => {
  const scope = scopes.getStore()
  if (scope?.open === true && scope.driver === driver) {
    throw new Error('inside a transaction, but not through it: pass the transaction on to what reads or writes')
  }
}
