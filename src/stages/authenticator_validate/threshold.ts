import { jwtVerify, SignJWT } from 'jose'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { cookieOf } from '../../flows/visit.ts'
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
export async function passedBefore({ ctx, stage }: Run, devices: readonly Row[]): Promise<boolean> {
  const threshold = thresholdOf(stage)
  const cookie = threshold > 0 ? cookieOf(ctx, MFA_COOKIE) : undefined
  if (!cookie || cookie.length > 4096) return false
  try {
    const { payload } = await jwtVerify(cookie, keyOf(ctx, stage), {
      algorithms: ['HS256'],
      currentDate: ctx.now(),
      maxTokenAge: Math.ceil(threshold / 1000),
      requiredClaims: ['exp', 'device', 'stage'],
    })
    return payload.stage === hexOf(stage) && devices.some(device => device.id === payload.device)
  } catch {
    // Another stage's cookie, or an old one: the person is asked.
    return false
  }
}

/** Lets the browser remember that it passed the stage with a device, where the stage wants that. */
export async function rememberPassed({ ctx, stage, visit }: Run, device: Row): Promise<void> {
  const threshold = thresholdOf(stage)
  if (threshold === 0) return
  const now = ctx.now()
  const expires = new Date(now.getTime() + threshold)
  const value = await new SignJWT({ device: device.id, stage: hexOf(stage) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(now)
    .setExpirationTime(expires)
    .sign(keyOf(ctx, stage))
  const secure = ctx.request?.origin.startsWith('https:') ?? false
  const domain = ctx.config.cookie_domain ? { domain: ctx.config.cookie_domain } : {}
  visit.cookies.set(MFA_COOKIE, {
    value,
    options: { path: ctx.config.web.path, httpOnly: true, secure, sameSite: 'lax', expires, ...domain },
  })
}
