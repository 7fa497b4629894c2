import { Type } from 'typebox'
import { invalidObject } from '../../api/errors.ts'
import { flag, many, reference, structure } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { relatedKeys } from '../../api/store.ts'
import { Flow } from '../../flows/flow.ts'
import type { Ctx } from '../../context.ts'
import { Source } from '../../sources/source.ts'
import { defineStageModel, stageResource } from '../model.ts'
import { CaptchaStage } from '../captcha/model.ts'
import { AuthenticatorValidateStage } from '../authenticator_validate/model.ts'
import { PasswordStage } from '../password/model.ts'

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
    /** Whose buttons the form shows, next to what people can type. */
    sources: many(() => Source, { table: 'stage_identification_source', ours: 'stage', theirs: 'source' }),
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
})

/** A form with nothing to type into needs a button at least. Looks at what was sent: a PATCH of other fields passes. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const fields = values.user_fields as string[] | undefined
  if ((fields ?? (current ? ['untouched'] : [])).length > 0) return values
  const held = async () => (await relatedKeys(ctx, IdentificationStage.fields.sources!, [current!.stage_uuid])).get(current!.stage_uuid)!
  const sources = (values.sources as string[] | undefined) ?? (current ? await held() : [])
  if (sources.length === 0) throw invalidObject('When no user fields are selected, at least one source must be selected')
  return values
}

export const identificationStages = stageResource('/stages/identification', IdentificationStage, { clean })
