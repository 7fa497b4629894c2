import { Type } from 'typebox'
import { choice, computed, integer, many, reference, structure, text } from '../../api/fields.ts'
import { listOf } from '../../api/shapes.ts'
import { Flow } from '../../flows/flow.ts'
import { defineStageModel, Stage, stageResource } from '../model.ts'
import { deviceTypes, WebAuthnDeviceType } from './device-types.ts'

export const USER_VERIFICATION = ['required', 'preferred', 'discouraged'] as const

/** What browsers are told about the kind of authenticator that is expected; they only order their menu by it. */
export const hints = () =>
  structure(Type.Array(Type.Unsafe({ type: 'string', enum: ['security-key', 'client-device', 'hybrid'] })), { default: [] })

/** Lets people set up a passkey or a security key. */
export const AuthenticatorWebAuthnStage = defineStageModel({
  name: 'AuthenticatorWebAuthnStage',
  label: 'authentik_stages_authenticator_webauthn.authenticatorwebauthnstage',
  verboseName: 'WebAuthn Authenticator Setup Stage',
  description: 'Set up a passkey or a security key.',
  component: 'ak-stage-authenticator-webauthn-form',
  table: 'stage_authenticator_webauthn',
  fields: {
    configure_flow: reference(() => Flow, { nullable: true }),
    friendly_name: text({ default: '' }),
    user_verification: choice(USER_VERIFICATION, 'preferred'),
    authenticator_attachment: choice(['platform', 'cross-platform'], null),
    resident_key_requirement: choice(USER_VERIFICATION, 'preferred'),
    hints: hints(),
    device_type_restrictions: many(() => WebAuthnDeviceType, {
      table: 'stage_authenticator_webauthn_device_type',
      ours: 'stage',
      theirs: 'device_type',
    }),
    device_type_restrictions_obj: computed(listOf('WebAuthnDeviceType')),
    max_attempts: integer({ default: 0, minimum: 0, maximum: 2147483647 }),
  },
  filters: {
    authenticator_attachment: {},
    configure_flow: {},
    device_type_restrictions: { many: true },
    max_attempts: {},
    resident_key_requirement: {},
    user_verification: {},
  },
  async present(ctx, rows, query) {
    const common = await Stage.present!(ctx, rows, query)
    const types = await deviceTypes(ctx, rows, 'device_type_restrictions')
    return common.map((values, index) => ({ ...values, device_type_restrictions_obj: types[index] }))
  },
})

export const webauthnStages = stageResource('/stages/authenticator/webauthn', AuthenticatorWebAuthnStage)
