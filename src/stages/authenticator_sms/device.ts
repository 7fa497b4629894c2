import { internal, reference, shown, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import { deviceCode, spendCode } from '../../authenticators/codes.ts'
import { deviceModel } from '../../authenticators/device.ts'
import { defineDeviceKind } from '../../authenticators/kind.ts'
import { deviceResources } from '../../authenticators/resources.ts'
import { withSendLimits } from '../../authenticators/sending.ts'
import { AuthenticatorSMSStage } from './model.ts'
import { isHashed, maskNumber } from './number.ts'
import { textCode } from './send.ts'

/** A phone that somebody has shown to be theirs; its number never changes. */
export const SMSDevice = deviceModel({
  name: 'SMSDevice',
  label: 'authentik_stages_authenticator_sms.smsdevice',
  verboseName: 'SMS Device',
  table: 'authenticator_sms',
  fields: {
    stage: internal(reference(() => AuthenticatorSMSStage, { nullable: true })),
    phone_number: shown(text({ default: '' })),
  },
})

const numberOf = (device: Row): string => device.phone_number as string

export const smsKind = defineDeviceKind({
  deviceClass: 'sms',
  model: SMSDevice,
  passedOver: device => device.stage === null || isHashed(numberOf(device)),
  verifyCode: (ctx, device, code) => spendCode(ctx, deviceCode(device), code),
  async sendCode({ ctx }, device) {
    const user = device.user as number
    return withSendLimits(ctx, { user, address: numberOf(device) }, async () => {
      const stage = await findObject(ctx, AuthenticatorSMSStage, device.stage)
      const owner = await ctx.db.selectFrom('user').selectAll().where('id', '=', user).executeTakeFirstOrThrow()
      await textCode(ctx, { stage: stage!, user: owner, address: numberOf(device), key: deviceCode(device) })
    })
  },
  challenge: async (_run, [device]) => ({ phone_number: maskNumber(numberOf(device!)) }),
  describe: async (_ctx, devices) =>
    devices.map(device => ({
      extra_description: isHashed(numberOf(device)) ? null : maskNumber(numberOf(device)),
      external_id: numberOf(device),
    })),
})

export const smsDevices = deviceResources('sms', SMSDevice)
