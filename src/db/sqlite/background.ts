import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import { Worker } from 'node:worker_threads'
import { encodeSqlite } from '../codec.ts'
import type { ReaderAnswer, ReaderQuestion } from './reader.worker.ts'
import { columnsOf, decodeRows } from './statements.ts'
import { readsOnly } from '../writes.ts'

/** ms without a question after which the thread ends and its memory is free again. */
const IDLE = 30_000

type Waiting = { resolve: (answer: ReaderAnswer & { rows: unknown[][] }) => void; reject: (error: unknown) => void }

/** Where the thread's program lies. In the bundle the build puts the program's own file here. */
const program = () => new URL('./reader.worker.ts', import.meta.url)

/** A Kysely driver whose selects run in a thread with a read-only connection of its own. */
export class BackgroundReader implements Driver {
  readonly #file: string
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #asked = 0
  readonly #waiting = new Map<number, Waiting>()

  constructor(file: string) {
    this.#file = file
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return {
      executeQuery: <R>(compiled: CompiledQuery) => this.#execute<R>(compiled),
      // eslint-disable-next-line require-yield -- refuses
      async *streamQuery() {
        throw new Error('rows are not streamed: page by key')
      },
    }
  }

  async beginTransaction(): Promise<void> {
    throw new Error('the background reader has no transactions')
  }

  async commitTransaction(): Promise<void> {}

  async rollbackTransaction(): Promise<void> {}

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.close()
  }

  /** Ends the thread; questions that are under way fail. A later one starts it again. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  /** True while the thread is there. */
  get running(): boolean {
    return this.#worker !== undefined
  }

  async #execute<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    if (!readsOnly(compiled)) throw new Error('the background reader only reads')
    const { names, types, rows } = await this.#ask(compiled.sql, compiled.parameters.map(encodeSqlite))
    return { rows: decodeRows(columnsOf(names, types), rows) as R[] }
  }

  #ask(sql: string, parameters: ReaderQuestion['parameters']): Promise<ReaderAnswer & { rows: unknown[][] }> {
    clearTimeout(this.#idle)
    const worker = (this.#worker ??= this.#start())
    // While a question is open the process stays; an idle thread does not keep it.
    worker.ref()
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage({ id, sql, parameters } satisfies ReaderQuestion)
    })
  }

  #start(): Worker {
    const worker = new Worker(program(), { name: 'sqlite-reader', workerData: { file: this.#file }, env: {}, execArgv: [] })
    worker.on('message', (answer: ReaderAnswer) => this.#answered(worker, answer))
    worker.on('error', error => this.#ended(worker, error))
    worker.on('exit', () => this.#ended(worker, new Error('the background reader has been closed')))
    return worker
  }

  #answered(worker: Worker, answer: ReaderAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer && answer.error !== undefined) waiting?.reject(Object.assign(new Error(answer.error.message), answer.error))
    else waiting?.resolve(answer as ReaderAnswer & { rows: unknown[][] })
    if (this.#waiting.size > 0 || worker !== this.#worker) return
    worker.unref()
    this.#idle = setTimeout(() => void this.close(), IDLE).unref()
  }

  #ended(worker: Worker, error: unknown): void {
    if (worker === this.#worker) this.#worker = undefined
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
