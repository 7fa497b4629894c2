import type { Ctx } from '../context.ts'
import { afterCommit, type ChangedRows, type Database } from '../db/database.ts'

/** How many keys one cache may hold where nothing else is said; beyond that the oldest go. */
const CAPACITY = 2_000

export type CacheOptions<V> = {
  /** What all that is held may weigh together, one each unless `weight` says otherwise. */
  capacity?: number
  /** Of one value, in whatever unit. */
  weight?: (value: V) => number
  /**
   * Whether a value may be another after these rows of a table were written, for tables of `rowKeys` (src/registry.ts). Without it, and for
   * other tables, everything is forgotten. What is not found out again here is served stale: when in doubt, true.
   */
  concerns?: (value: V, table: string, keys: ReadonlySet<string>, key: string) => boolean
}

export type Cache<V> = {
  (ctx: Ctx, key?: string): Promise<V>
  /** What is remembered, also while a transaction is open: for questions that must cost nothing and whose answer may be of before it. */
  peek: (ctx: Ctx, key?: string) => V | undefined
  /**
   * As it was before the transaction that is open, for what is written down beside something else: asked of the database only when
   * nothing is remembered, and then remembered once the transaction is over.
   */
  outside: (ctx: Ctx, key?: string) => V | Promise<V>
  /** What is remembered right now, and a way to forget it, for administrators who ask. */
  keys: (ctx: Ctx) => string[]
  clear: (ctx: Ctx) => void
}

/** `promise` is of the value, and made once: whoever asks for what is known waits a turn for it, and makes nothing. */
type Entry<V> = { value: V; promise: Promise<V>; weight: number }

class Store<V> {
  readonly entries = new Map<string, Entry<V>>()
  readonly #tables: readonly string[]
  readonly #options: CacheOptions<V>
  #held = 0
  /** Moves when something is forgotten. */
  generation = 0

  constructor(tables: readonly string[], options: CacheOptions<V>) {
    this.#tables = tables
    this.#options = options
  }

  /** What two callers loaded at once is held once; what is heavier than all that may be held is not. */
  add(key: string, value: V): void {
    const { capacity = CAPACITY } = this.#options
    const weight = this.#options.weight?.(value) ?? 1
    this.#remove(key)
    this.#held += weight
    this.entries.set(key, { value, promise: Promise.resolve(value), weight })
    for (const oldest of this.entries.keys()) {
      if (this.#held <= capacity) return
      this.#remove(oldest)
    }
  }

  #remove(key: string): void {
    this.#held -= this.entries.get(key)?.weight ?? 0
    this.entries.delete(key)
  }

  clear(): void {
    this.entries.clear()
    this.#held = 0
    this.generation += 1
  }

  /** Forgets what the change of these rows concerns. */
  forget(changed: ChangedRows): void {
    const { concerns } = this.#options
    const rows = this.#tables.flatMap(table => (changed.has(table) ? [[table, changed.get(table)!] as const] : []))
    if (!concerns || rows.some(([, keys]) => keys === 'all')) return this.clear()
    this.generation += 1
    for (const [key, { value }] of this.entries) {
      if (rows.some(([table, keys]) => concerns(value, table, keys as ReadonlySet<string>, key))) this.#remove(key)
    }
  }
}

/**
 * Remembers what `load` found until a row of one of `tables` changes, in this process or another.
 * Only for configuration: the tables must be on the change feed's watch list. Inside a transaction that is
 * still open nothing is remembered, since it may see what others must not.
 */
export function cached<V>(
  tables: readonly string[] | ((ctx: Ctx) => readonly string[]),
  load: (ctx: Ctx, key: string) => Promise<V>,
  options: CacheOptions<V> = {},
): Cache<V> {
  const stores = new WeakMap<Database, Store<V>>()
  const storeOf = (ctx: Ctx): Store<V> => {
    const { database } = ctx
    const known = stores.get(database)
    if (known) return known
    const watched = typeof tables === 'function' ? tables(ctx) : tables
    const made = new Store(watched, options)
    stores.set(database, made)
    database.feed.onChange(watched, changed => made.forget(changed))
    return made
  }
  const read = (ctx: Ctx, key = ''): Promise<V> => {
    if (ctx.db !== ctx.database.db && ctx.db !== ctx.database.background) return load(ctx, key)
    ctx.database.feed.check()
    const store = storeOf(ctx)
    return store.entries.get(key)?.promise ?? loaded(ctx, store, key)
  }
  const loaded = async (ctx: Ctx, store: Store<V>, key: string): Promise<V> => {
    // A change that commits while the load runs must not be overwritten by what the load saw before it.
    const { generation } = store
    const value = await load(ctx, key)
    if (store.generation === generation && value !== undefined) store.add(key, value)
    return value
  }
  const peek = (ctx: Ctx, key = '') => {
    ctx.database.feed.check()
    return storeOf(ctx).entries.get(key)?.value
  }
  const outside = (ctx: Ctx, key = ''): V | Promise<V> => {
    const known = peek(ctx, key)
    if (known !== undefined) return known
    if (ctx.db.isTransaction) {
      const later = { ...ctx, db: ctx.database.db }
      afterCommit(ctx.db, () => void read(later, key).catch((error: unknown) => ctx.log.error({ err: error }, 'configuration')))
    }
    return read(ctx, key)
  }
  return Object.assign(read, {
    peek,
    outside,
    keys: (ctx: Ctx) => [...storeOf(ctx).entries.keys()],
    clear: (ctx: Ctx) => storeOf(ctx).clear(),
  })
}
