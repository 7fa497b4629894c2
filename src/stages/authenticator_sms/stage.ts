import { addressSetup } from '../../authenticators/address-setup.ts'
import type { Row } from '../../api/model.ts'
import { textField } from '../../flows/answer.ts'
import { defineStage, type Run } from '../../flows/stage.ts'
import { SMSDevice } from './device.ts'
import { AuthenticatorSMSStage } from './model.ts'
import { hashNumber, maskNumber, normalNumber } from './number.ts'
import { textCode } from './send.ts'

/** The number that an earlier form asked for, or an expression. */
function established({ plan }: Run): string | undefined {
  const { prompt_data: prompted, phone } = plan.context as { prompt_data?: Row; phone?: unknown }
  return [prompted?.phone, phone].find((number): number is string => typeof number === 'string' && number !== '')
}

export const authenticatorSms = defineStage({
  model: AuthenticatorSMSStage,
  settings: 'ak-user-settings-authenticator-sms',
  ...addressSetup({
    component: 'ak-stage-authenticator-sms',
    field: 'phone_number',
    read: textField({ maxLength: 64 }),
    missing: 'phone_number required',
    invalid: 'Invalid phone number',
    established,
    normal: normalNumber,
    isSame: (answer, number) => normalNumber(answer) === number || answer === maskNumber(number),
    isTaken: async (ctx, stage, number) =>
      (await ctx.db
        .selectFrom('authenticator_sms')
        .innerJoin('authenticator', 'authenticator.id', 'authenticator_sms.id')
        .select('authenticator.id')
        .where('authenticator_sms.stage', '=', stage.stage_uuid as string)
        .where('authenticator_sms.phone_number', 'in', [number, hashNumber(ctx, number)])
        .where('authenticator.confirmed', '=', true)
        .where('authenticator.deleted', 'is', null)
        .executeTakeFirst()) !== undefined,
    send: textCode,
    // The number is ours to add: a person should see where the code went.
    shown: number => ({ phone_number: number === undefined ? null : maskNumber(number), phone_number_required: number === undefined }),
    model: SMSDevice,
    device: (ctx, stage, number) => ({
      name: 'SMS Device',
      stage: stage.stage_uuid,
      phone_number: stage.verify_only ? hashNumber(ctx, number) : number,
    }),
  }),
})
