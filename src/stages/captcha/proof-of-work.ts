import { createHash } from 'node:crypto'
import { countAttempt } from '../../core/attempts.ts'
import type { Ctx } from '../../context.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import { toBase64url } from '../../lib/base64url.ts'

/**
 * A captcha that asks nobody else: the browser looks for numbers whose SHA-256 begins with zeros. It costs a person a moment and
 * nothing to read or click, and whoever tries thousands of times as many moments. A stage uses it when its `api_url` is the path below
 * (`?bits=17` sets the difficulty); its keys are not used then.
 *
 * Puzzle, the challenge's `site_key`: `<bits>.<end>.<nonce>.<signature>`, end in seconds since 1970. Answer, the `token`:
 * `<puzzle>:<n0>,<n1>,…`, a decimal number for each of the parts. Part i is solved when SHA-256 of `<nonce>.<i>.<n>` begins with
 * `bits - 4` zero bits: sixteen small searches take as long as a large one, but not once in a while five times as long.
 */

/** `api_url` of stages that use this. */
export const OWN_ADDRESS = '/proof-of-work/'

/** Script that solves puzzles, below the server's own path: an ES module that exports `solve(puzzle, progress)`. */
export const OWN_SCRIPT = '/static/dist/proof-of-work.js'

/** A puzzle's parts: 2^4. */
const PARTS = 16
const PARTS_BITS = 4

/** About a quarter of a second on a desk and two seconds on a slow phone. */
const DEFAULT_BITS = 17
export const LEAST_BITS = 8
export const MOST_BITS = 24

/** How long a puzzle is good for. One that is half over is not handed out again. */
const LIFE = 10 * 60 // seconds

const KEY = 'proof of work'

export const isOwn = (address: string): boolean => address.split('?', 1)[0] === OWN_ADDRESS

/** The difficulty that an address of ours names, in bits: 2^bits hashes on average. Undefined when it names none that is allowed. */
export function readDifficulty(address: string): number | undefined {
  const sent = new URLSearchParams(address.split('?')[1] ?? '').get('bits')
  if (sent === null) return DEFAULT_BITS
  const bits = /^\d{1,2}$/.test(sent) ? Number(sent) : Number.NaN
  return bits >= LEAST_BITS && bits <= MOST_BITS ? bits : undefined
}

type Puzzle = { bits: number; end: number; nonce: string }

const signature = (ctx: Ctx, stage: string, { bits, end, nonce }: Puzzle): string =>
  ctx.secrets.hmac(KEY, `${stage}.${bits}.${end}.${nonce}`)

const seconds = (ctx: Ctx): number => Math.floor(ctx.now().getTime() / 1000)

/** A new puzzle for a stage. */
function makePuzzle(ctx: Ctx, stage: string, bits: number): string {
  const puzzle = { bits, end: seconds(ctx) + LIFE, nonce: toBase64url(ctx.randomBytes(16)) }
  return `${bits}.${puzzle.end}.${puzzle.nonce}.${signature(ctx, stage, puzzle)}`
}

/** Takes a puzzle apart; undefined when it was not made here, or for another stage. */
function readPuzzle(ctx: Ctx, stage: string, text: string): Puzzle | undefined {
  const found = /^(\d{1,2})\.(\d{1,12})\.([\w-]{22})\.([\w-]{43})$/.exec(text)
  if (!found) return undefined
  const puzzle = { bits: Number(found[1]), end: Number(found[2]), nonce: found[3]! }
  return secretsEqual(found[4]!, signature(ctx, stage, puzzle)) ? puzzle : undefined
}

/** The puzzle for a browser: the one it has, while that is good for some time yet and as hard as it should be; else a new one. */
export function puzzleFor(ctx: Ctx, stage: string, address: string, current: unknown): string {
  const bits = readDifficulty(address) ?? DEFAULT_BITS
  const known = typeof current === 'string' ? readPuzzle(ctx, stage, current) : undefined
  return known && known.bits === bits && known.end - seconds(ctx) > LIFE / 2 ? (current as string) : makePuzzle(ctx, stage, bits)
}

const beginsWithZeros = (hash: Uint8Array, bits: number): boolean => {
  const whole = bits >> 3
  return hash.subarray(0, whole).every(byte => byte === 0) && (hash[whole] ?? 0) >> (8 - (bits & 7)) === 0
}

/** What is wrong with an answer, in the words that providers of captchas use for it; undefined when it is right. Takes sixteen hashes. */
export async function judge(ctx: Ctx, stage: string, handedOut: unknown, token: string): Promise<string | undefined> {
  const [text = '', answer = ''] = token.split(':', 2)
  const puzzle = text === handedOut ? readPuzzle(ctx, stage, text) : undefined
  if (!puzzle) return 'invalid-input-response'
  if (puzzle.end < seconds(ctx)) return 'expired-input-response'
  const numbers = answer.split(',', PARTS + 1)
  const solved = numbers.length === PARTS && numbers.every((number, part) => solves(puzzle, part, number))
  if (!solved) return 'invalid-input-response'
  // Counted where every process sees it: of two answers at the same moment one is the first.
  const uses = await countAttempt(ctx, `proof-of-work ${puzzle.nonce}`, LIFE * 1000)
  return uses === 1 ? undefined : 'already-seen-response'
}

const solves = ({ bits, nonce }: Puzzle, part: number, number: string): boolean =>
  /^\d{1,10}$/.test(number) && beginsWithZeros(createHash('sha256').update(`${nonce}.${part}.${number}`).digest(), bits - PARTS_BITS)
