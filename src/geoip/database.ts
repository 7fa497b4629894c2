import { readFile, stat } from 'node:fs/promises'
import type { Reader, Response } from 'maxmind'
import type { Ctx } from '../context.ts'

type Parts = Pick<Ctx, 'now' | 'log'>

/** How long a file counts as unchanged before it is looked at again. */
const INTERVAL = 60_000 // ms

/** A database of addresses in MaxMind's format that may or may not be there. What changes on the disk is noticed within a minute. */
export class AddressDatabase {
  readonly path: string
  readonly #what: string
  #reader: Reader<Response> | undefined
  /** Size and times of the file that was read last, good or not; undefined while there is none. */
  #stamp: string | undefined
  #checked: number | undefined
  #checking: Promise<void> | undefined

  /** @param what is known by it, for the log */
  constructor(path: string, what: string) {
    this.path = path
    this.#what = what
  }

  /** The reader in force; undefined when there is no file. At once, unless it has to be looked for. */
  reader(parts: Parts): Reader<Response> | undefined | Promise<Reader<Response> | undefined> {
    const now = parts.now().getTime()
    if (this.#checked !== undefined && Math.abs(now - this.#checked) < INTERVAL) return this.#reader
    return this.#looked(parts, now)
  }

  async #looked(parts: Parts, now: number): Promise<Reader<Response> | undefined> {
    this.#checking ??= this.#check(parts, now).finally(() => (this.#checking = undefined))
    // Whoever has a reader goes on with it while a newer file is being read.
    if (!this.#reader) await this.#checking
    return this.#reader
  }

  async #check({ log }: Parts, now: number): Promise<void> {
    const first = this.#checked === undefined
    const facts = { path: this.path }
    const file = this.path === '' ? undefined : await stat(this.path).catch(() => undefined)
    if (!file?.isFile()) {
      if (this.#reader) log.warn(facts, `the database is gone: ${this.#what} are not known any more`)
      else if (first) log.info(facts, `there is no such database: ${this.#what} are not known`)
      this.#reader = this.#stamp = undefined
      this.#checked = now
      return
    }
    const stamp = `${file.ino} ${file.size} ${file.mtimeMs}`
    if (stamp !== this.#stamp) {
      this.#stamp = stamp
      try {
        const { Reader } = await import('maxmind')
        const read = new Reader(await readFile(this.path))
        log.info({ ...facts, type: read.metadata.databaseType, built: read.metadata.buildEpoch }, `${this.#what} are known`)
        this.#reader = read
      } catch (error) {
        log.warn({ ...facts, err: error }, `the database cannot be read: ${this.#what} are ${this.#reader ? 'as before' : 'not known'}`)
      }
    }
    this.#checked = now
  }
}
