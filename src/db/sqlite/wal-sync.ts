import { close, fdatasync, open } from 'node:fs'
import { promisify } from 'node:util'
import { markUnavailable } from '../fault.ts'

const openFile = promisify(open)
const closeFile = promisify(close)

/** Waits until everything that was written to a file before the call is on the disk. */
export type FileSync = (descriptor: number) => Promise<void>

/** The log could not be brought to the disk. What was committed since may be gone after a power cut, so nothing is written any more. */
export class NotDurableError extends Error {
  constructor(cause: unknown) {
    super('the database could not be written to the disk: restart the program when the disk is well again', { cause })
    markUnavailable(this)
  }
}

/**
 * Brings SQLite's write-ahead log to the disk, off the event loop, and once for all transactions that wait at the same time.
 *
 * With `synchronous = normal` a COMMIT writes to the log and returns; only checkpoints wait for the disk (in the right order: log, then
 * database). Whoever is told that a transaction is committed has waited here, which is what `synchronous = full` means, without the
 * event loop standing still meanwhile. A power cut in between loses transactions from the end of the log, as a whole, that nobody was
 * told of. https://www.sqlite.org/wal.html#performance_considerations
 */
export class WalSync {
  readonly #file: string
  readonly #sync: FileSync
  #descriptor: Promise<number> | undefined
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #failure: NotDurableError | undefined

  /** @param database path of the database file, beside which the log lies */
  constructor(database: string, sync: FileSync = promisify(fdatasync)) {
    this.#file = `${database}-wal`
    this.#sync = sync
  }

  /** @throws NotDurableError once the disk has failed: what it holds is unknown from then on */
  refuseAfterFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** What the disk is asked for now, the same as long as it has not answered. */
  get asked(): unknown {
    return this.#running
  }

  /** Settles when the disk has what was given to it; undefined while nothing is. Never rejects. */
  get busy(): Promise<void> | undefined {
    return this.#running?.catch(() => undefined) // whoever waits for it is told
  }

  /** Resolves when what was committed before this call is on the disk. @throws NotDurableError */
  durable(): Promise<void> {
    // A sync that runs already may have begun before our COMMIT: the one after it will do, for all who ask in the meantime.
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    )
    return this.#next
  }

  async close(): Promise<void> {
    // Whoever comes after those that are asked for now waits for the next.
    for (let last = this.#next ?? this.#running; last; last = this.#next ?? this.#running) await last.catch(() => undefined) // told to whoever asked
    if (this.#descriptor !== undefined) await closeFile(await this.#descriptor)
  }

  #start(): Promise<void> {
    this.#next = undefined
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #run(): Promise<void> {
    this.refuseAfterFailure()
    try {
      // The log exists from the first transaction on, and stays as long as a connection is open.
      this.#descriptor ??= openFile(this.#file, 'r')
      await this.#sync(await this.#descriptor)
    } catch (error) {
      this.#failure = new NotDurableError(error)
      throw this.#failure
    }
  }
}
