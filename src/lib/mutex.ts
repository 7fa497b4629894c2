/** First come, first served; a turn ends when its holder calls the function that it got. */
export class Mutex {
  #held = false
  readonly #waiting: (() => void)[] = []

  get held(): boolean {
    return this.#held
  }

  /** How many wait for a turn. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves with the function that gives the turn back; calling that twice does no harm. */
  async acquire(): Promise<() => void> {
    if (this.#held) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#held = true
    let returned = false
    return () => {
      if (returned) return
      returned = true
      const next = this.#waiting.shift()
      // The turn passes on without ever being free, so that nobody slips in between.
      if (next === undefined) this.#held = false
      else next()
    }
  }

  /** Runs the task when all earlier ones have ended; settles as the task does. One that throws frees the way for the next. */
  async run<T>(task: () => T | Promise<T>): Promise<T> {
    const release = await this.acquire()
    try {
      return await task()
    } finally {
      release()
    }
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
