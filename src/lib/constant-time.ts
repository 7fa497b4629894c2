import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

// A key of this process alone: without it nobody can choose texts whose digests share a beginning.
const key = randomBytes(32)

const digest = (secret: string | Uint8Array) => createHmac('sha256', key).update(secret).digest()

/** Whether two secrets of any length are equal, in a time that does not tell where they differ. */
export const secretsEqual = (a: string | Uint8Array, b: string | Uint8Array): boolean => timingSafeEqual(digest(a), digest(b))
