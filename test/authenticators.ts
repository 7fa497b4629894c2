import { createObject } from '../src/api/objects.ts'
import type { Row } from '../src/api/model.ts'
import type { Ctx } from '../src/context.ts'
import { addDevice } from '../src/authenticators/setup.ts'
import { newTokens, StaticDevice, storeTokens } from '../src/stages/authenticator_static/device.ts'
import { newKey, TOTPDevice } from '../src/stages/authenticator_totp/device.ts'
import { WebAuthnDevice } from '../src/stages/authenticator_webauthn/device.ts'
import { AuthenticatorValidateStage } from '../src/stages/authenticator_validate/model.ts'
import { userUid } from '../src/core/user/uid.ts'
import { Authenticator } from './authenticator.ts'
import { unique } from './builders.ts'
import { codeOf } from './codes.ts'
import { HOST } from './harness.ts'

/** Second factors for tests. */

/** An app as a person holds it: shows the code of an instant. */
export type App = { device: Row; key: string; code: (at: Date) => string }

export async function anApp(ctx: Ctx, user: Row, values: Row = {}): Promise<App> {
  const key = newKey(ctx)
  const device = (await addDevice(ctx, TOTPDevice, user, { name: 'An app', key, ...values }))!
  return { device, key, code: at => codeOf(key, at, (values.digits as number | undefined) ?? 6) }
}

/** Codes on paper. */
export async function aSheet(ctx: Ctx, user: Row, count = 3): Promise<{ device: Row; codes: string[] }> {
  const codes = newTokens(ctx, count, 12)
  const device = await addDevice(ctx, StaticDevice, user, { name: 'A sheet' }, (ctx, device) =>
    storeTokens(ctx, device.id as number, codes),
  )
  return { device: device!, codes }
}

/** A stage that asks for a second factor. */
export const aValidation = (ctx: Ctx, values: Row = {}): Promise<Row> =>
  createObject(ctx, AuthenticatorValidateStage, { name: unique('validation'), ...values })

/** A passkey that somebody has set up. */
export async function aPasskey(ctx: Ctx, user: Row, values: Row = {}): Promise<{ device: Row; authenticator: Authenticator }> {
  const authenticator = new Authenticator({ counter: (values.sign_count as number | undefined) ?? null })
  authenticator.userHandle = Buffer.from(userUid(ctx, user.id as number)).toString('base64url')
  const device = await addDevice(ctx, WebAuthnDevice, user, {
    name: 'A passkey',
    credential_id: authenticator.id,
    public_key: authenticator.publicKey,
    rp_id: HOST,
    ...values,
  })
  return { device: device!, authenticator }
}
