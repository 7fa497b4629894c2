import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import { User } from '../../core/people.ts'
import { asObject } from '../../flows/objects.ts'
import type { Run } from '../../flows/stage.ts'
import { WebAuthnDeviceType } from './device-types.ts'
import { WebAuthnDevice } from './device.ts'

/** What counts as having proved the password too, so that flows do not ask for it. */
const BACKEND = 'authentik.core.auth.InbuiltBackend'

/**
 * Notes in the plan whom a passkey alone proved, and by which: it overrides what was noted of other methods.
 * @returns false when the owner is gone
 */
export async function notePasskey({ ctx, plan }: Pick<Run, 'ctx' | 'plan'>, device: Row): Promise<boolean> {
  const user = await findObject(ctx, User, device.user)
  if (!user) return false
  const type = device.device_type === null ? undefined : await findObject(ctx, WebAuthnDeviceType, device.device_type)
  const { context } = plan
  context.pending_user = { ...asObject(User, user), backend: BACKEND }
  context.user_backend = BACKEND
  context.auth_method = 'auth_webauthn_pwl'
  context.auth_method_args = {
    ...(context.auth_method_args as Row | undefined),
    device: eventModel(WebAuthnDevice, device),
    device_type: type ? eventModel(WebAuthnDeviceType, type) : null,
  }
  return true
}
