/** How a source finds the account of somebody that it does not know yet. */
export type MatchingMode = 'identifier' | 'email_link' | 'email_deny' | 'username_link' | 'username_deny'

/** What is known when somebody comes from a source. Accounts are keys. */
export type MatchingFacts = {
  mode: MatchingMode
  /** Who is signed in and means to connect the source; null for a sign-in. */
  signedIn: number | null
  /** Whose the identifier is at this source already. */
  connected: number | null
  /** The property that the mode looks at, as mapped; undefined or empty when the source does not tell. */
  property: string | undefined
  /** Whether the source vouches for the e-mail address. */
  emailVerified: boolean | undefined
  /** Accounts with exactly that property. */
  candidates: readonly number[]
}

/** Why nothing comes of it. */
export type MatchingFailure =
  /** The source does not tell what the mode looks at. */
  | 'missing_property'
  /** The source does not vouch for the address. */
  | 'unverified'
  /** Several accounts have it. */
  | 'ambiguous'
  /** An account has it, and the mode connects none. */
  | 'exists'
  /** The identity is connected to somebody else's account. */
  | 'taken'

export type Matching =
  /** Known: it is this account's. */
  | { action: 'authenticate'; user: number }
  /** Becomes this account's; `proven` by the session or by the address. */
  | { action: 'link'; user: number; proven: 'session' | 'email' }
  /** Becomes this account's once its owner has signed in by other means: a name that somebody chose elsewhere proves nothing. */
  | { action: 'prove'; user: number }
  | { action: 'enroll' }
  | { action: 'deny'; reason: MatchingFailure }

/** The column that a mode compares; undefined where it compares none. */
export const propertyOf = (mode: MatchingMode): 'email' | 'username' | undefined =>
  mode.startsWith('email_') ? 'email' : mode.startsWith('username_') ? 'username' : undefined

const deny = (reason: MatchingFailure): Matching => ({ action: 'deny', reason })

/**
 * Whose account an identity of a source is. A connection that stands counts before everything else. Without one, an account is only
 * connected by its own session, or by an address that the source vouches for, and never by a name.
 */
export function match({ mode, signedIn, connected, property, emailVerified, candidates }: MatchingFacts): Matching {
  if (signedIn !== null) {
    if (connected === null) return { action: 'link', user: signedIn, proven: 'session' }
    return connected === signedIn ? { action: 'authenticate', user: signedIn } : deny('taken')
  }
  if (connected !== null) return { action: 'authenticate', user: connected }
  const compared = propertyOf(mode)
  if (compared === undefined) return { action: 'enroll' }
  if (property === undefined || property === '') return deny('missing_property')
  const [user, ...others] = candidates
  if (user === undefined) return { action: 'enroll' }
  if (mode.endsWith('_deny')) return deny('exists')
  if (others.length > 0) return deny('ambiguous')
  if (compared === 'username') return { action: 'prove', user }
  return emailVerified === true ? { action: 'link', user, proven: 'email' } : deny('unverified')
}
