import type { Ctx } from '../../../context.ts'
import { secretsEqual } from '../../../lib/constant-time.ts'
import type { AuthorizationRequest } from './request.ts'

/**
 * The mark that the way back from the sign-in page carries: when this very request sent the person there. A sign-in after that moment
 * satisfies `prompt=login` and `max_age`; coming back without one means that it was not completed.
 */
export const PROMPTED = 'prompted'

/** A mark older than this is none: who took so long is asked again. */
const MAX_AGE = 3_600_000 // ms

/** What a mark says: when the person was sent, whether with the name that the client had guessed filled in, and whether they would rather not. */
export type Prompted = { at: number; hinted: boolean; gaveUp: boolean }

const seal = (ctx: Ctx, request: AuthorizationRequest, said: string): string =>
  ctx.secrets.hmac(
    'oauth2 prompted',
    JSON.stringify([said, request.client_id, request.delivery, request.nonce, request.challenge, request.prompt, request.max_age]),
  )

/** @param how `h`: with a name filled in; `x`: for the link by which the person gives up */
export function promptedMark(ctx: Ctx, request: AuthorizationRequest, how: '' | 'h' | 'x'): string {
  const said = `${ctx.now().getTime()}${how}`
  return `${said}.${seal(ctx, request, said)}`
}

/** What a mark says that we made for this request; undefined for any other text. */
export function promptedBefore(ctx: Ctx, request: AuthorizationRequest, mark: string | undefined): Prompted | undefined {
  const [, said, at, how, tag] = /^((\d{1,16})([hx]?))\.([\w-]{43})$/.exec(mark ?? '') ?? []
  if (said === undefined || tag === undefined || !secretsEqual(tag, seal(ctx, request, said))) return undefined
  return ctx.now().getTime() - Number(at) <= MAX_AGE ? { at: Number(at), hinted: how === 'h', gaveUp: how === 'x' } : undefined
}
