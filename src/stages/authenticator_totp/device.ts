import { Secret, TOTP } from 'otpauth'
import { deviceModel } from '../../authenticators/device.ts'
import { defineDeviceKind } from '../../authenticators/kind.ts'
import { deviceResources } from '../../authenticators/resources.ts'
import { choice, integer, internal, sealed, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'

/** Seconds that a code lasts (RFC 6238 §5.2), and how many steps beside the right one are taken. */
const PERIOD = 30
const TOLERANCE = 1

/** No clock is trusted to be further off, in steps: ten minutes. */
const MOST_DRIFT = 20

export const KEY_BYTES = 20

/** Twenty random bytes, as apps take them (RFC 4226 §4). */
export const newKey = (ctx: Ctx): string => new Secret({ buffer: Uint8Array.from(ctx.randomBytes(KEY_BYTES)).buffer }).base32

/** An app that shows codes. */
export const TOTPDevice = deviceModel({
  name: 'TOTPDevice',
  label: 'authentik_stages_authenticator_totp.totpdevice',
  verboseName: 'TOTP Device',
  table: 'totp_device',
  fields: {
    key: internal(sealed(text()), newKey),
    digits: internal(integer({ default: 6 })),
    drift: internal(integer({ default: 0 })),
    last_step: internal(integer({ default: -1 })),
  },
})

export const DIGITS = choice(['6', '8'])

/** What a device needs to judge codes. */
export type Clock = { key: string; digits: number; drift: number; last_step: number }

/**
 * The step that a code belongs to and how far it is from where the device's clock should be; undefined for a wrong code and for one of a step that
 * was accepted before, or of an earlier one (RFC 6238 §5.2: a code is accepted once).
 */
export function stepOf(clock: Clock, code: string, now: Date): { step: number; drift: number } | undefined {
  // Digits of any keyboard, in groups or not.
  const token = code.normalize('NFKC').replaceAll(/[\s-]/g, '')
  if (!/^\d+$/.test(token)) return undefined
  const expected = Math.floor(now.getTime() / 1000 / PERIOD) + clock.drift
  const totp = new TOTP({ secret: Secret.fromBase32(clock.key), algorithm: 'SHA1', digits: clock.digits, period: PERIOD })
  const delta = totp.validate({ token, timestamp: expected * PERIOD * 1000, window: TOLERANCE })
  if (delta === null) return undefined
  const step = expected + delta
  const drift = clock.drift + delta
  return step > clock.last_step && Math.abs(drift) <= MOST_DRIFT ? { step, drift } : undefined
}

/** One statement decides who of many with the same code gets through. */
async function verifyCode(ctx: Ctx, device: Row, code: string): Promise<boolean> {
  const match = stepOf(device as unknown as Clock, code, ctx.now())
  if (!match) return false
  const { numUpdatedRows } = await ctx.db
    .updateTable('totp_device')
    .set({ last_step: match.step, drift: match.drift })
    .where('id', '=', device.id as number)
    .where('last_step', '<', match.step)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export const totpKind = defineDeviceKind({ deviceClass: 'totp', model: TOTPDevice, verifyCode })

export const totpDevices = deviceResources('totp', TOTPDevice)

/**
 * The address that apps read from a QR code.
 * @see https://github.com/google/google-authenticator/wiki/Key-Uri-Format
 */
export function configUrl({ issuer, username, key, digits }: { issuer: string; username: string; key: string; digits: number }): string {
  const [by, name] = [encodeURIComponent(issuer), encodeURIComponent(username)]
  return `otpauth://totp/${by}:${name}?secret=${key}&algorithm=SHA1&digits=${digits}&period=${PERIOD}&issuer=${by}`
}
