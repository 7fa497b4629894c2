import { choice, flag, reference, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { Group, USER_TYPES } from '../../core/people.ts'
import type { Ctx } from '../../context.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Writes what was entered to an account, or makes one. */
export const UserWriteStage = defineStageModel({
  name: 'UserWriteStage',
  label: 'authentik_stages_user_write.userwritestage',
  verboseName: 'User Write Stage',
  description: 'Write the data that was entered to an existing account, or create one.',
  component: 'ak-stage-user-write-form',
  table: 'stage_user_write',
  fields: {
    user_creation_mode: choice(['never_create', 'create_when_required', 'always_create'], 'create_when_required'),
    create_users_as_inactive: flag(false),
    create_users_group: reference(() => Group, { nullable: true }),
    user_type: choice(USER_TYPES, 'external'),
    user_path_template: text({ default: '' }),
  },
  filters: ['create_users_as_inactive', 'create_users_group', 'stage_uuid', 'user_creation_mode', 'user_path_template', 'user_type'],
})

/** Accounts of the server itself are not for a flow to make. */
const clean = (_ctx: Ctx, values: Row): Row =>
  values.user_type === 'internal_service_account' ? { ...values, user_type: 'service_account' } : values

export const userWriteStages = stageResource('/stages/user_write', UserWriteStage, { clean })
