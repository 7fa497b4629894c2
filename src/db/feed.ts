import { changedRows, tableOfChange, textsOf, type ChangedRows, type Changes } from './changes.ts'

export type { ChangedRows } from './changes.ts'

/**
 * Tells caches that rows of a table have changed, after the commit and before the writer goes on: whoever reads after its own
 * write sees it. Which tables can be watched is fixed when the database is opened, so that writing all others costs nothing.
 */
export type ChangeFeed = {
  /**
   * Calls `fn` after each commit that wrote one of `tables`, here or in another process; also when changes may have been missed.
   * @param fn gets all that the commit changed, of other tables too
   * @returns a function that ends it
   * @throws Error for a table that was not named in `watchedTables`
   */
  onChange(tables: readonly string[], fn: (changed: ChangedRows) => void): () => void
  /**
   * For cache look-ups: notices changes that nobody tells of (SQLite: another process has written; PostgreSQL: the notifying
   * connection is down). Cheap: does real work at most every 250 ms.
   */
  check(): void
}

/** ms: far below the second that a cache may answer stale. */
const CHECK_EVERY = 250

/** Bytes, of the 8,000 that a notification of PostgreSQL may have. */
const LONGEST_TEXT = 7_900

type Watcher = (changed: ChangedRows) => void

export class Feed implements ChangeFeed {
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly #watched: ReadonlySet<string>
  readonly #rowKeys: Readonly<Record<string, string>>
  readonly #elapsed: () => number
  /** Gets what no caller is there to hear of. */
  readonly report: (error: unknown) => void
  /** True when something changed that was not told: set by the engine. */
  missed: () => boolean = () => false
  #checkedAt = -Infinity
  /** What commits would tell of whose answer never came. */
  readonly #doubted = new Set<string>()

  constructor(options: {
    watched: readonly string[]
    rowKeys?: Readonly<Record<string, string>> | undefined
    elapsed: () => number
    report: (error: unknown) => void
  }) {
    this.#watched = new Set(options.watched)
    this.#rowKeys = options.rowKeys ?? {}
    this.#elapsed = options.elapsed
    this.report = options.report
  }

  /** The column by which single rows of a table are told of. */
  rowKey(table: string): string | undefined {
    return this.#rowKeys[table]
  }

  /** What others must hear of these changes, as one text; undefined: nothing. */
  textOf(changes: Changes): string | undefined {
    const told = new Set(changes).values().filter(change => this.#watched.has(tableOfChange(change)))
    const rows = changedRows(told)
    if (rows.size === 0) return undefined
    const text = textsOf(rows).join(',')
    return text.length <= LONGEST_TEXT ? text : [...rows.keys()].join(',')
  }

  isWatched(change: string): boolean {
    return this.#watched.has(tableOfChange(change))
  }

  get watched(): readonly string[] {
    return [...this.#watched]
  }

  onChange(tables: readonly string[], fn: Watcher): () => void {
    for (const table of tables) {
      if (!this.#watched.has(table)) throw new Error(`table ${table} is not among the watched tables of this database`)
    }
    // Each registration is its own, also of a function that is registered twice.
    const watcher: Watcher = changed => fn(changed)
    for (const table of tables) {
      const watchers = this.#watchers.get(table) ?? new Set<Watcher>()
      this.#watchers.set(table, watchers.add(watcher))
    }
    return () => {
      for (const table of tables) this.#watchers.get(table)?.delete(watcher)
    }
  }

  /** Calls the watchers of what changed, each once. */
  emit(changes: Changes): void {
    const changed = changedRows(changes)
    const called = new Set<Watcher>()
    for (const table of changed.keys()) for (const watcher of this.#watchers.get(table) ?? []) called.add(watcher)
    for (const watcher of called) {
      try {
        watcher(changed)
      } catch (error) {
        this.report(error)
      }
    }
  }

  /** Tells of what a lost commit may have changed: now, and again when it turns out to have happened. */
  doubt(changes: Changes): void {
    const text = this.textOf(changes)
    if (text === undefined) return
    this.#doubted.add(text)
    this.emit(changes)
  }

  /** A commit of this process happened, which told of its changes as this text: only those that were in doubt are not known of. */
  confirm(text: string): void {
    if (this.#doubted.delete(text)) this.emit(text.split(','))
  }

  /** Everything may have changed. */
  emitAll(): void {
    this.#doubted.clear()
    this.emit(this.#watchers.keys())
  }

  check(): void {
    const at = this.#elapsed()
    if (at - this.#checkedAt < CHECK_EVERY) return
    this.#checkedAt = at
    if (this.missed()) this.emitAll()
  }
}
