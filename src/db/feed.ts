/**
 * Tells caches that rows of a table have changed, after the commit and before the writer goes on: whoever reads after its own
 * write sees it. Which tables can be watched is fixed when the database is opened, so that writing all others costs nothing.
 */
export type ChangeFeed = {
  /**
   * Calls `fn` after each commit that wrote one of `tables`, here or in another process; also when changes may have been missed.
   * @returns a function that ends it
   * @throws Error for a table that was not named in `watchedTables`
   */
  onChange(tables: readonly string[], fn: () => void): () => void
  /**
   * For cache look-ups: notices changes that nobody tells of (SQLite: another process has written; PostgreSQL: the notifying
   * connection is down). Cheap: does real work at most every 250 ms.
   */
  check(): void
}

/** ms: far below the second that a cache may answer stale. */
const CHECK_EVERY = 250

export class Feed implements ChangeFeed {
  readonly #watchers = new Map<string, Set<() => void>>()
  readonly #watched: ReadonlySet<string>
  readonly #elapsed: () => number
  readonly #report: (error: unknown) => void
  /** True when something changed that was not told: set by the engine. */
  missed: () => boolean = () => false
  #checkedAt = -Infinity

  constructor(options: { watched: readonly string[]; elapsed: () => number; report: (error: unknown) => void }) {
    this.#watched = new Set(options.watched)
    this.#elapsed = options.elapsed
    this.#report = options.report
  }

  isWatched(table: string): boolean {
    return this.#watched.has(table)
  }

  get watched(): readonly string[] {
    return [...this.#watched]
  }

  onChange(tables: readonly string[], fn: () => void): () => void {
    for (const table of tables) {
      if (!this.#watched.has(table)) throw new Error(`table ${table} is not among the watched tables of this database`)
    }
    // Each registration is its own, also of a function that is registered twice.
    const watcher = () => fn()
    for (const table of tables) {
      const watchers = this.#watchers.get(table) ?? new Set()
      this.#watchers.set(table, watchers.add(watcher))
    }
    return () => {
      for (const table of tables) this.#watchers.get(table)?.delete(watcher)
    }
  }

  /** Calls the watchers of `tables`, each once. */
  emit(tables: Iterable<string>): void {
    const called = new Set<() => void>()
    for (const table of tables) for (const watcher of this.#watchers.get(table) ?? []) called.add(watcher)
    for (const watcher of called) {
      try {
        watcher()
      } catch (error) {
        this.#report(error)
      }
    }
  }

  /** Everything may have changed. */
  emitAll(): void {
    this.emit(this.#watchers.keys())
  }

  check(): void {
    const at = this.#elapsed()
    if (at - this.#checkedAt < CHECK_EVERY) return
    this.#checkedAt = at
    if (this.missed()) this.emitAll()
  }
}
