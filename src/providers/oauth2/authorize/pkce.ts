import { hash } from 'node:crypto'
import { secretsEqual } from '../../../lib/constant-time.ts'

export const CHALLENGE_METHODS = ['S256', 'plain'] as const
export type ChallengeMethod = (typeof CHALLENGE_METHODS)[number]

/** 43 to 128 unreserved characters, RFC 7636 §4.1 and §4.2. */
const UNRESERVED = /^[A-Za-z0-9._~-]{43,128}$/

/** Whether a challenge has the form that its method gives it, RFC 7636 §4.2. */
export const isChallenge = (challenge: string, method: ChallengeMethod): boolean =>
  method === 'S256' ? /^[A-Za-z0-9_-]{43}$/.test(challenge) : UNRESERVED.test(challenge)

/** RFC 7636 §4.6: whether the verifier is the one that the challenge was made from. */
export function verifierMatches(verifier: string, challenge: string, method: ChallengeMethod): boolean {
  if (!UNRESERVED.test(verifier)) return false
  return secretsEqual(method === 'S256' ? hash('sha256', verifier, 'base64url') : verifier, challenge)
}
