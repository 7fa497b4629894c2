/** Lets one task run at a time, in the order of asking. A task that throws frees the way for the next. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs the task when all earlier ones have ended; settles as the task does. */
  run<T>(task: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => undefined) // its error belongs to its caller alone
    return result
  }
}

/** A mutex for each key; keys that nobody waits for take no memory. */
export class KeyedMutex<K> {
  readonly #locks = new Map<K, { mutex: Mutex; users: number }>()

  /** As `Mutex.run`, among the tasks of the same key. */
  async run<T>(key: K, task: () => T | Promise<T>): Promise<T> {
    const lock = this.#locks.get(key) ?? { mutex: new Mutex(), users: 0 }
    this.#locks.set(key, lock)
    lock.users++
    try {
      return await lock.mutex.run(task)
    } finally {
      if (--lock.users === 0) this.#locks.delete(key)
    }
  }

  /** Keys in use. */
  get size(): number {
    return this.#locks.size
  }
}
