/**
 * Solves the puzzles of src/stages/captcha/proof-of-work.ts, where their form is described. Served to everybody as
 * `/static/dist/proof-of-work.js`, which challenges name as `js_url`.
 */

const PARTS = 16
const PARTS_BITS = 4
/** ms of work between two breaths: the page goes on answering to its keys. */
const BREATH = 12

/**
 * Works on a puzzle (a challenge's `site_key`) until it is solved. `progress` hears the share that is done, from 0 to 1.
 * @returns the `token` to answer with
 * @throws Error when it is no puzzle, and when `signal` says that nobody waits for it any more
 */
export async function solve(puzzle: string, progress: (share: number) => void = () => {}, signal?: AbortSignal): Promise<string> {
  const [bits = '', , nonce = ''] = puzzle.split('.')
  if (!/^\d{1,2}$/.test(bits) || !/^[\w-]{22}$/.test(nonce)) throw new Error('This is not a puzzle.')
  const numbers: number[] = []
  let rested = performance.now()
  for (let part = 0; part < PARTS; part++) {
    const search = searcher(`${nonce}.${part}.`, Number(bits) - PARTS_BITS)
    let found: number | undefined
    while ((found = search()) === undefined) {
      if (performance.now() - rested < BREATH) continue
      await breath()
      signal?.throwIfAborted()
      rested = performance.now()
    }
    numbers.push(found)
    progress((part + 1) / PARTS)
  }
  return `${puzzle}:${numbers.join(',')}`
}

/** Lets the page do what has come up meanwhile. Not a timer: browsers hold those back. */
const breath = (): Promise<void> =>
  new Promise(resolve => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })

/** Tries so many numbers at a call; the number when one fits. */
const BATCH = 500

function searcher(prefix: string, bits: number): () => number | undefined {
  const limit = 2 ** (32 - bits)
  const block = new Uint32Array(64)
  const start = [...prefix].map(character => character.charCodeAt(0))
  let next = 0
  return () => {
    for (const end = next + BATCH; next < end; next++) {
      if (firstWord(block, start, String(next)) < limit) return next
    }
    return undefined
  }
}

/** The first 2^-32 of a fraction, as whole numbers: what SHA-256 takes its constants from (FIPS 180-4 §4.2.2, §5.3.3). */
const fraction = (value: number): number => ((value - Math.floor(value)) * 2 ** 32) | 0
const primes: number[] = []
for (let n = 2; primes.length < 64; n++) if (primes.every(prime => n % prime !== 0)) primes.push(n)
const K = Int32Array.from(primes, prime => fraction(Math.cbrt(prime)))
const H = Int32Array.from(primes.slice(0, 8), prime => fraction(Math.sqrt(prime)))

/** The first 32 bits of SHA-256 of a text of at most 55 ASCII characters: one block. `w` is working space of 64 words. */
function firstWord(w: Uint32Array, start: readonly number[], rest: string): number {
  w.fill(0, 0, 16)
  const length = start.length + rest.length
  for (let i = 0; i < length; i++) {
    const code = i < start.length ? start[i]! : rest.charCodeAt(i - start.length)
    w[i >> 2]! |= code << (24 - (i & 3) * 8)
  }
  w[length >> 2]! |= 0x80 << (24 - (length & 3) * 8)
  w[15] = length * 8
  for (let i = 16; i < 64; i++) {
    const a = w[i - 15]!
    const b = w[i - 2]!
    const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3)
    const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10)
    w[i] = w[i - 16]! + s0 + w[i - 7]! + s1
  }
  let [a, b, c, d, e, f, g, h] = H as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  return (a + H[0]!) >>> 0
}
