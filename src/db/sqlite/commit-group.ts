import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** The database took back what others had done in the same commit; they must not believe that it is kept. */
export class CommitLostError extends Error {
  constructor(cause: unknown) {
    super('the transaction was rolled back together with others', { cause })
  }
}

type Member = { written: Iterable<string>; kept: () => void; lost: (error: unknown) => void }

/** A commit that could be shared by more is made after so many transactions, or so long after the first began. */
const MOST = 64
export const LONGEST = 20 // ms

export type CommitGroupOptions = {
  /** Tells of the tables that a commit has changed. */
  emit: (tables: ReadonlySet<string>) => void
  elapsed: () => number
  /** Whether a transaction is under way, whose end settles the group. */
  busy: () => boolean
  /** Calls a function when there is nothing more that could share the commit. `hurried`: somebody waits for the commit and not for the disk. */
  later: (commit: () => void, hurried: boolean) => void
}

/**
 * One transaction of SQLite that holds several of ours, one after the other, each behind a savepoint of its own: whoever is done leaves its
 * work to a commit that is made once the event loop comes round, or the disk is free. Pages that they all change are written once, and one
 * commit is paid for. Nobody is told that it is committed before it is.
 */
export class CommitGroup {
  readonly #connection: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  readonly #options: CommitGroupOptions
  #members: Member[] = []
  #begun = 0
  /** The commit was due while a transaction was under way. */
  #overdue = false

  constructor(connection: DatabaseSync, options: CommitGroupOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Whether there is work of others that is not committed yet. */
  get pending(): boolean {
    return this.#members.length > 0
  }

  /** Who has waited longest for the commit. */
  get oldest(): unknown {
    return this.#members[0]
  }

  /** Begins, with a savepoint where others were there before. @throws busy when another process writes */
  begin(): void {
    if (this.pending) this.#run('savepoint signet_member')
    else {
      this.#run('begin immediate')
      this.#begun = this.#options.elapsed()
    }
  }

  /**
   * Undoes what happened since `begin`, and nothing of the others. Resolves when those are committed: whoever failed because of what they did
   * may look for it next.
   */
  undo(reason: unknown): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    // Some errors (a full disk) have rolled back everything already.
    if (!this.#connection.isTransaction) this.#lose(new CommitLostError(reason))
    else if (!this.pending) this.#run('rollback')
    else if (this.#undoLast()) {
      this.#members.push({ written: [], kept: resolve, lost: () => resolve() })
      return promise
    }
    resolve()
    return promise
  }

  /** Whether what the others did still stands. What cannot be undone alone must not be committed with them. */
  #undoLast(): boolean {
    try {
      this.#run('rollback to signet_member')
      this.#run('release signet_member')
      return true
    } catch (error) {
      this.#abandon(new CommitLostError(error))
      return false
    }
  }

  /**
   * Takes over what happened since `begin`. Resolves once it is committed, and rejects with what the commit throws; then nothing is kept.
   * @param hurried whether it is not to wait for a disk that is busy
   * @throws at once when it cannot be taken over: `undo` it
   */
  join(written: Iterable<string>, hurried: boolean): Promise<void> {
    const kept = this.take(written)
    if (this.#members.length === 1 || hurried) this.#gather(hurried)
    return kept
  }

  /** Takes over what happened since `begin`, and leaves it to the caller to `commit`. As `join` otherwise. @throws when it cannot; then `undo` */
  take(written: Iterable<string>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.pending) this.#run('release signet_member')
    this.#members.push({ written, kept: resolve, lost: reject })
    return promise
  }

  /** Waits as long as each turn of the event loop brings somebody: who writes while others do shares their pages, and who writes alone waits for nobody. */
  #gather(hurried: boolean): void {
    const already = this.#members.length
    this.#options.later(() => {
      const more = this.#members.length > already
      if (more && this.#members.length < MOST && this.#options.elapsed() - this.#begun < LONGEST) this.#gather(hurried)
      else this.#commitIfFree()
    }, hurried)
  }

  #commitIfFree(): void {
    if (this.#options.busy()) this.#overdue = this.pending
    else this.commit()
  }

  /** Commits if it is time to. Call whenever a turn ends; `last`: nobody has the next one. */
  settle(last: boolean): void {
    if (!this.pending) return
    const enough = this.#members.length >= MOST || this.#options.elapsed() - this.#begun >= LONGEST
    if (enough || (this.#overdue && last)) this.commit()
  }

  /** Commits what others have left here. Failures are theirs to hear of. */
  commit(): void {
    if (!this.pending) return
    this.#overdue = false
    try {
      this.#run('commit')
    } catch (error) {
      this.#abandon(this.#members.length === 1 ? error : new CommitLostError(error))
      return
    }
    const members = this.#members
    this.#members = []
    try {
      this.#options.emit(new Set(members.flatMap(({ written }) => [...written])))
    } finally {
      // It is committed, and whoever waits to hear that would wait for ever.
      for (const { kept } of members) kept()
    }
  }

  /** Rolls back what is left, and tells all who have a part in it. */
  #abandon(error: unknown): void {
    try {
      if (this.#connection.isTransaction) this.#run('rollback')
    } finally {
      this.#lose(error)
    }
  }

  #run(sql: string): void {
    let statement = this.#prepared.get(sql)
    if (!statement) this.#prepared.set(sql, (statement = this.#connection.prepare(sql)))
    statement.run()
  }

  #lose(error: unknown): void {
    const members = this.#members
    this.#members = []
    for (const { lost } of members) lost(error)
  }
}
