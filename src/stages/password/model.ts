import { Type } from 'typebox'
import { flag, integer, reference, structure } from '../../api/fields.ts'
import { Flow } from '../../flows/flow.ts'
import { defineStageModel, stageResource } from '../model.ts'
import { BACKENDS } from './backends.ts'

/** Asks for a password. */
export const PasswordStage = defineStageModel({
  name: 'PasswordStage',
  label: 'authentik_stages_password.passwordstage',
  verboseName: 'Password Stage',
  description: "Prompt for the user's password.",
  component: 'ak-stage-password-form',
  table: 'stage_password',
  fields: {
    backends: structure(Type.Array(Type.Unsafe({ type: 'string', enum: [...BACKENDS] }))),
    configure_flow: reference(() => Flow, { nullable: true }),
    failed_attempts_before_cancel: integer({ default: 5 }),
    allow_show_password: flag(false),
  },
  filters: ['allow_show_password', 'configure_flow', 'failed_attempts_before_cancel'],
})

export const passwordStages = stageResource('/stages/password', PasswordStage)
