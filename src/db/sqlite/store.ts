import type { CompiledQuery } from 'kysely'
import { stat } from 'node:fs'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { FOREIGN_KEYS, foreignKeysOf, reachedByDelete } from '../catalogue.ts'
import type { ForeignKey } from '../catalogue.ts'
import { isBusy, whenFree, type Patience } from './busy.ts'
import { CommitGroup } from './commit-group.ts'
import type { Taker } from '../direct.ts'
import { changesIn, type Changes } from '../changes.ts'
import type { Feed } from '../feed.ts'
import { Mutex } from '../../lib/mutex.ts'
import { PlannedCommits } from './planned-commits.ts'
import { refuseInsideTransaction } from '../scope.ts'
import { openReader, openWriter } from './open.ts'
import { MissedSignalError, StandstillWatch, type StandstillError, type Obstacles } from './standstill.ts'
import type { StatementResult } from './statements.ts'
import { Statements } from './statements.ts'
import { WalSync } from './wal-sync.ts'
import type { FileSync } from './wal-sync.ts'
import { changesSchema, readsOnly, writesOf } from '../writes.ts'

/** What one statement did. `changed`: the database may be another now. */
export type Done = { written: Changes; result: StatementResult; changed: boolean }

/** How the disk is waited for, and how often (ms) it is looked whether anything stands still. */
type Parts = { sync?: FileSync; lookEvery?: number }

/** What the connections of one SQLite database share: the writer with its queue, and the reader. */
export class SqliteStore {
  readonly file: string
  readonly writer: Statements
  /** For plain selects outside transactions while one is open; an in-memory database has one connection only. */
  readonly reader: Statements | undefined
  readonly turn = new Mutex()
  /** What was done in turns that are over, and waits for its commit. Only whoever has the turn may touch it. */
  readonly group: CommitGroup
  /** Transactions that are known before they begin. */
  readonly planned: PlannedCommits
  readonly feed: Feed
  readonly patience: Patience
  /** What brings commits to the disk; an in-memory database has none. */
  readonly log: WalSync | undefined
  /** Takes the statements of the transaction that is open; stays that one's when it is over. */
  inside: Taker | undefined
  readonly #watch: StandstillWatch
  #turns = 0
  /** What was done last in the turn. */
  #last: string | undefined
  #foreignKeys: readonly ForeignKey[] | undefined
  #version: unknown

  /** Opens the file, and makes it when there is none. */
  static async open(file: string, feed: Feed, patience: Patience, parts: Parts = {}): Promise<SqliteStore> {
    return new SqliteStore(file, feed, patience, await whenFree(() => openWriter(file), patience), parts)
  }

