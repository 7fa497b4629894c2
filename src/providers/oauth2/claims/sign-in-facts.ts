import type { Session } from '../../../core/session/session.ts'

/** What tokens say of a sign-in, for as long as the grant lives. */
export type SignInFacts = {
  /** Names the session towards clients: hex SHA-256 of its key; null for machines. */
  sid: string | null
  auth_time: Date | null
  /** RFC 8176, plus `user` for a passkey alone, as clients of this API know it. */
  amr: string[]
  /** The context class that was wanted and is met; null: the usual one. */
  acr?: string | null
}

/** The session's row is keyed by the same hash in another spelling, as long as its key was not changed. */
export const sidOf = ({ sid, session_hash: hash }: Pick<Session, 'sid' | 'session_hash'>): string =>
  Buffer.from(sid ?? hash, 'base64url').toString('hex')

const METHODS: Readonly<Record<string, string>> = { password: 'pwd', auth_webauthn_pwl: 'user', mtls: 'sc' }

function amrOf({ auth_method: method, auth_method_args: args }: Session): string[] {
  const devices = args?.mfa_devices
  const first = method === null ? undefined : METHODS[method]
  return [...(first ? [first] : []), ...(Array.isArray(devices) && devices.length > 0 ? ['mfa'] : [])]
}

export const signInFacts = (session: Session): SignInFacts => ({
  sid: sidOf(session),
  auth_time: session.auth_time,
  amr: amrOf(session),
})

export const machineFacts = (now: Date): SignInFacts => ({ sid: null, auth_time: now, amr: [] })
