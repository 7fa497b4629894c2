import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { formatIp, parseIp } from '../../lib/ip.ts'

/** After which wrong passwords count no more. */
const WINDOW = 15 * 60_000 // ms

/** Wrong passwords for one account from one address that nobody has to wait for. */
const FREE = 5
/** The same while many are tried on the account from many addresses: one, so that its owner can still get in from a new one. */
const FREE_UNDER_ATTACK = 1
/** Wrong passwords for one account, from anywhere, that count as an attack. */
const ATTACK = 30
/** Wrong passwords for any accounts from one address that nobody has to wait for: many people may share one. */
const FREE_OF_ADDRESS = 100

const LONGEST = 300_000 // ms
const LONGEST_OF_ADDRESS = 60_000 // ms

/** Who is said to sign in, and from where. */
export type Attempt = {
  /** The account's key, or the name that was typed where there is none: those who guess must not learn which. */
  account: number | string
  /** Whether this browser or address belongs to the account; only asked when it matters. */
  known?: () => Promise<boolean>
}

/** A password is not even looked at: too many wrong ones came before it. */
export class SlowDownError extends Error {
  /** Until the next one may come. */
  readonly seconds: number
  constructor(seconds: number) {
    super(`Too many wrong passwords. Please try again in ${seconds} seconds.`)
    this.name = 'SlowDownError'
    this.seconds = seconds
  }
}

type Keys = { pair: string; account: string; address: string }

/** One customer's network of IPv6 counts as one address: each has more of them than could be counted. */
function network(address: string): string {
  const ip = parseIp(address)
  return ip?.version === 6 ? formatIp({ version: 6, bytes: ip.bytes.map((byte, index) => (index < 8 ? byte : 0)) }) : address
}

function keysOf(ctx: Ctx, { account }: Attempt): Keys {
  const whose = typeof account === 'number' ? `#${account}` : account.trim().toLowerCase()
  const from = network(ctx.request?.clientIp ?? '')
  return {
    pair: hashToken(`password ${from} for ${whose}`),
    account: hashToken(`password for ${whose}`),
    address: hashToken(`password from ${from}`),
  }
}

type Count = { failures: number; last: Date }

/** ms that are left of the pause after the last of so many wrong passwords: it doubles with each. */
function pause(ctx: Ctx, { failures, last }: Count, free: number, longest: number): number {
  if (failures < free) return 0
  const length = Math.min(1000 * 2 ** Math.min(failures - free, 20), longest)
  return last.getTime() + length - ctx.now().getTime()
}

/**
 * Refuses an attempt that comes too soon after wrong ones for the same account, or too many from the same address, in whichever
 * process those were. A right password from another address is never refused.
 * @throws SlowDownError
 */
export async function admitAttempt(ctx: Ctx, attempt: Attempt): Promise<void> {
  if (ctx.request === null) return
  const keys = keysOf(ctx, attempt)
  const rows = await ctx.db
    .selectFrom('password_attempt')
    .select(['key_hash', 'failures', 'last'])
    .where('key_hash', 'in', Object.values(keys))
    .where('expires', '>', ctx.now())
    .execute()
  if (rows.length === 0) return
  const count = (key: string): Count => rows.find(row => row.key_hash === key) ?? { failures: 0, last: new Date(0) }
  const known = async () => (await attempt.known?.()) ?? false
  const attacked = count(keys.account).failures >= ATTACK && !(await known())
  const ofPair = pause(ctx, count(keys.pair), attacked ? FREE_UNDER_ATTACK : FREE, LONGEST)
  const ofAddress = pause(ctx, count(keys.address), FREE_OF_ADDRESS, LONGEST_OF_ADDRESS)
  const left = Math.max(ofPair, ofAddress > 0 && !(await known()) ? ofAddress : 0)
  if (left > 0) throw new SlowDownError(Math.ceil(left / 1000))
}

/** Notes that a password was wrong. One statement, so that many at once are all counted, in whichever process. */
export async function noteWrongPassword(ctx: Ctx, attempt: Attempt): Promise<void> {
  if (ctx.request === null) return
  const now = ctx.now()
  const fresh = { failures: 1, last: now, expires: new Date(now.getTime() + WINDOW) }
  // In one order, so that two of them never wait for each other.
  const keys = Object.values(keysOf(ctx, attempt)).toSorted()
  await ctx.db
    .insertInto('password_attempt')
    .values(keys.map(key_hash => ({ key_hash, ...fresh })))
    .onConflict(conflict =>
      conflict.column('key_hash').doUpdateSet({
        failures: sql<number>`case when password_attempt.expires <= ${now} then 1 else password_attempt.failures + 1 end`,
        last: fresh.last,
        expires: fresh.expires,
      }),
    )
    .execute()
}

/** Forgets the wrong passwords for an account from an address, now that a right one came from there. */
export async function noteRightPassword(ctx: Ctx, attempt: Attempt): Promise<void> {
  if (ctx.request === null) return
  const { pair } = keysOf(ctx, attempt)
  const there = await ctx.db.selectFrom('password_attempt').select('key_hash').where('key_hash', '=', pair).executeTakeFirst()
  // Nearly always there is nothing to forget, and nothing is written.
  if (there) await ctx.db.deleteFrom('password_attempt').where('key_hash', '=', pair).execute()
}