  private constructor(file: string, feed: Feed, patience: Patience, writer: DatabaseSync, { sync, lookEvery }: Parts) {
    this.file = file
    this.feed = feed
    this.patience = patience
    this.writer = new Statements(writer)
    this.reader = file === ':memory:' ? undefined : new Statements(openReader(file))
    this.log = file === ':memory:' ? undefined : new WalSync(file, sync)
    this.group = new CommitGroup(writer, {
      emit: tables => feed.emit(tables),
      elapsed: patience.elapsed,
      busy: () => this.turn.held,
      later: (commit, hurried) => {
        const { busy } = this.log ?? {}
        if (hurried || busy === undefined) return void setImmediate(commit)
        // While the disk is busy with others, whoever waits for it waits anyway.
        void busy.finally(commit)
      },
    })
    this.planned = new PlannedCommits(this)
    this.#watch = new StandstillWatch(
      () => this.obstacles(),
      error => this.#standsStill(error),
      lookEvery,
    )
    this.#version = this.#dataVersion()
    feed.missed = () => {
      const before = this.#version
      this.#version = this.#dataVersion()
      return this.#version !== before
    }
  }

  /** All that a statement changes, with the tables that its deletes reach by foreign keys. */
  writtenBy(compiled: CompiledQuery, parameters: readonly unknown[]): Changes {
    const { tables, deletes } = writesOf(compiled)
    const changes = tables.flatMap(table => changesIn(compiled, parameters, table, this.feed.rowKey(table)))
    if (!deletes) return changes
    const written = new Set(changes)
    this.#foreignKeys ??= foreignKeysOf(this.writer.run(FOREIGN_KEYS.sqlite, []).rows as never)
    for (const table of tables) for (const reached of reachedByDelete(this.#foreignKeys, table)) written.add(reached)
    return written
  }

  /**
   * Runs a select outside of transactions; undefined where it has to wait for a turn. Every commit makes the reader forget all pages that it had
   * read, while the connection that writes keeps its own, and sees nothing but what is committed as long as no transaction is open.
   */
  read(sql: string, parameters: readonly unknown[]): StatementResult | undefined {
    if (!this.writer.connection.isTransaction) {
      try {
        return this.writer.run(sql, parameters)
      } catch (error) {
        if (!isBusy(error)) throw error // the reader waits, and stops the event loop meanwhile: another process mends the file
      }
    }
    return this.reader?.run(sql, parameters)
  }

  /** Runs a statement by the connection that writes. Call while having the turn. */
  write(compiled: CompiledQuery, parameters: readonly SQLInputValue[]): Done {
    this.#last = compiled.sql
    const written = this.writtenBy(compiled, parameters)
    const result = this.writer.runEncoded(compiled.sql, parameters)
    if (changesSchema(compiled.sql)) this.schemaChanged()
    // Raw statements that return nothing countable are told of in any case.
    const changed = result.changes !== 0 || (compiled.query.kind === 'RawNode' && !readsOnly(compiled))
    return { written: changed ? written : [], result, changed }
  }

  /** @throws Error for whoever could only wait for themselves, or when the disk has failed */
  refuse(): void {
    if (this.turn.held) refuseInsideTransaction(this)
    this.log?.refuseAfterFailure()
  }

  /** Resolves with the function that gives the turn back. @throws as `refuse` */
  takeTurn(): Promise<() => void> {
    this.refuse()
    return this.acquire()
  }

  /** The turn, for whoever may wait for it. */
  async acquire(): Promise<() => void> {
    this.#watch.begin()
    const giveBack = await this.turn.acquire()
    this.#turns++
    this.#last = undefined
    return () => {
      // Whatever became of this turn: what others have left for a commit must not wait for a turn that nobody takes.
      try {
        this.group.settle(this.turn.waiting === 0)
      } finally {
        giveBack()
      }
    }
  }

  /** What those wait for now who write, if anybody waits. */
  obstacles(): Obstacles {
    const { turn, log, planned, group } = this
    const found = new Map<unknown, string>()
    if (log?.asked !== undefined) found.set(log.asked, 'the disk has not answered')
    if (turn.waiting > 0)
      found.set(this.#turns, `${turn.waiting} wait for a transaction to end that did last: ${this.#last?.slice(0, 300) ?? 'nothing'}`)
    else if (!turn.held && log?.asked === undefined)
      for (const oldest of [planned.oldest, group.oldest]) if (oldest !== undefined) found.set(oldest, 'a commit that is due is not made')
    return found
  }

  /**
   * A thread of the pool can miss the signal that there is work (glibc before 2.41, https://sourceware.org/bugzilla/show_bug.cgi?id=25847), which
   * then waits until there is more. When all that writes waits for the disk, nobody brings more: so this does, and tells whether that was it.
   */
  #standsStill(error: StandstillError): void {
    this.feed.report(error)
    const asked = this.log?.asked
    if (asked === undefined) return
    stat(this.file, () => {
      if (this.log?.asked !== asked) this.feed.report(new MissedSignalError())
    })
  }

  schemaChanged(): void {
    this.#foreignKeys = undefined
    this.writer.forget()
    this.reader?.forget()
  }

  /** Moves when another connection has changed the file; ours that writes is the one that asks. */
  #dataVersion(): unknown {
    return this.writer.run('pragma data_version', []).rows[0]?.['data_version']
  }

  /**
   * No `pragma optimize`: what it learns at the first stop, of tables with a row or two, would have the planner read them whole when
   * they have grown to 100,000. Without statistics it takes tables for large, and indexes for worth it.
   */
  async close(): Promise<void> {
    await this.planned.commit()
    this.group.commit()
    this.#watch.end()
    await this.log?.close()
    this.reader?.connection.close()
    this.writer.connection.close()
  }
}
