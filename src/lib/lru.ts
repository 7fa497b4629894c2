/**
 * A bounded map: when it is full the entry that was not used for longest goes. Entries end `ttlMs` after they were set,
 * counted by the clock that is handed in.
 */
export class LruMap<K, V> {
  readonly #entries = new Map<K, { value: V; expiresAt: number }>()
  readonly #max: number
  readonly #ttlMs: number
  readonly #now: () => Date

  constructor({ max, ttlMs = Infinity, now }: { max: number; ttlMs?: number; now: () => Date }) {
    if (!(max >= 1)) throw new RangeError('A bounded map holds at least one entry.')
    this.#max = max
    this.#ttlMs = ttlMs
    this.#now = now
  }

  /** The value, undefined when there is none or it has ended. Counts as a use. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    if (entry.expiresAt <= this.#now().getTime()) return undefined
    this.#entries.set(key, entry) // a Map keeps the order of insertion: the last is the youngest
    return entry.value
  }

  /** Whether `get` would find a value, unless the value is undefined itself. Counts as a use. */
  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  /** Sets a value; `ttlMs` shortens or prolongs the life of this entry. */
  set(key: K, value: V, ttlMs: number = this.#ttlMs): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#max) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, { value, expiresAt: this.#now().getTime() + ttlMs })
  }

  delete(key: K): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  /** Entries held, ended ones that nobody asked for included. */
  get size(): number {
    return this.#entries.size
  }

  /** Keys from the least to the most recently used, for dropping by a rule; deleting while iterating is fine. */
  keys(): IterableIterator<K> {
    return this.#entries.keys()
  }
}
