import type { Ctx } from '../../context.ts'

/** A phone number without what people write between its digits; undefined when it can be none. E.164 has fifteen digits at most. */
export function normalNumber(typed: string): string | undefined {
  const number = typed.replaceAll(/[\s().\-/]/g, '')
  return /^\+?\d{5,15}$/.test(number) ? number : undefined
}

/** The number as it is shown to whoever has only a password yet. */
export const maskNumber = (number: string): string => `***${number.slice(-3)}`

const HASHED = 'hash:'

/** What is kept of a number that was only to be verified: enough to know it again. Keyed, since all numbers there are can be tried. */
export const hashNumber = (ctx: Ctx, number: string): string => HASHED + ctx.secrets.hmac('phone number', number)

export const isHashed = (stored: string): boolean => stored.startsWith(HASHED)
