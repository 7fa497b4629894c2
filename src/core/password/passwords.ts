import { pbkdf2 } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2'
import { secretsEqual } from '../../lib/constant-time.ts'
import type { RandomBytes } from '../../lib/random.ts'
import { yieldToEventLoop } from '../../lib/background-threads.ts'
import { LETTERS_AND_DIGITS, randomString } from '../../lib/random.ts'
import { TurnQueue } from '../../lib/turn-queue.ts'

/** Longer passwords are refused: hashing must not take as long as the caller likes. */
export const MAX_PASSWORD_BYTES = 512

/** argon2id with 19 MiB and two passes: about 20 ms of CPU. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

// A stored hash says what its check costs; imported ones beyond these limits never match.
const MAX_MEMORY_KIB = 262_144
const MAX_PASSES = 16
const MAX_LANES = 16
const MAX_ITERATIONS = 10_000_000

const ARGON2 = /^(?:argon2)?(\$argon2(?:id|i|d)\$v=(\d+)\$m=(\d{1,10}),t=(\d{1,4}),p=(\d{1,3})\$[\w+/]{11,}\$[\w+/]{16,})$/
const PBKDF2 = /^pbkdf2_sha256\$(\d{1,9})\$([^$]{1,128})\$([\w+/]+={0,2})$/

const derive = promisify(pbkdf2)

/** The password is longer than 512 bytes. */
export class PasswordTooLongError extends Error {
  constructor() {
    super(`A password has at most ${MAX_PASSWORD_BYTES} bytes.`)
    this.name = 'PasswordTooLongError'
  }
}

/** Hashing and checking, a few at a time. */
export type Passwords = {
  /**
   * The stored form of a password: a PHC string of argon2id with a salt of its own.
   * @throws PasswordTooLongError, QueueFullError
   */
  readonly hash: (password: string, client?: string) => Promise<string>
  /**
   * Whether the password belongs to the stored form. Without a stored form, with an unusable one, and for a password that is too long
   * the answer is no after the same time. Of those who wait, clients (addresses, say) take turns.
   * @param first asked when it is this one's turn; what it throws is thrown, and nothing is checked
   * @throws QueueFullError
   */
  readonly verify: (stored: string | null | undefined, password: string, client?: string, first?: () => Promise<void>) => Promise<boolean>
  /** Whether a stored form should be replaced by `hash(password)` now that the password has just been shown to be right. */
  readonly needsRehash: (stored: string) => boolean
  /** Checks that wait or run, for metrics. */
  readonly pending: () => number
}

/**
 * @param concurrency how many run at once: one a core where the event loop goes before them, else one core is left to it
 * @param maxWaiting how many may wait before further ones are refused
 * @param cost of hashes that are made here; tests that need thousands of them make them cheap
 */
export function makePasswords({
  concurrency,
  maxWaiting = 512,
  cost = COST,
}: { concurrency?: number; maxWaiting?: number; cost?: typeof COST } = {}): Passwords {
  const cores = availableParallelism()
  const queue = new TurnQueue({ concurrency: concurrency ?? Math.max(1, cores - 1), maxWaiting })
  const wrong = new WrongInARow()
  /** One that only ever brings wrong passwords leaves a place free, so that others need not wait for its checks. */
  const placesOf = (client: string) => (wrong.isSuspect(client) ? queue.concurrency - 1 : Infinity)
  let arranged = false
  /** After the first hash, when the threads exist. */
  const arrange = () => {
    if (arranged) return
    arranged = true
    if (yieldToEventLoop() && concurrency === undefined) queue.allow(cores)
  }
  return {
    async hash(password, client = '') {
      if (isTooLong(password)) throw new PasswordTooLongError()
      return queue.run(client, () => argon2Hash(password, cost).finally(arrange))
    },
    verify: (stored, password, client = '', first) =>
      queue.run(
        client,
        async () => {
          await first?.()
          const right = await check(stored, password, cost).finally(arrange)
          wrong.note(client, right)
          return right
        },
        placesOf(client),
      ),
    needsRehash(stored) {
      const known = parse(stored)
      return known !== undefined && !(known.kind === 'argon2' && known.phc === stored && known.parameters === parametersOf(cost))
    },
    pending: () => queue.pending,
  }
}

/** From so many wrong passwords in a row on, a client is taken for one that guesses. */
const SUSPECT = 10
const MOST_CLIENTS = 10_000

/** How many wrong passwords came from a client since its last right one; of the clients that were heard last. */
class WrongInARow {
  readonly #counts = new Map<string, number>()

  note(client: string, right: boolean): void {
    const count = this.#counts.get(client) ?? 0
    this.#counts.delete(client)
    if (right) return
    if (this.#counts.size >= MOST_CLIENTS) this.#counts.delete(this.#counts.keys().next().value!)
    this.#counts.set(client, count + 1)
  }

  isSuspect(client: string): boolean {
    return (this.#counts.get(client) ?? 0) >= SUSPECT
  }
}

const isTooLong = (password: string) => password.length > MAX_PASSWORD_BYTES || Buffer.byteLength(password) > MAX_PASSWORD_BYTES

async function check(stored: string | null | undefined, password: string, cost: typeof COST): Promise<boolean> {
  const known = stored ? parse(stored) : undefined
  if (!known || isTooLong(password)) {
    await argon2Hash(password.slice(0, MAX_PASSWORD_BYTES), cost) // the same work as a check
    return false
  }
  if (known.kind === 'argon2') return argon2Verify(known.phc, password)
  const derived = await derive(password, known.salt, known.iterations, 32, 'sha256')
  return secretsEqual(derived, known.hash)
}

/** How a hash made at this cost begins. */
const parametersOf = ({ memoryCost, timeCost, parallelism }: typeof COST) => `argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}`

type Parsed = { kind: 'argon2'; phc: string; parameters: string } | { kind: 'pbkdf2'; iterations: number; salt: string; hash: Uint8Array }

/** Undefined for what can never match: unusable, unknown, out of bounds. */
function parse(stored: string): Parsed | undefined {
  const argon2 = ARGON2.exec(stored)
  if (argon2) {
    const [, phc = '', version, memory, passes, lanes] = argon2
    const [m, t, p] = [Number(memory), Number(passes), Number(lanes)]
    if (version !== '19' || m > MAX_MEMORY_KIB || t > MAX_PASSES || p > MAX_LANES || t < 1 || p < 1 || m < 8 * p) return undefined
    return { kind: 'argon2', phc, parameters: phc.split('$', 4).slice(1).join('$') }
  }
  const pbkdf2 = PBKDF2.exec(stored)
  if (pbkdf2) {
    const [, iterations, salt = '', encoded = ''] = pbkdf2
    const hash = Buffer.from(encoded, 'base64')
    if (Number(iterations) < 1 || Number(iterations) > MAX_ITERATIONS || hash.length !== 32) return undefined
    return { kind: 'pbkdf2', iterations: Number(iterations), salt, hash }
  }
  return undefined
}

/** Whether a stored form can ever match a password, for those who bring one from elsewhere. */
export const isUsable = (stored: string | null | undefined): boolean => stored != null && parse(stored) !== undefined

/** A stored form that no password matches, for accounts that sign in another way. */
export const unusablePassword = (random?: RandomBytes): string => `!${randomString(40, LETTERS_AND_DIGITS, random)}`
