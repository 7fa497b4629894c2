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

/** What a mark says: when the person was sent, and whether with the name that the client had guessed filled in. */
export type Prompted = { at: number; hinted: boolean }

const seal = (ctx: Ctx, request: AuthorizationRequest, said: string): string =>
  ctx.secrets.hmac(
    'oauth2 prompted',
    JSON.stringify([said, request.client_id, request.delivery, request.nonce, request.challenge, request.prompt, request.max_age]),
  )

export function promptedMark(ctx: Ctx, request: AuthorizationRequest, hinted: boolean): string {
  const said = `${ctx.now().getTime()}${hinted ? 'h' : ''}`
  return `${said}.${seal(ctx, request, said)}`
}

/** What a mark says that we made for this request; undefined for any other text. */
export function promptedBefore(ctx: Ctx, request: AuthorizationRequest, mark: string | undefined): Prompted | undefined {
  const [, said, at, hinted, tag] = /^((\d{1,16})(h?))\.([\w-]{43})$/.exec(mark ?? '') ?? []
  if (said === undefined || tag === undefined || !secretsEqual(tag, seal(ctx, request, said))) return undefined
  return ctx.now().getTime() - Number(at) <= MAX_AGE ? { at: Number(at), hinted: hinted === 'h' } : undefined
}
