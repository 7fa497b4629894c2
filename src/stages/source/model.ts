import { Type } from 'typebox'
import { duration, reference, structure } from '../../api/fields.ts'
import { Source } from '../../sources/source.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Sends somebody through a login source in the middle of a flow, which then goes on. */
export const SourceStage = defineStageModel({
  name: 'SourceStage',
  label: 'authentik_stages_source.sourcestage',
  verboseName: 'Source Stage',
  description: 'Inject an OAuth or SAML source into the flow execution.',
  component: 'ak-stage-source-form',
  table: 'stage_source',
  fields: {
    source: reference(() => Source),
    resume_timeout: duration('minutes=10'),
    /** What may go wrong with finding the account without keeping the flow from going on. */
    resume_on_match_failures: structure(Type.Array(Type.Unsafe<string>({ type: 'string', enum: ['missing_property'] })), { default: [] }),
  },
  filters: ['resume_timeout', 'source', 'stage_uuid'],
})

export const sourceStages = stageResource('/stages/source', SourceStage)
