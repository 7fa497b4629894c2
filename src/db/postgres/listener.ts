import { Client } from 'pg'
import type { Feed } from '../feed.ts'
import { CHANNEL, clientConfig } from './dialect.ts'
import type { Address, PostgresOptions } from './dialect.ts'

/** ms */
const HEARTBEAT = 250
/** So long after it last answered a connection is not trusted any more: a network that swallows everything looks like one where nothing happens. */
const TRUSTED_FOR = 750
const ANSWER_WITHIN = 5000
const LONGEST_PAUSE = 5000

/**
 * The one connection of a process that hears of changes made by others. It comes back by itself when it is lost; what may have
 * been missed meanwhile counts as changed. While it is away or silent, and behind a pooler that swallows notifications, `feed.check()`
 * finds everything changed, so that caches stay right and are merely slower.
 */
export class ChangeListener {
  readonly #options: PostgresOptions
  readonly #feed: Feed
  readonly #sender: string
  readonly #report: (error: unknown) => void
  readonly #address: () => Address
  readonly #notify: (payload: string) => Promise<void>
  readonly #elapsed: () => number
  #client: Client | undefined
  #hearing = false
  #answeredAt = 0
  #closed = false
  #pause = 100
  #timers = new Set<NodeJS.Timeout>()
  #heard: (() => void) | undefined

  /** @param notify sends a payload over the channel through another connection */
  constructor(
    options: PostgresOptions,
    parts: {
      feed: Feed
      sender: string
      address: () => Address
      report: (error: unknown) => void
      notify: (payload: string) => Promise<void>
      elapsed: () => number
    },
  ) {
    this.#options = options
    this.#feed = parts.feed
    this.#sender = parts.sender
    this.#report = parts.report
    this.#notify = parts.notify
    this.#address = parts.address
    this.#elapsed = parts.elapsed
    this.#feed.missed = () => !this.#hearing || this.#elapsed() - this.#answeredAt > TRUSTED_FOR
  }

  /** Resolves when it has tried once; goes on trying by itself. */
  async start(): Promise<void> {
    if (this.#closed) return
    const client = new Client({ ...clientConfig(this.#options), ...this.#address(), application_name: 'signet' })
    this.#client = client
    client.on('error', error => this.#lost(client, error))
    client.on('end', () => this.#lost(client, undefined))
    client.on('notification', ({ payload }) => this.#hear(payload ?? ''))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      const hears = await this.#probe(client)
      if (client !== this.#client) return
      this.#hearing = hears
      this.#answeredAt = this.#elapsed()
      this.#pause = 100
      this.#feed.emitAll()
      this.#beat(client)
    } catch (error) {
      this.#lost(client, error)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    const client = this.#client
    this.#client = undefined
    await client?.end()
  }

  /** Whether a notification sent elsewhere arrives here: then it does so before the answer to what is asked after it. */
  async #probe(client: Client): Promise<boolean> {
    let arrived = false
    this.#heard = () => (arrived = true)
    await this.#notify(`${this.#sender}:`)
    await this.#answer(client)
    this.#heard = undefined
    return arrived
  }

  #hear(payload: string): void {
    const [sender, tables = ''] = payload.split(':', 2)
    if (sender === this.#sender) {
      this.#heard?.()
      this.#feed.confirm(tables)
    } else this.#feed.emit(tables.split(','))
  }

  /** A network that went silent shows only when something is asked. */
  #beat(client: Client): void {
    this.#after(HEARTBEAT, () => {
      this.#answer(client).then(
        () => {
          if (client !== this.#client) return
          this.#answeredAt = this.#elapsed()
          this.#beat(client)
        },
        (error: unknown) => this.#lost(client, error),
      )
    })
  }

  /** Resolves when the server has answered a question; without an answer the connection is lost, and with it the question. */
  async #answer(client: Client): Promise<void> {
    const timer = this.#after(ANSWER_WITHIN, () => this.#lost(client, new Error('the listening connection does not answer')))
    try {
      await client.query('select 1')
    } finally {
      this.#cancel(timer)
    }
  }

  #lost(client: Client, error: unknown): void {
    if (client !== this.#client) return
    this.#client = undefined
    this.#hearing = false
    // The socket may be half open: it is not asked politely.
    ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    if (this.#closed) return
    if (error !== undefined) this.#report(error)
    this.#after(this.#pause, () => void this.start())
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE)
  }

  #after(milliseconds: number, work: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, milliseconds)
    this.#timers.add(timer)
    return timer.unref()
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.#timers.delete(timer)
  }
}
