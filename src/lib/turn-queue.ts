/** More tasks wait than the queue takes; whoever asks should be told to come back later. */
export class QueueFullError extends Error {
  constructor() {
    super('Too many tasks are waiting.')
    this.name = 'QueueFullError'
  }
}

/**
 * Runs a bounded number of tasks at once and lets a bounded number wait. Waiting tasks are taken from their owners in turns, so that
 * an owner with hundreds of tasks delays another one by a single task; those of one owner keep their order.
 */
export class TurnQueue {
  #concurrency: number
  readonly #maxWaiting: number
  // A Map keeps the order of insertion: the first owner is the next in turn.
  readonly #waiting = new Map<string, (() => void)[]>()
  #waitingCount = 0
  #running = 0

  constructor({ concurrency, maxWaiting }: { concurrency: number; maxWaiting: number }) {
    if (!(concurrency >= 1)) throw new RangeError('A queue runs at least one task at once.')
    this.#concurrency = concurrency
    this.#maxWaiting = maxWaiting
  }

  /** Tasks that run or wait. */
  get pending(): number {
    return this.#running + this.#waitingCount
  }

  /** From now on this many tasks run at once; more than before. */
  allow(concurrency: number): void {
    for (; this.#concurrency < concurrency; this.#concurrency++) {
      if (this.#waitingCount === 0) continue
      this.#running++
      this.#passOn()
    }
  }

  /** Runs the task in its owner's turn and settles as it does. @throws QueueFullError at once, the task is not run */
  async run<T>(owner: string, task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrency) await this.#turn(owner)
    else this.#running++
    try {
      return await task()
    } finally {
      this.#passOn()
    }
  }

  #turn(owner: string): Promise<void> {
    if (this.#waitingCount >= this.#maxWaiting) throw new QueueFullError()
    this.#waitingCount++
    return new Promise(start => {
      const tasks = this.#waiting.get(owner)
      if (tasks) tasks.push(start)
      else this.#waiting.set(owner, [start])
    })
  }

  /** Hands the place of an ended task to the next in turn. */
  #passOn(): void {
    const next = this.#waiting.entries().next()
    if (next.done) {
      this.#running--
      return
    }
    const [owner, tasks] = next.value
    const start = tasks.shift()
    this.#waiting.delete(owner)
    if (tasks.length > 0) this.#waiting.set(owner, tasks) // back to the end of the round
    this.#waitingCount--
    start?.()
  }
}
