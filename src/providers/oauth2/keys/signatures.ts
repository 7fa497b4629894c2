import { sign, type KeyObject } from 'node:crypto'
import { poolThreads } from '../../../config/thread-pool.ts'

/** As `sign` of node:crypto takes them. */
type Key = Parameters<typeof sign>[2]
type Asked = {
  hash: string | null
  data: Buffer
  key: Key
  light: boolean
  done: (signature: Buffer) => void
  failed: (error: unknown) => void
}

/** How many signatures the pool has at once for each of its threads: one under way and two behind it, so that none waits for the event loop. */
const FOR_EACH_THREAD = 3

/** Bits of an RSA key. Its signature takes less than a millisecond; with twice as many it takes six times as long. */
const LIGHT = 2048

/** Whether the event loop may sign with an RSA key. */
export const isLight = ({ asymmetricKeyDetails: details }: KeyObject): boolean => (details?.modulusLength ?? Infinity) <= LIGHT

/**
 * RSA signatures, which take long, in the thread pool and in the event loop, where the way there and back is saved that costs a twelfth of a signature.
 * The event loop makes one each time it comes round, so that whoever asks for something else waits for one at most: the first when none is
 * under way, and of many what the pool has no room for. What else the pool does (the disk, passwords, names) waits for a few of them and not for all.
 */
export class Signatures {
  #room: number | undefined
  readonly #waiting: Asked[] = []
  #inPool = 0
  /** What the event loop makes when it comes round. */
  #next: Asked | undefined

  /** How many are asked for and not begun. */
  get waiting(): number {
    return this.#waiting.length + (this.#next ? 1 : 0)
  }

  /** How many the thread pool has. */
  get inPool(): number {
    return this.#inPool
  }

  /** Takes `isLight` of the key besides. Rejects with what node:crypto's `sign` throws: the key cannot sign this. */
  sign(hash: string | null, data: Buffer, key: Key, light: boolean): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const asked = { hash, data, key, light, done: resolve, failed: reject }
    if (light && this.#inPool === 0 && this.#next === undefined) this.#signNext(asked)
    else {
      this.#waiting.push(asked)
      this.#handOut()
    }
    return promise
  }

  #handOut(): void {
    this.#room ??= poolThreads() * FOR_EACH_THREAD // how many threads there are is decided after this is loaded
    while (this.#waiting.length > 0 && this.#inPool < this.#room) this.#signInPool(this.#waiting.shift()!)
    if (this.#next === undefined && this.#waiting[0]?.light) this.#signNext(this.#waiting.shift()!)
  }

  #signNext(asked: Asked): void {
    this.#next = asked
    setImmediate(() => {
      this.#next = undefined
      signHere(asked)
      this.#handOut()
    })
  }

  #signInPool({ hash, data, key, done, failed }: Asked): void {
    this.#inPool++
    sign(hash, data, key, (error, signature) => {
      this.#inPool--
      if (error) failed(error)
      else done(signature)
      this.#handOut()
    })
  }
}

function signHere({ hash, data, key, done, failed }: Asked): void {
  try {
    done(sign(hash, data, key))
  } catch (error) {
    failed(error)
  }
}

/** Of the whole process, as the pool is. */
export const signatures = new Signatures()
