import type { CompiledQuery } from 'kysely'
import type { SQLInputValue } from 'node:sqlite'
import { whenFree } from './busy.ts'
import { LONGEST } from './commit-group.ts'
import type { SqliteStore } from './store.ts'
import type { StatementResult } from './statements.ts'

/** A statement with values as SQLite takes them. `missing`: it must return a row; what is thrown when it does not. */
export type PlannedStatement = { compiled: CompiledQuery; parameters: readonly SQLInputValue[]; missing?: (() => Error) | undefined }

type Member = {
  statements: readonly PlannedStatement[]
  relaxed: boolean
  keep: (results: StatementResult[]) => void
  fail: (error: unknown) => void
  /** The commit itself tells it how it ended. */
  answered: boolean
}

const MOMENT = 1 // ms

type Outcome = { results: StatementResult[]; changed: boolean }

/**
 * Transactions whose statements are all known before they begin. They are gathered as lists, and carried out in one go when the commit is due:
 * one turn, one transaction of SQLite, without savepoints or waiting between. Nearly always all of them succeed. When one does not, all is undone
 * and each runs again behind a savepoint of its own, so that each hears its own error and nothing else.
 */
export class PlannedCommits {
  readonly #store: SqliteStore
  #queue: Member[] = []
  #begun = 0
  /** How many the last commit was for. */
  #answered = 0

  constructor(store: SqliteStore) {
    this.#store = store
  }

  /** Who has waited longest. */
  get oldest(): unknown {
    return this.#queue[0]
  }

  /**
   * Resolves with what each statement did, once that is committed and (unless `relaxed`) on the disk.
   * @throws what a statement or the commit throws; nothing of the list is kept then
   */
  add(statements: readonly PlannedStatement[], relaxed: boolean): Promise<StatementResult[]> {
    this.#store.refuse()
    const { promise, resolve, reject } = Promise.withResolvers<StatementResult[]>()
    this.#queue.push({ statements, relaxed, keep: resolve, fail: reject, answered: false })
    if (this.#queue.length === 1) this.#begun = this.#store.patience.elapsed()
    if (this.#queue.length === 1 || relaxed) this.#gather(relaxed)
    return promise
  }

  #gather(hurried: boolean): void {
    const { busy } = this.#store.log ?? {}
    if (hurried) setImmediate(() => void this.commit())
    else if (busy === undefined) this.#gatherByTurns()
    // While the disk is busy with others, whoever waits for it waits anyway.
    else void busy.finally(() => this.#gatherAfter())
  }

  /**
   * The disk is free. Those who were answered by that are likely to come back at once; when few wait and they were many, they are waited for: a
   * commit of its own for each straggler costs as much as all others together. Who comes alone waits for nobody.
   */
  #gatherAfter(): void {
    if (this.#queue.length * 2 < this.#answered) setTimeout(() => this.#gatherByTurns(), MOMENT)
    else this.#gatherByTurns()
  }

  /** Waits as long as each turn of the event loop brings somebody: from here to the end of this one, and then through the next. */
  #gatherByTurns(): void {
    const already = this.#queue.length
    setImmediate(() =>
      setImmediate(() => {
        const more = this.#queue.length > already
        if (more && this.#store.patience.elapsed() - this.#begun < LONGEST) this.#gatherByTurns()
        else void this.commit()
      }),
    )
  }

  /** Carries out all that waits. Never rejects: failures are theirs to hear of who planned it. */
  async commit(): Promise<void> {
    if (this.#queue.length === 0) return
    const giveBack = await this.#store.acquire()
    const members = this.#queue
    this.#queue = []
    try {
      if (members.length > 0) {
        this.#answered = members.length
        await this.#commit(members)
      }
    } catch (error) {
      // Whoever has planned a write hears how it ended, whatever goes wrong here.
      for (const { answered, fail } of members) if (!answered) fail(error)
    } finally {
      giveBack()
    }
  }

  async #commit(members: readonly Member[]): Promise<void> {
    const { group, patience, log } = this.#store
    const written = new Set<string>()
    try {
      log?.refuseAfterFailure()
      await whenFree(() => group.begin(), patience)
    } catch (error) {
      for (const { fail } of members) fail(error)
      return
    }
    let outcomes: Outcome[]
    try {
      outcomes = members.map(({ statements }) => this.#run(statements, written))
    } catch (error) {
      const others = group.undo(error)
      if (members.length > 1) return this.#commitEach(members)
      void others.then(() => members[0]!.fail(error))
      return
    }
    const kept = this.#taken(written)
    const durable = this.#durable(kept)
    for (const [index, member] of members.entries()) this.#answer(member, outcomes[index]!, kept, durable)
    group.commit()
  }

  /** Resolves when what happened since `begin` is committed. */
  #taken(written: Set<string>): Promise<void> {
    const { group } = this.#store
    try {
      return group.take(written)
    } catch (error) {
      void group.undo(error)
      throw error
    }
  }

  async #commitEach(members: readonly Member[]): Promise<void> {
    const { group, patience } = this.#store
    for (const member of members) {
      const written = new Set<string>()
      try {
        await whenFree(() => group.begin(), patience)
      } catch (error) {
        member.fail(error)
        continue
      }
      try {
        const outcome = this.#run(member.statements, written)
        const kept = group.join(written, true)
        this.#answer(member, outcome, kept, this.#durable(kept))
      } catch (error) {
        // Whoever failed because of what another did may look for it next.
        void group.undo(error).then(() => member.fail(error))
      }
    }
    group.commit()
  }

  #run(statements: readonly PlannedStatement[], written: Set<string>): Outcome {
    let changed = false
    const results = statements.map(({ compiled, parameters, missing }) => {
      const done = this.#store.write(compiled, parameters)
      if (missing && done.result.rows.length === 0) throw missing()
      changed ||= done.changed
      for (const table of done.written) written.add(table)
      return done.result
    })
    return { results, changed }
  }

  /** Asked for once by all who share a commit, and only if one of them waits for it. */
  #durable(kept: Promise<void>): () => Promise<void> {
    let durable: Promise<void> | undefined
    return () => (durable ??= kept.then(() => this.#store.log?.durable()))
  }

  #answer(member: Member, { results, changed }: Outcome, kept: Promise<void>, durable: () => Promise<void>): void {
    const { relaxed, keep, fail } = member
    member.answered = true
    const done = changed && !relaxed ? durable() : kept
    done.then(() => keep(results), fail)
  }
}
