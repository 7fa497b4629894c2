import { deviceModel } from '../../authenticators/device.ts'
import { defineDeviceKind } from '../../authenticators/kind.ts'
import { deviceResources } from '../../authenticators/resources.ts'
import { computed } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { listOf } from '../../api/shapes.ts'
import type { Ctx } from '../../context.ts'
import { randomString } from '../../lib/random.ts'

/** Letters and digits that cannot be taken for each other when read from paper. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'

/** Codes to keep on paper, each of which works once. */
export const StaticDevice = deviceModel({
  name: 'StaticDevice',
  label: 'authentik_stages_authenticator_static.staticdevice',
  verboseName: 'Static Device',
  table: 'static_device',
  fields: { token_set: computed(listOf('StaticDeviceToken')) },
  present: presentTokens,
})

/** `token_set`: one entry for each code that is left. What the codes are nobody knows but who wrote them down. */
async function presentTokens(ctx: Ctx, devices: Row[]): Promise<Row[]> {
  const keys = devices.map(device => device.id as number)
  const tokens = keys.length ? await ctx.db.selectFrom('static_token').select('device').where('device', 'in', keys).execute() : []
  return keys.map(key => ({ token_set: tokens.filter(({ device }) => device === key).map(() => ({ token: '************' })) }))
}

/** Codes that differ from each other. */
export function newTokens(ctx: Ctx, count: number, length: number): string[] {
  const tokens = new Set<string>()
  while (tokens.size < count) tokens.add(randomString(length, ALPHABET, ctx.randomBytes))
  return [...tokens]
}

/** How a code of a device is stored. However it was typed, the letters count. */
const tokenHash = (ctx: Ctx, device: number, code: string): string =>
  ctx.secrets.hmac('static authenticator code', `${device} ${code.replaceAll(/[\s-]/g, '').toLowerCase()}`)

/** Keeps the codes of a device, in the transaction that makes it. */
export async function storeTokens(ctx: Ctx, device: number, tokens: readonly string[]): Promise<void> {
  if (tokens.length === 0) return
  await ctx.db
    .insertInto('static_token')
    .values(tokens.map(token => ({ device, token_hash: tokenHash(ctx, device, token) })))
    .execute()
}

/** The deletion of its row decides who of many with the same code gets through. */
async function verifyCode(ctx: Ctx, device: Row, code: string): Promise<boolean> {
  const { numDeletedRows } = await ctx.db
    .deleteFrom('static_token')
    .where('device', '=', device.id as number)
    .where('token_hash', '=', tokenHash(ctx, device.id as number, code))
    .executeTakeFirst()
  return numDeletedRows > 0n
}

export const staticKind = defineDeviceKind({ deviceClass: 'static', model: StaticDevice, verifyCode })

export const staticDevices = deviceResources('static', StaticDevice)
