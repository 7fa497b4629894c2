/** Everything that writes waits for something that does not end. Reported, never thrown: it may pass. */
export class StandstillError extends Error {
  constructor(obstacle: string, seconds: number) {
    super(`nothing has been written for ${seconds} s and more: ${obstacle}`)
    this.name = 'StandstillError'
  }
}

/** The disk answered as soon as the thread pool was given other work: it had not been asked before. */
export class MissedSignalError extends Error {
  constructor() {
    super('writing went on when the thread pool was given other work: a thread had missed its signal, as happens with glibc before 2.41')
    this.name = 'MissedSignalError'
  }
}

/** What is waited for, in words, by something that stays the same as long as the same is waited for. */
export type Obstacles = ReadonlyMap<unknown, string>

const EVERY = 10_000 // ms

/**
 * Looks every ten seconds, as long as there is something to wait for, whether it is still the same, and reports that once. So nobody has to
 * look at a clock when a turn begins or ends.
 */
export class StandstillWatch {
  readonly #obstacles: () => Obstacles
  readonly #report: (error: StandstillError) => void
  readonly #every: number
  #timer: NodeJS.Timeout | undefined
  #seen: Obstacles = new Map()
  #told: ReadonlySet<unknown> = new Set()

  constructor(obstacles: () => Obstacles, report: (error: StandstillError) => void, every = EVERY) {
    this.#obstacles = obstacles
    this.#report = report
    this.#every = every
  }

  /** Call when something begins that others will wait for. */
  begin(): void {
    this.#timer ??= setTimeout(() => this.#look(), this.#every).unref()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const now = this.#obstacles()
    const still = [...now].filter(([what]) => this.#seen.has(what))
    for (const [what, obstacle] of still) if (!this.#told.has(what)) this.#report(new StandstillError(obstacle, this.#every / 1000))
    this.#told = new Set(still.map(([what]) => what))
    this.#seen = now
    if (now.size > 0) this.begin()
  }
}
