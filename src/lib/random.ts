import { randomBytes } from 'node:crypto'

/** A source of random bytes: as many as asked for. */
export type RandomBytes = (size: number) => Uint8Array

const POOL = 4096 // bytes
/** More at once is asked of the system itself. */
const MOST_OF_POOL = 256
let pool = new Uint8Array(0)
let next = 0

/** The system's generator, fit for secrets. Asked for many bytes at a time, which are given out once each and forgotten: a call to it costs more than they do. */
export const systemRandom: RandomBytes = size => {
  if (size > MOST_OF_POOL) return randomBytes(size)
  if (next + size > pool.length) {
    pool = new Uint8Array(randomBytes(POOL))
    next = 0
  }
  const end = next + size
  const bytes = pool.slice(next, end)
  pool.fill(0, next, end)
  next = end
  return bytes
}

export const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
export const DIGITS = '0123456789'

/**
 * `length` characters, each drawn from the alphabet (2 to 256 ASCII characters) with the same chance.
 * Bytes that would favour the alphabet's beginning are thrown away.
 */
export function randomString(length: number, alphabet: string = LETTERS_AND_DIGITS, random: RandomBytes = systemRandom): string {
  if (alphabet.length < 2 || alphabet.length > 256) throw new RangeError('An alphabet has 2 to 256 characters.')
  const limit = 256 - (256 % alphabet.length)
  const result = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const bytes = random(Math.ceil((length - filled) * 1.25))
    for (let index = 0; index < bytes.length && filled < length; index++) {
      const byte = bytes[index]!
      if (byte < limit) result[filled++] = alphabet.charCodeAt(byte % alphabet.length)
    }
  }
  return result.toString('latin1')
}

/** A whole number from 0 up to but without `limit` (at most 2^32), each with the same chance. */
export function randomInteger(limit: number, random: RandomBytes = systemRandom): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32) throw new RangeError('A limit is a whole number from 1 to 2^32.')
  const fair = 2 ** 32 - (2 ** 32 % limit)
  for (;;) {
    const [a = 0, b = 0, c = 0, d = 0] = random(4)
    const value = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    if (value < fair) return value % limit
  }
}

/** A random UUID (RFC 9562 §5.4), lower case. */
export const randomUuid = (random: RandomBytes = systemRandom): string => {
  const bytes = random(16)
  return uuidOf(hexOf(bytes, 0, 6), bytes, 6, 4)
}

/**
 * A UUID that begins with the time, to the millisecond (RFC 9562 §5.7): 74 bits are random. For keys of tables that grow by every request:
 * those of one moment lie together in an index, where random ones would change a page each.
 */
export const timeOrderedUuid = (now: Date, random: RandomBytes = systemRandom): string =>
  uuidOf(now.getTime().toString(16).padStart(12, '0'), random(10), 0, 7)

// Such keys are made several times a request: a table beats a buffer that is filled, written as hex and cut into five.
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hexOf(bytes: Uint8Array, from: number, to: number): string {
  let hex = ''
  for (let index = from; index < to; index++) hex += HEX[bytes[index]!]!
  return hex
}

/** @param first the six bytes that it begins with, as hex; the other ten stand in `bytes` from `at` on */
function uuidOf(first: string, bytes: Uint8Array, at: number, version: number): string {
  const versioned = HEX[(bytes[at]! & 0x0f) | (version << 4)]! + HEX[bytes[at + 1]!]!
  const variant = HEX[(bytes[at + 2]! & 0x3f) | 0x80]! + HEX[bytes[at + 3]!]!
  return `${first.slice(0, 8)}-${first.slice(8)}-${versioned}-${variant}-${hexOf(bytes, at + 4, at + 10)}`
}
