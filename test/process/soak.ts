import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { aDataFolder, start, type Program } from '../e2e/program.ts'
import { Client, PASSWORD, type Registration } from './soak-client.ts'
import { Ledger, load, operations, randomFrom } from './soak-load.ts'
import { verify } from './soak-verify.ts'

const HANDS = 6
const PEOPLE = 4

/** What a soak did so far. */
export type Report = {
  rounds: number
  acknowledged: Readonly<Record<string, number>>
  interrupted: number
  /** Median and longest, ms, from the start of the process to "ready". */
  restart: { median: number; longest: number }
  /** Rows of the tables that the load fills. */
  rows: Record<string, number>
}

/**
 * An installation on the embedded database that is killed (SIGKILL) again and again in the middle of its work, and held each time to
 * what it acknowledged. The seed decides what is written and when the end comes.
 */
export class Soak {
  readonly #folder: string
  readonly #remove: () => void
  readonly #random: () => number
  readonly #ledger = new Ledger()
  readonly #people: string[] = []
  readonly #restarts: number[] = []
  #app!: Registration
  #program: Program

  static async begin(seed: number): Promise<Soak> {
    // On a disk, as in life: whether it is in the middle of a write is what the kill is about.
    const { folder, remove } = aDataFolder(tmpdir())
    // Ended in peace once, so that its compiled code is kept.
    await (await start({ data: folder })).stop()
    const soak = new Soak(folder, remove, seed, await start({ data: folder, env: {} }))
    await soak.#prepare()
    return soak
  }

  private constructor(folder: string, remove: () => void, seed: number, program: Program) {
    this.#folder = folder
    this.#remove = remove
    this.#random = randomFrom(seed)
    this.#program = program
  }

  async #prepare(): Promise<void> {
    const client = new Client(this.#program.origin)
    this.#app = await client.onboard()
    for (let index = 0; index < PEOPLE; index++) {
      const username = `person-${index}`
      const { pk } = await client.must('POST', '/core/users/', { username, name: username })
      await client.must('POST', `/core/users/${pk}/set_password/`, { password: PASSWORD })
      this.#people.push(username)
    }
  }

  /** Load, kill, restart, check. @throws AssertionError when something acknowledged is gone, or something spent is not */
  async round(): Promise<void> {
    const random = this.#random
    const client = new Client(this.#program.origin)
    const label = `soak-${this.#restarts.length}`
    const all = operations(client, this.#app, this.#ledger, { people: this.#people, label, random })
    const least = 20 + Math.floor(random() * 100) // operations
    const pause = random() * 8 // ms
    let begun = 0
    let over = false
    await load(this.#ledger, all, {
      hands: HANDS,
      random,
      isOver: () => over,
      begun: () => {
        if (++begun !== least) return
        // Somewhere in the middle of what is under way then.
        setTimeout(() => {
          over = true
          process.kill(this.#program.pid, 'SIGKILL')
        }, pause)
      },
    })
    assert.equal(await this.#program.ended, 'SIGKILL')

    const before = performance.now()
    this.#program = await start({ data: this.#folder, env: {} })
    this.#restarts.push(performance.now() - before)
    const restarted = new Client(this.#program.origin)
    assert.equal((await restarted.send('GET', '/-/health/ready/')).status, 200)
    await verify(restarted, this.#app, this.#ledger, random)
    this.#checkFile()
  }

  #open = () => new DatabaseSync(join(this.#folder, 'signet.db'), { readOnly: true })

  /** The file itself, as SQLite sees it; and whether each row that the load made came with its entry in the audit log. */
  #checkFile(): void {
    const database = this.#open()
    try {
      assert.deepEqual(
        database
          .prepare('pragma integrity_check')
          .all()
          .map(row => ({ ...row })),
        [{ integrity_check: 'ok' }],
      )
      assert.deepEqual(database.prepare('pragma foreign_key_check').all(), [])
      const unseen = database
        .prepare(
          `select username from user where username like 'soak-%' and not exists (
             select 1 from event where action = 'model_created' and json_extract(context, '$.model.model_name') = 'user'
               and json_extract(context, '$.model.pk') = user.id)`,
        )
        .all()
      assert.deepEqual(unseen, [], 'accounts without an entry in the audit log')
    } finally {
      database.close()
    }
  }

  report(): Report {
    const database = this.#open()
    const tables = ['user', '"group"', 'event', 'session', 'oauth2_code', 'oauth2_refresh_token', 'oauth2_access_token']
    const rows = Object.fromEntries(
      tables.map(table => [table.replaceAll('"', ''), Number(database.prepare(`select count(*) as count from ${table}`).get()!['count'])]),
    )
    database.close()
    const sorted = this.#restarts.toSorted((a, b) => a - b)
    return {
      rounds: sorted.length,
      acknowledged: this.#ledger.acknowledged,
      interrupted: this.#ledger.interrupted,
      restart: { median: Math.round(sorted[sorted.length >> 1] ?? 0), longest: Math.round(sorted.at(-1) ?? 0) },
      rows,
    }
  }

  /** Ends the program as an operator does and takes its data away. @throws AssertionError when it does not end in order */
  async end(): Promise<void> {
    const code = await this.#program.stop()
    this.#remove()
    assert.equal(code, 0)
  }

  /** What the program said last. */
  said = (): string => this.#program.said()
}
