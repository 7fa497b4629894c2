import type { Row } from '../../../api/model.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { randomString, type RandomBytes } from '../../../lib/random.ts'

/**
 * Where a code or token is found: by the family that it names, which is no secret, and by its hash. Families begin with the time, so that what is
 * made at one moment lies together in the index; by the hash alone, each would change a page of its own, which cost more than all the rest of
 * its row.
 */
export type Handle = { family: string; hash: string }

const SECRET_LENGTH = 96
/** Makes the `uid` of an access token one of many of its family. */
const SERIAL_LENGTH = 8

const HANDLE = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})/

/** A new code or refresh token of a family: its handle, and 570 bits that nobody guesses. */
export const newSecret = (family: string, random: RandomBytes): string =>
  family.replaceAll('-', '') + randomString(SECRET_LENGTH, undefined, random)

/** The claim `uid` of a new access token of a family. */
export const newUid = (family: string, random: RandomBytes): string =>
  family.replaceAll('-', '') + randomString(SERIAL_LENGTH, undefined, random)

/** undefined: it does not begin with a handle, and so is nothing of ours. */
const handleOf = (named: unknown, presented: string): Handle | undefined => {
  const parts = typeof named === 'string' ? HANDLE.exec(named) : null
  return parts ? { family: parts.slice(1).join('-'), hash: hashToken(presented) } : undefined
}

/** Where a code or refresh token would be. */
export const secretHandle = (presented: string): Handle | undefined => handleOf(presented, presented)

/**
 * Where an access token would be: its claim `uid` says so, or the header that repeats it where the claims are encrypted (RFC 7519 §5.3). Nothing
 * of it is believed but by the hash.
 */
export function accessHandle(presented: string): Handle | undefined {
  const parts = presented.split('.', 6)
  const open = parts.length === 3 ? parts[1] : parts.length === 5 ? parts[0] : undefined
  if (open === undefined) return undefined
  try {
    return handleOf((JSON.parse(Buffer.from(open, 'base64url').toString()) as Row | null)?.uid, presented)
  } catch {
    return undefined // no JWT
  }
}
