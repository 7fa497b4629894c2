import { internal, reference, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import { deviceModel } from '../../authenticators/device.ts'
import { defineDeviceKind, type Judgement } from '../../authenticators/kind.ts'
import { deviceResources } from '../../authenticators/resources.ts'
import { DeliveryError, withSendLimits } from '../../authenticators/sending.ts'
import { currentBrand } from '../../core/brand/model.ts'
import type { Run } from '../../flows/stage.ts'
import { DuoError } from './duo.ts'
import { AuthenticatorDuoStage } from './model.ts'
import { askOnPhone } from './operations.ts'

/** Somebody's account at Duo. */
export const DuoDevice = deviceModel({
  name: 'DuoDevice',
  label: 'authentik_stages_authenticator_duo.duodevice',
  verboseName: 'Duo Device',
  table: 'authenticator_duo',
  fields: {
    stage: internal(reference(() => AuthenticatorDuoStage, { nullable: true })),
    duo_user_id: internal(text({ default: '' })),
  },
})

const refused: Judgement = { errors: { duo: [{ string: 'Duo denied access', code: 'denied' }] } }

/** Sends a push message and waits until the person has answered, or has not. */
async function respond({ ctx, plan }: Run, answer: unknown, devices: Row[]): Promise<Judgement> {
  const device = devices.find(({ id }) => id === answer)
  if (!device) return { errors: { duo: [{ string: 'Invalid device', code: 'invalid' }] } }
  const { user, duo_user_id: userId } = device as { user: number; duo_user_id: string }
  const owner = await ctx.db.selectFrom('user').select('username').where('id', '=', user).executeTakeFirstOrThrow()
  const stage = await findObject(ctx, AuthenticatorDuoStage, device.stage)
  const { title } = await currentBrand(ctx)
  const application = (plan.context.application as Row | undefined)?.name
  let agreed = false
  const errors = await withSendLimits(ctx, { user, address: `duo ${userId}` }, async () => {
    try {
      agreed = await askOnPhone(ctx, stage!, {
        userId,
        username: owner.username,
        ip: ctx.request?.clientIp ?? '',
        type: `${title} Login request`,
        domain: ctx.request?.host ?? '',
        application: typeof application === 'string' ? application : undefined,
      })
    } catch (error) {
      if (error instanceof DuoError) throw new DeliveryError(error.message, error)
      throw error
    }
  })
  if (errors) return { errors }
  return agreed ? { device } : refused
}

export const duoKind = defineDeviceKind({
  deviceClass: 'duo',
  model: DuoDevice,
  passedOver: device => device.stage === null,
  respond,
  describe: async (_ctx, devices) => devices.map(device => ({ extra_description: null, external_id: device.duo_user_id as string })),
})

export const duoDevices = deviceResources('duo', DuoDevice)
