import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { readHs256, signHs256 } from '../../crypto/hs256.ts'
import { cookieOf } from '../../http/cookie.ts'
import type { Run } from '../../flows/stage.ts'
import { parseDuration } from '../../lib/duration.ts'

/**
 * A browser that passed a stage a short while ago is not asked again. The cookie is good for the one stage that gave it, and only while the device that
 * proved it is still one that the stage accepts from this person: another method, or another's, never counts.
 */

const MFA_COOKIE = 'authentik_mfa'

const keyOf = (ctx: Ctx, stage: Row): Uint8Array => ctx.secrets.key(`second factor cookie ${ctx.installId} ${String(stage.stage_uuid)}`)

const hexOf = (stage: Row): string => String(stage.stage_uuid).replaceAll('-', '')

/** ms; less than a second counts as none. */
function thresholdOf(stage: Row): number {
  const threshold = parseDuration(stage.last_auth_threshold as string)
  return threshold >= 1000 ? threshold : 0
}

/** Whether the browser passed the stage with one of these devices within the time that the stage now says. */
export function passedBefore({ ctx, stage }: Run, devices: readonly Row[]): boolean {
  const threshold = thresholdOf(stage)
  const cookie = threshold > 0 ? cookieOf(ctx, MFA_COOKIE) : undefined
  if (!cookie || cookie.length > 4096) return false
  // Another stage's cookie, or an old one: the person is asked.
  const claims = readHs256(cookie, keyOf(ctx, stage), ctx.now())
  if (claims?.stage !== hexOf(stage) || typeof claims.iat !== 'number' || claims.exp === undefined) return false
  return ctx.now().getTime() < claims.iat * 1000 + threshold && devices.some(device => device.id === claims.device)
}

/** Lets the browser remember that it passed the stage with a device, where the stage wants that. */
export function rememberPassed({ ctx, stage, visit }: Run, device: Row): void {
  const threshold = thresholdOf(stage)
  if (threshold === 0) return
  const now = ctx.now().getTime()
  const expires = new Date(now + threshold)
  const claims = { device: device.id, stage: hexOf(stage), iat: Math.floor(now / 1000), exp: Math.floor(expires.getTime() / 1000) }
  const secure = ctx.request?.origin.startsWith('https:') ?? false
  const domain = ctx.config.cookie_domain ? { domain: ctx.config.cookie_domain } : {}
  visit.cookies.set(MFA_COOKIE, {
    value: signHs256(claims, keyOf(ctx, stage)),
    options: { path: ctx.config.web.path, httpOnly: true, secure, sameSite: 'lax', expires, ...domain },
  })
}
