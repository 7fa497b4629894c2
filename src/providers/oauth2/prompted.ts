import type { Ctx } from '../../context.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import type { AuthorizationRequest } from './authorization-request.ts'

/**
 * The mark that the way back from the sign-in page carries: when this very request sent the person there. A sign-in after that moment
 * satisfies `prompt=login` and `max_age`; coming back without one means that it was not completed.
 */
export const PROMPTED = 'prompted'

/** A mark older than this is none: who took so long is asked again. */
const MAX_AGE = 3_600_000 // ms

const seal = (ctx: Ctx, request: AuthorizationRequest, at: string): string =>
  ctx.secrets.hmac(
    'oauth2 prompted',
    JSON.stringify([at, request.client_id, request.delivery, request.nonce, request.challenge, request.prompt, request.max_age]),
  )

export function promptedMark(ctx: Ctx, request: AuthorizationRequest): string {
  const at = String(ctx.now().getTime())
  return `${at}.${seal(ctx, request, at)}`
}

/** The moment of a mark that we made for this request; undefined for any other text. */
export function promptedAt(ctx: Ctx, request: AuthorizationRequest, mark: string | undefined): number | undefined {
  const [, at, tag] = /^(\d{1,16})\.([\w-]{43})$/.exec(mark ?? '') ?? []
  if (at === undefined || tag === undefined || !secretsEqual(tag, seal(ctx, request, at))) return undefined
  return ctx.now().getTime() - Number(at) <= MAX_AGE ? Number(at) : undefined
}
