import { defineDeviceKind } from '../../authenticators/kind.ts'
import { subjectOf } from '../../flows/planner.ts'
import { judgeAssertion, requestOptions } from './assertion.ts'
import { typesByKey } from './device-types.ts'
import { isAllowed, WebAuthnDevice } from './device.ts'

/** Passkeys and security keys as a second factor, or as the only one. */
export const webauthnKind = defineDeviceKind({
  deviceClass: 'webauthn',
  model: WebAuthnDevice,
  passedOver: (device, stage) => !isAllowed(stage.webauthn_allowed_device_types, device.device_type),
  challenge: async (run, devices, stage) => requestOptions(run, devices, stage),
  respond: (run, answer, _devices, stage) => judgeAssertion(run, answer, subjectOf(run.ctx, run.plan.context), stage),
  async describe(ctx, devices) {
    const types = await typesByKey(
      ctx,
      devices.flatMap(device => (device.device_type === null ? [] : [device.device_type as string])),
    )
    return devices.map(device => ({
      extra_description: types.get(device.device_type as string)?.description ?? null,
      external_id: device.aaguid as string,
    }))
  },
})
