import type { Ctx } from '../../context.ts'
import type { Run } from '../../flows/stage.ts'
import { toBase64url } from '../../lib/base64url.ts'
import { lazy } from '../../lib/lazy.ts'

/** What both ceremonies of WebAuthn share: the challenge, who relies on it, and where the browser must have been. */

/** The verifier of attestations and assertions, and all that it brings along. */
export const verifier = lazy(() => import('@simplewebauthn/server'))

/** Where plans keep the challenge that is out. */
const CHALLENGE = 'goauthentik.io/stages/authenticator_webauthn/challenge'

/** How long browsers wait for the person, ms: the least that the recommendation has for people who need time (WebAuthn 3 §15.1). */
export const TIMEOUT = 300_000

type Issued = { stage: string; challenge: string }

/**
 * The challenge of the stage that is due, 32 random bytes in base64url. It stays until it is answered, so that a second tab does not
 * make the first one's passkey worthless; `spendChallenge` ends it.
 */
export function challengeOf({ ctx, plan, stage }: Run): string {
  const known = plan.context[CHALLENGE] as Issued | undefined
  if (known && known.stage === stage.stage_uuid) return known.challenge
  const challenge = toBase64url(ctx.randomBytes(32))
  plan.context[CHALLENGE] = { stage: stage.stage_uuid as string, challenge } satisfies Issued
  return challenge
}

/** The challenge that an answer must be over; undefined when none is out. Right or wrong, the answer was the only one to it. */
export function spendChallenge({ plan, stage }: Run): string | undefined {
  const known = plan.context[CHALLENGE] as Issued | undefined
  delete plan.context[CHALLENGE]
  return known && known.stage === stage.stage_uuid ? known.challenge : undefined
}

/**
 * Origin and relying party of the request: the scheme and host of the page that asks, and that host without its port. Both come from the
 * address behind trusted proxies, never from what the answer says.
 */
export function relyingParty(ctx: Ctx): { origin: string; id: string } {
  const url = new URL(ctx.request!.origin)
  return { origin: url.origin, id: url.hostname }
}
