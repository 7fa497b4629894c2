import { internal, reference, shown, text } from '../../api/fields.ts'
import { deviceModel } from '../../authenticators/device.ts'
import { defineDeviceKind } from '../../authenticators/kind.ts'
import { deviceResources } from '../../authenticators/resources.ts'
import { findObject } from '../../api/store.ts'
import { deviceCode, spendCode } from '../../authenticators/codes.ts'
import { withSendLimits } from '../../authenticators/sending.ts'
import { mailCode } from './mail.ts'
import { maskMail } from './mask.ts'
import { AuthenticatorEmailStage } from './model.ts'

/** An address that somebody has shown to be theirs. It never changes: another address is another device, with a proof of its own. */
export const EmailDevice = deviceModel({
  name: 'EmailDevice',
  label: 'authentik_stages_authenticator_email.emaildevice',
  verboseName: 'Email Device',
  table: 'authenticator_email',
  fields: {
    stage: internal(reference(() => AuthenticatorEmailStage, { nullable: true })),
    // What the API makes is a draft of the caller's.
    email: shown(text({ format: 'email' }), ctx => ctx.caller.user?.email ?? ''),
  },
})

export const emailKind = defineDeviceKind({
  deviceClass: 'email',
  model: EmailDevice,
  passedOver: device => device.stage === null,
  verifyCode: (ctx, device, code) => spendCode(ctx, deviceCode(device), code),
  async sendCode({ ctx }, device) {
    const { email: address, user } = device as { email: string; user: number }
    return withSendLimits(ctx, { user, address }, async () => {
      const stage = await findObject(ctx, AuthenticatorEmailStage, device.stage)
      const owner = await ctx.db.selectFrom('user').selectAll().where('id', '=', user).executeTakeFirstOrThrow()
      await mailCode(ctx, { stage: stage!, user: owner, address, key: deviceCode(device) })
    })
  },
  challenge: async (_run, [device]) => ({ email: maskMail(device!.email as string) }),
  describe: async (_ctx, devices) =>
    devices.map(({ email }) => ({ extra_description: maskMail(email as string), external_id: email as string })),
})

export const emailDevices = deviceResources('email', EmailDevice)
