/** More tasks wait than the queue takes; whoever asks should be told to come back later. */
export class QueueFullError extends Error {
  constructor() {
    super('Too many tasks are waiting.')
    this.name = 'QueueFullError'
  }
}

type Waiting = { start: () => void; atMost: number }

/**
 * Runs a bounded number of tasks at once and lets a bounded number wait. Waiting tasks are taken from their owners in turns, so that
 * an owner with hundreds of tasks delays another one by a single task; those of one owner keep their order.
 */
export class TurnQueue {
  #concurrency: number
  readonly #maxWaiting: number
  // A Map keeps the order of insertion: the first owner is the next in turn.
  readonly #waiting = new Map<string, Waiting[]>()
  #waitingCount = 0
  #running = 0
  readonly #runningOf = new Map<string, number>()

  constructor({ concurrency, maxWaiting }: { concurrency: number; maxWaiting: number }) {
    if (!(concurrency >= 1)) throw new RangeError('A queue runs at least one task at once.')
    this.#concurrency = concurrency
    this.#maxWaiting = maxWaiting
  }

  /** Tasks that run or wait. */
  get pending(): number {
    return this.#running + this.#waitingCount
  }

  /** How many tasks run at once. */
  get concurrency(): number {
    return this.#concurrency
  }

  /** From now on this many tasks run at once; more than before. */
  allow(concurrency: number): void {
    for (; this.#concurrency < concurrency; this.#concurrency++) this.#startNext()
  }

  /**
   * Runs the task in its owner's turn and settles as it does.
   * @param atMost as many of the owner's tasks as may run at once before this one is started; at least 1
   * @throws QueueFullError at once, the task is not run
   */
  async run<T>(owner: string, task: () => Promise<T>, atMost = Infinity): Promise<T> {
    if (this.#running < this.#concurrency && this.#mayStart(owner, atMost)) this.#enter(owner)
    else await this.#turn(owner, atMost)
    try {
      return await task()
    } finally {
      this.#leave(owner)
      this.#startNext()
    }
  }

  #mayStart(owner: string, atMost: number): boolean {
    return (this.#runningOf.get(owner) ?? 0) < Math.max(1, atMost)
  }

  #enter(owner: string): void {
    this.#running++
    this.#runningOf.set(owner, (this.#runningOf.get(owner) ?? 0) + 1)
  }

  #leave(owner: string): void {
    this.#running--
    const left = this.#runningOf.get(owner)! - 1
    if (left > 0) this.#runningOf.set(owner, left)
    else this.#runningOf.delete(owner)
  }

  #turn(owner: string, atMost: number): Promise<void> {
    if (this.#waitingCount >= this.#maxWaiting) throw new QueueFullError()
    this.#waitingCount++
    return new Promise(start => {
      const tasks = this.#waiting.get(owner)
      if (tasks) tasks.push({ start, atMost })
      else this.#waiting.set(owner, [{ start, atMost }])
    })
  }

  /** Gives a free place to the next in turn who may have it. */
  #startNext(): void {
    for (const [owner, tasks] of this.#waiting) {
      if (!this.#mayStart(owner, tasks[0]!.atMost)) continue
      const { start } = tasks.shift()!
      this.#waiting.delete(owner)
      if (tasks.length > 0) this.#waiting.set(owner, tasks) // back to the end of the round
      this.#waitingCount--
      this.#enter(owner)
      start()
      return
    }
  }
}
