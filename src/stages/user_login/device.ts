import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { userUid } from '../../core/user/uid.ts'
import { readHs256, signHs256 } from '../../crypto/hs256.ts'
import { DEVICE_COOKIE, type Visit } from '../../flows/visit.ts'
import { cookieOf } from '../../http/cookie.ts'

/**
 * Devices that somebody signed in from before. The cookie proves nothing but that; it is a hint for policies and for the
 * login event, never a way in.
 */

const KEY = 'known device cookie'

/** Whether the person has a session from this address, or the browser still holds the cookie of an earlier login of theirs. */
export async function isKnownDevice(ctx: Ctx, user: Row): Promise<boolean> {
  const id = user.id as number
  if (ctx.request) {
    const here = await ctx.db
      .selectFrom('session')
      .select('uuid')
      .where('user', '=', id)
      .where('last_ip', '=', ctx.request.clientIp)
      .where('expires', '>', ctx.now())
      .executeTakeFirst()
    if (here) return true
  }
  const cookie = cookieOf(ctx, DEVICE_COOKIE)
  if (!cookie || cookie.length > 4096) return false
  // A cookie of another installation, or an old one: an unknown device, not a fault.
  return readHs256(cookie, ctx.secrets.key(KEY), ctx.now())?.sub === userUid(ctx, id)
}

/** Lets the browser remember that this person signed in here, for `age` ms. */
export function rememberDevice(ctx: Ctx, visit: Visit, user: Row, age: number): void {
  const expires = new Date(ctx.now().getTime() + age)
  const claims = { sub: userUid(ctx, user.id as number), exp: Math.floor(expires.getTime() / 1000) }
  const value = signHs256(claims, ctx.secrets.key(KEY))
  const secure = ctx.request?.origin.startsWith('https:') ?? false
  const domain = ctx.config.cookie_domain ? { domain: ctx.config.cookie_domain } : {}
  visit.cookies.set(DEVICE_COOKIE, {
    value,
    options: { path: ctx.config.web.path, httpOnly: true, secure, sameSite: 'lax', expires, ...domain },
  })
}
