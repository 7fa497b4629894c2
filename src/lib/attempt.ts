/**
 * Goes on with a result that may still be on its way: without waiting where it is there already. Errors of `work` go to `failed`, in
 * either case; those of `done` to the caller.
 */
export function attempt<T, R>(work: () => T | Promise<T>, done: (value: T) => R, failed: (error: unknown) => R): R | Promise<R> {
  let result: T | Promise<T>
  try {
    result = work()
  } catch (error) {
    return failed(error)
  }
  return result instanceof Promise ? result.then(done, failed) : done(result)
}
