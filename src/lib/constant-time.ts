import { hash, randomBytes } from 'node:crypto'

// A key of this process alone: without it nobody can tell or choose what a digest begins with.
const key = randomBytes(32).toString('hex')
const keyBytes = Buffer.from(key)

const digest = (secret: string | Uint8Array): string =>
  hash('sha256', typeof secret === 'string' ? key + secret : Buffer.concat([keyBytes, secret]))

/**
 * Whether two secrets of any length are equal. What is compared are digests that nobody outside can know: how far they are alike, and
 * with it the time, says nothing of the secrets.
 */
export const secretsEqual = (a: string | Uint8Array, b: string | Uint8Array): boolean => digest(a) === digest(b)

/** The same for a secret that much is compared with: its own digest is made once, when it is first needed. */
export function secretMatcher(secret: string): (presented: string) => boolean {
  let known: string | undefined
  return presented => digest(presented) === (known ??= digest(secret))
}
