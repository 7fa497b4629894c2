import type { Row } from '../../../api/model.ts'
import { devicesOf, type DeviceClass } from '../../../authenticators/kind.ts'
import type { Ctx } from '../../../context.ts'
import { inMemoryStage, type Plan, type PlannedStage } from '../../../flows/plan.ts'
import { defineMemoryStage, next, type Run } from '../../../flows/stage.ts'
import { authenticatorValidate } from '../../../stages/authenticator_validate/stage.ts'
import { UserLoginStage } from '../../../stages/user_login/model.ts'
import { demandedDevices, usedDevices, type WantedContext } from '../claims/context-class.ts'

const STEP_UP = 'oauth2-step-up'

/** A stage as an administrator would make it, but for this one sign-in. Who has no such device goes on: the endpoint says what that means. */
const settings = (devices: readonly DeviceClass[]): Row => ({
  name: STEP_UP,
  stage_uuid: '',
  not_configured_action: 'skip',
  device_classes: devices,
  configuration_stages: [],
  last_auth_threshold: 'seconds=0',
  webauthn_user_verification: 'preferred',
  webauthn_hints: [],
  webauthn_allowed_device_types: [],
  email_otp_throttling_factor: 1,
  sms_otp_throttling_factor: 1,
  totp_otp_throttling_factor: 1,
  static_otp_throttling_factor: 1,
})

/** Whether one of the devices that are demanded was used in this very sign-in; what a browser was let through with earlier does not count. */
const isProven = ({ plan, stage }: Run): boolean =>
  usedDevices(plan.context.auth_method_args as Row | undefined).some(device => (stage.device_classes as DeviceClass[]).includes(device))

/** Asks for an authenticator of a demanded kind, where the flow itself did not. */
export const stepUpStage = defineMemoryStage({
  ...authenticatorValidate,
  kind: STEP_UP,
  challenge: run => (isProven(run) ? next() : authenticatorValidate.challenge(run)),
})

/**
 * Whether another sign-in could be of a wanted class. Who has no such authenticator is not bothered for a mere wish; where it is essential the flow may
 * have them set one up.
 */
export async function couldStepUp(ctx: Ctx, wanted: WantedContext, user: Row): Promise<boolean> {
  const devices = demandedDevices(wanted)
  if (!devices || wanted.essential) return devices !== undefined
  for (const kind of ctx.registry.deviceKinds)
    if (devices.includes(kind.deviceClass) && (await devicesOf(ctx, kind, user.id as number)).length > 0) return true
  return false
}

const signsIn = (stage: PlannedStage): boolean => stage.kind !== 'memory' && stage.stage.kind === UserLoginStage.label

/** Makes a sign-in demand one of these authenticators, after everything that the flow asks, and before the session begins. */
export function stepUp(plan: Plan, devices: readonly DeviceClass[]): void {
  const at = plan.stages.findIndex(signsIn)
  plan.insertStage(inMemoryStage(STEP_UP, settings(devices)), at < 0 ? plan.stages.length : at)
}
