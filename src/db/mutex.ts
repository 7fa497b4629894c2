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
}
