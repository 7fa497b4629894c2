import { Type } from 'typebox'
import { invalidObject } from '../../api/errors.ts'
import { computed, flag, reference, structure, type Field } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { Flow } from '../../flows/flow.ts'
import type { Ctx } from '../../context.ts'
import { defineStageModel, Stage, stageResource } from '../model.ts'
import { CaptchaStage } from '../captcha/model.ts'
import { AuthenticatorValidateStage } from '../authenticator_validate/model.ts'
import { PasswordStage } from '../password/model.ts'

const missing = (key: unknown) => `Invalid pk "${String(key)}" - object does not exist.`

/** Points at kinds of objects that this server does not have: only none of them is a valid value. */
const noneOfMany: Field = {
  ...computed(Type.Array(Type.String({ format: 'uuid' }))),
  readOnly: false,
  check: (value: string[]) => (value.length ? missing(value[0]) : undefined),
}

/** Asks who is there. */
export const IdentificationStage = defineStageModel({
  name: 'IdentificationStage',
  label: 'authentik_stages_identification.identificationstage',
  verboseName: 'Identification Stage',
  description: 'Identify the user for authentication.',
  component: 'ak-stage-identification-form',
  table: 'stage_identification',
  fields: {
    user_fields: structure(Type.Array(Type.Unsafe({ type: 'string', enum: ['email', 'username', 'upn'] })), { default: [] }),
    password_stage: reference(() => PasswordStage, { nullable: true }),
    captcha_stage: reference(() => CaptchaStage, { nullable: true }),
    case_insensitive_matching: flag(true),
    show_matched_user: flag(true),
    enrollment_flow: reference(() => Flow, { nullable: true }),
    recovery_flow: reference(() => Flow, { nullable: true }),
    passwordless_flow: reference(() => Flow, { nullable: true }),
    sources: noneOfMany,
    show_source_labels: flag(false),
    pretend_user_exists: flag(true),
    enable_remember_me: flag(false),
    webauthn_stage: reference(() => AuthenticatorValidateStage, { nullable: true }),
  },
  filters: [
    'captcha_stage',
    'case_insensitive_matching',
    'enrollment_flow',
    'password_stage',
    'passwordless_flow',
    'recovery_flow',
    'show_matched_user',
    'show_source_labels',
    'webauthn_stage',
  ],
  present: async (ctx, rows, query) => (await Stage.present!(ctx, rows, query)).map(values => ({ ...values, sources: [] })),
})

/** Looks at what was sent, as clients know it: a PATCH of other fields passes. */
function clean(_ctx: Ctx, values: Row, current?: Row): Row {
  const fields = values.user_fields as string[] | undefined
  const sources = (values.sources as string[] | undefined) ?? []
  if ((fields ?? (current ? ['untouched'] : [])).length === 0 && sources.length === 0) {
    throw invalidObject('When no user fields are selected, at least one source must be selected')
  }
  return values
}

export const identificationStages = stageResource('/stages/identification', IdentificationStage, { clean })
