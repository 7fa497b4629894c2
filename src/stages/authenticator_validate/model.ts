import { sql } from 'kysely'
import { Type } from 'typebox'
import { choice, computed, decimal, duration, many, structure } from '../../api/fields.ts'
import { invalid } from '../../api/errors.ts'
import { parseUuid } from '../../api/filters.ts'
import type { Row } from '../../api/model.ts'
import { listOf } from '../../api/shapes.ts'
import { DEVICE_CLASSES } from '../../authenticators/kind.ts'
import type { Ctx } from '../../context.ts'
import { deviceTypes, WebAuthnDeviceType } from '../authenticator_webauthn/device-types.ts'
import { defineStageModel, Stage, stageResource } from '../model.ts'

const listOfWords = (words: readonly string[]) => Type.Array(Type.Unsafe({ type: 'string', enum: [...words] }))

/** Asks for a second factor. */
export const AuthenticatorValidateStage = defineStageModel({
  name: 'AuthenticatorValidateStage',
  label: 'authentik_stages_authenticator_validate.authenticatorvalidatestage',
  verboseName: 'Authenticator Validation Stage',
  description: "Ask for one of the user's authenticators.",
  component: 'ak-stage-authenticator-validate-form',
  table: 'stage_authenticator_validate',
  fields: {
    /** What becomes of people without any device of these classes. */
    not_configured_action: choice(['skip', 'deny', 'configure'], 'skip'),
    device_classes: structure(listOfWords(DEVICE_CLASSES), { default: [...DEVICE_CLASSES] }),
    configuration_stages: many(() => Stage, {
      table: 'stage_authenticator_validate_configuration',
      ours: 'stage',
      theirs: 'configuration',
    }),
    /** Nobody is asked again in a browser that passed this stage within this time. */
    last_auth_threshold: duration('seconds=0'),
    webauthn_user_verification: choice(['required', 'preferred', 'discouraged'], 'preferred'),
    webauthn_hints: structure(listOfWords(['security-key', 'client-device', 'hybrid']), { default: [] }),
    /** Empty: all. */
    webauthn_allowed_device_types: many(() => WebAuthnDeviceType, {
      table: 'stage_authenticator_validate_device_type',
      ours: 'stage',
      theirs: 'device_type',
    }),
    webauthn_allowed_device_types_obj: computed(listOf('WebAuthnDeviceType')),
    // Seconds for which a device refuses codes after a wrong one, doubled with each further one; 0 for none.
    email_otp_throttling_factor: decimal(1),
    sms_otp_throttling_factor: decimal(1),
    totp_otp_throttling_factor: decimal(1),
    static_otp_throttling_factor: decimal(1),
  },
  filters: {
    configuration_stages: {
      many: true,
      type: 'uuid',
      apply: (_, values) =>
        sql<boolean>`stage.stage_uuid in (select stage from stage_authenticator_validate_configuration where configuration in (${sql.join(values.map(uuid))}))`,
    },
    not_configured_action: {},
  },
  present: async (ctx, rows, query) => {
    const common = await Stage.present!(ctx, rows, query)
    const types = await deviceTypes(ctx, rows, 'webauthn_allowed_device_types')
    return common.map((shown, index) => ({ ...shown, webauthn_allowed_device_types_obj: types[index] }))
  },
})

function uuid(value: string): string {
  const key = parseUuid(value)
  if (key === undefined) throw invalid({ configuration_stages: ['Enter a valid UUID.'] })
  return key
}

function clean(_: Ctx, values: Row): Row {
  if (values.not_configured_action === 'configure' && !(values.configuration_stages as string[] | undefined)?.length) {
    throw invalid({ not_configured_action: ['When "Not configured action" is set to "Configure", you must set a configuration stage.'] })
  }
  return values
}

export const authenticatorValidateStages = stageResource('/stages/authenticator/validate', AuthenticatorValidateStage, { clean })
