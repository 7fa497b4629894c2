import type { JWTPayload } from 'jose'
import type { Ctx } from '../../context.ts'
import type { Back } from '../arrive.ts'
import { SourceError } from './error.ts'
import type { ProviderType } from './types/type.ts'

/** How far the clocks of the source and ours may be apart, and how long an answer may take: s. */
const TOLERANCE = 60

/** Whether a source can be told how fresh a sign-in must be. Those with addresses of their own kind have other words for it, or none. */
const understands = ({ type }: { type: ProviderType }): boolean => type.idToken && type.urls_customizable

/** What the source is asked for (OIDC Core §3.1.2.1). */
export function freshParameters(upstream: { type: ProviderType }, { again, fresh }: Back): Record<string, string> {
  if (!understands(upstream)) return {}
  const { maxAge = null } = fresh ?? {}
  return { ...((again || fresh?.again) && { prompt: 'login' }), ...(maxAge !== null && { max_age: String(maxAge) }) }
}

/**
 * Whether what came back is what was asked for: a source that was told an age must say when it asked the person (OIDC Core §2 `auth_time`), and what it
 * says must be recent enough. An application that wants people asked anew is not told that they were when the source did not ask.
 * @param claims of its ID token; undefined: it gave none
 * @param left when the person left for the source: ms
 * @throws SourceError
 */
export function requireFresh(ctx: Ctx, upstream: { type: ProviderType }, claims: JWTPayload | undefined, back: Back, left: number): void {
  const { maxAge = null } = back.fresh ?? {}
  const again = back.again || back.fresh?.again
  if (!understands(upstream) || (!again && maxAge === null)) return
  const at = claims?.auth_time
  if (typeof at !== 'number') {
    if (maxAge !== null) throw new SourceError('The source does not say when it asked you to sign in, which the application wants to know.')
    return
  }
  const oldest = again ? left / 1000 : ctx.now().getTime() / 1000 - maxAge!
  if (at < oldest - TOLERANCE) throw new SourceError('The source did not ask you to sign in again, which the application wants.')
}
