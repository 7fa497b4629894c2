import { flag } from '../../api/fields.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Shows its name; for trying out flows. */
export const DummyStage = defineStageModel({
  name: 'DummyStage',
  label: 'authentik_stages_dummy.dummystage',
  verboseName: 'Dummy Stage',
  description: 'Used for debugging.',
  component: 'ak-stage-dummy-form',
  table: 'stage_dummy',
  fields: { throw_error: flag(false) },
  filters: ['stage_uuid', 'throw_error'],
})

export const dummyStages = stageResource('/stages/dummy', DummyStage)
