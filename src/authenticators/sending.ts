import type { Ctx } from '../context.ts'
import { countAttempt } from '../core/attempts.ts'
import { recordEvent } from '../events/record.ts'
import type { AnswerErrors } from '../flows/stage.ts'

const MINUTE = 60_000 // ms

/** How often codes and push messages are sent: to one address or phone, for one account, for one client. */
const LIMITS = {
  address: { most: 5, window: 10 * MINUTE },
  account: { most: 10, window: 60 * MINUTE },
  // Many people may share an address.
  client: { most: 100, window: 10 * MINUTE },
} as const

const error = (string: string, code: string): AnswerErrors => ({ non_field_errors: [{ string, code }] })

const TOO_MANY_SENT = 'Too many codes were sent. Please try again later.'
const NOT_SENT = 'The code could not be sent. Please try again later.'

/** The way to the person is blocked; the message is for administrators. */
export class DeliveryError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DeliveryError'
  }
}

/**
 * Sends something to somebody, unless too much was sent already. What fails with `DeliveryError` is told to administrators.
 * @param address where it goes, in any form
 * @returns what to show when nothing was sent
 */
export async function withSendLimits(
  ctx: Ctx,
  { user, address }: { user: number; address: string },
  send: () => Promise<void>,
): Promise<AnswerErrors | undefined> {
  if (!(await maySend(ctx, user, address))) {
    ctx.log.warn({ user }, 'code withheld: too many were sent')
    return error(TOO_MANY_SENT, 'throttled')
  }
  try {
    await send()
    return undefined
  } catch (cause) {
    if (!(cause instanceof DeliveryError)) throw cause
    ctx.log.error({ err: cause, user }, 'code not sent')
    await recordEvent(ctx, 'configuration_error', { message: `A code could not be sent: ${cause.message}` })
    return error(NOT_SENT, 'not_sent')
  }
}

/** Counts before it decides, so that those who ask at once are all counted. */
async function maySend(ctx: Ctx, user: number, address: string): Promise<boolean> {
  const counters = [
    { key: `code sent to ${address.toLowerCase()}`, limit: LIMITS.address },
    { key: `code sent for ${user}`, limit: LIMITS.account },
    ...(ctx.request ? [{ key: `code sent from ${ctx.request.clientIp}`, limit: LIMITS.client }] : []),
  ]
  let allowed = true
  for (const { key, limit } of counters) if ((await countAttempt(ctx, key, limit.window)) > limit.most) allowed = false
  return allowed
}
