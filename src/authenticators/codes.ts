import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { DIGITS, randomString } from '../lib/random.ts'

/** Codes that are sent to people: six digits, kept as a keyed hash until they are used, replaced, or too old. */

const LENGTH = 6

/** What the code of a device is kept under. */
export const deviceCode = (device: Row): string => `device ${String(device.id)}`

const hashOf = (ctx: Ctx, key: string, code: string): string => ctx.secrets.hmac('authenticator code', `${key} ${code}`)

/**
 * A new code under a key; the one before, if any, is worth nothing from here on.
 * @param key `deviceCode` of a device, or a random text that only the set-up under way knows
 */
export async function issueCode(ctx: Ctx, key: string, expires: Date): Promise<string> {
  const code = randomString(LENGTH, DIGITS, ctx.randomBytes)
  const row = { code_hash: hashOf(ctx, key, code), expires }
  await ctx.db
    .insertInto('authenticator_code')
    .values({ key, ...row })
    .onConflict(conflict => conflict.column('key').doUpdateSet(row))
    .execute()
  return code
}

/** Forgets the code under a key: it could not be sent, or its address is no longer the right one. */
export const revokeCode = (ctx: Ctx, key: string) => ctx.db.deleteFrom('authenticator_code').where('key', '=', key).execute()

/** Spends a code: true for the one caller that got there first. One statement, so that of many who send it at once one gets through. */
export async function spendCode(ctx: Ctx, key: string, code: string): Promise<boolean> {
  // People copy codes with the spaces that mail programs show.
  const typed = code.replaceAll(/\s/g, '')
  const { numDeletedRows } = await ctx.db
    .deleteFrom('authenticator_code')
    .where('key', '=', key)
    .where('code_hash', '=', hashOf(ctx, key, typed))
    .where('expires', '>', ctx.now())
    .executeTakeFirst()
  return numDeletedRows > 0n
}
