import { diagnose } from './runner-diagnosis.ts'

/** Until its first test begins a process may say nothing for so long; ms */
const LOADING = 600_000
/** From then on it is looked at after so long without news, and again. ms */
const EVERY = Number(process.env.SIGNET_TEST_SILENCE ?? 60_000)
/** It is given up after so many looks in any case: longer than any test may take. */
const LOOKS = 10

export type Told = {
  /** It has been silent for so many seconds, and does this. */
  silent: (seconds: number, doing: string) => void
  /** So much that it is believed to hang. */
  hangs: (seconds: number, doing: string) => void
}

/**
 * Watches a process that should say something now and then. Not how long anything may take: a process hangs that waits at two looks, using no
 * processor, or that has used twice as much of it as a silence lasts: a hook of ours measures for a minute, in a process of its own.
 */
export class Silence {
  readonly #pid: number
  readonly #port: number
  readonly #told: Told
  #silent = 0
  #looks = 0
  #began = false
  #waited = false
  #usedAtFirst: number | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param port where the process listens for a debugger once it is asked to */
  constructor(pid: number, port: number, told: Told) {
    this.#pid = pid
    this.#port = port
    this.#told = told
    this.#timer = this.#lookAfter(LOADING)
  }

  news(): void {
    clearTimeout(this.#timer)
    this.#began = true
    this.#silent = this.#looks = 0
    this.#waited = false
    this.#usedAtFirst = undefined
    this.#timer = this.#lookAfter(EVERY)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #lookAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => void this.#look(ms), ms)
  }

  async #look(ms: number): Promise<void> {
    const timer = this.#timer
    const { text, used, waits } = await diagnose(this.#pid, this.#port)
    if (timer !== this.#timer) return // it has spoken meanwhile, or ended
    this.#silent += ms / 1000
    this.#looks++
    this.#usedAtFirst ??= used
    const works = used !== undefined && used - this.#usedAtFirst! >= 2 * EVERY
    const waited = waits && this.#waited
    this.#waited = waits
    if (waited || works || !this.#began || this.#looks === LOOKS) return this.#told.hangs(this.#silent, text)
    this.#told.silent(this.#silent, text)
    this.#timer = this.#lookAfter(EVERY)
  }
}
